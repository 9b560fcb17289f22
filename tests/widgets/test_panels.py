"""Panels against the service double: what they choose, show, ask for, and say when something is wrong."""

import ast
import json
from datetime import UTC, datetime
from html import unescape

import httpx
import pytest
import traitlets as t
from panel_service import ADDRESS, FINDING, LOCATIONS, PORTFOLIO, RUN, listed, portfolio, problem, run_view, stream

from oasis_kernel.client.models import RemoteModel
from oasis_kernel.client.portfolios import RemotePortfolio
from oasis_kernel.client.run import RemoteRun
from widgets.catalogue_panel import CataloguePanel
from widgets.estimate_panel import EstimatePanel
from widgets.pages import PortfolioCheck, RunAnalysis, RunResults
from widgets.portfolio_panel import PortfolioPanel
from widgets.results_panel import ResultsPanel
from widgets.run_list_panel import RunListPanel
from widgets.run_panel import RunPanel, WatchPanel
from widgets.settings_panel import SettingsPanel


def picked(name, content=b"PortNumber,LocNumber\n1,1\n"):
    sent = {"name": name, "type": "text/csv", "size": len(content), "content": memoryview(content)}
    return ({**sent, "last_modified": datetime(2026, 11, 22, tzinfo=UTC)},)


@pytest.fixture
def chosen(session):
    """A session with a portfolio and a model."""
    session.portfolio = RemotePortfolio.of(portfolio())
    session.model = session.workbench.models()["toy-wind"]
    return session


def python_of(panel):
    """The panel's code, which is Python and holds no token."""
    code = panel.python()
    ast.parse(code)
    assert f"bench = ok.connect('{ADDRESS}')" in code
    assert "secret" not in code
    return code


def test_an_upload_becomes_the_sessions_portfolio_with_findings_and_a_map(service, session):
    service.answers["POST /v1/portfolios"] = portfolio("Coast", [{**FINDING, "severity": "warning"}])
    panel = PortfolioPanel(session)
    panel.files.value = picked("coast.csv")
    assert "coast.csv" in panel.picked.value
    panel.upload()
    assert session.portfolio.name == "Coast"
    assert "must not be negative" in panel.findings.value
    assert "1 warning" in panel.findings.value
    dots = panel.map_place.children[0].marks[-1]
    assert [*dots.y] == [25.5, 26.5]
    assert "together 420" in panel.map_words.value
    sent = next(r for r in service.asked if r.method == "POST")
    assert b'filename="coast.csv"' in sent.content


def test_files_that_cannot_be_read_are_findings_not_tracebacks(service, session):
    service.answers["POST /v1/portfolios"] = problem(422, "1 finding", findings=[FINDING])
    panel = PortfolioPanel(session)
    panel.files.value = picked("<i>.csv")
    panel.guarded(panel.upload)
    assert "Give a value of 0 or more" in panel.status.value
    assert "Traceback" not in panel.status.value
    assert "<i>" not in panel.picked.value
    assert session.portfolio is None


def test_files_with_errors_have_no_map_and_not_the_one_before(service, session):
    panel = PortfolioPanel(session)
    session.portfolio = RemotePortfolio.of(portfolio())
    assert panel.map_place.children
    other = PORTFOLIO[:-1] + "9"
    service.answers[f"GET /v1/portfolios/{other}/locations"] = problem(422, "1 finding", findings=[FINDING])
    session.portfolio = RemotePortfolio.of({**portfolio("Broken", [FINDING]), "id": other})
    assert panel.map_place.children == ()
    assert "when the errors above are mended" in panel.map_words.value
    assert "Give a value of 0 or more" in panel.findings.value


def test_files_come_one_by_one_or_all_at_once_and_strange_ones_are_told(session):
    panel = PortfolioPanel(session)
    panel.files.value = picked("locations.csv")
    panel.files.value = (*picked("policies.csv", b"AccNumber,PolNumber\n1,1\n"), *picked("letter.csv", b"Dear,Sir\n"))
    assert "locations.csv" in panel.picked.value
    assert "policies.csv" in panel.picked.value
    assert "letter.csv" not in panel.picked.value
    assert "has the columns of no part of a portfolio" in panel.status.value
    assert "location='locations.csv', account='policies.csv'" in python_of(panel)
    panel.forget()
    assert "No file picked yet" in panel.picked.value


def test_no_file_is_a_finding_too(session):
    panel = PortfolioPanel(session)
    panel.guarded(panel.upload)
    assert "Pick a location file" in panel.status.value


def test_a_name_with_folders_in_it_stays_in_its_folder(service, session):
    service.answers["POST /v1/portfolios"] = portfolio("evil")
    panel = PortfolioPanel(session)
    panel.files.value = picked("../../evil.csv")
    panel.guarded(panel.upload)
    assert session.portfolio.name == "evil"


def test_a_portfolio_that_is_there_is_picked_and_found_by_name(service, session):
    panel = PortfolioPanel(session)
    panel.search.value = "home"
    assert service.queries("GET /v1/portfolios")[-1]["q"] == ["home"]
    panel.there.value = panel.there.options[1][1]
    assert session.portfolio.id == PORTFOLIO
    assert "nothing to remark" in panel.findings.value
    assert PORTFOLIO in python_of(panel)


def test_coverage_of_a_model_is_shown(service, chosen):
    rows = [{"status": "not at risk", "reason": "lies in the sea", "locations": 1, "tiv": 25.0}]
    service.answers[f"POST /v1/portfolios/{PORTFOLIO}/keys"] = {"by_reason": rows}
    panel = PortfolioPanel(chosen)
    panel.look_up()
    assert "lies in the sea" in panel.coverage.value
    assert "100.0\N{NO-BREAK SPACE}%" in panel.coverage.value


def test_the_catalogue_picks_the_only_model_and_describes_it(session):
    panel = CataloguePanel(session)
    assert session.model.name == "toy-wind"
    assert "Wind over &lt;Florida&gt;" in panel.details.value
    assert "Tropical cyclone wind" in panel.details.value
    python_of(panel)


def test_an_empty_catalogue_says_so(service, session):
    service.answers["GET /v1/models"] = listed(broken=[])
    panel = CataloguePanel(session)
    assert session.model is None
    assert "no model is installed" in panel.choice.options[0][0]


def test_the_form_has_the_models_own_questions_and_sets_valid_settings(chosen):
    panel = SettingsPanel(chosen)
    labels = [field.description for field in panel.own.children]
    assert labels == ["Event set", "Demand surge", "Sea level"]
    assert chosen.samples == 100
    assert chosen.settings["model_settings"] == {"event_set": "p", "demand_surge": True, "sea_level": 0.5}
    assert chosen.settings["gul_output"] is chosen.settings["il_output"] is True
    assert chosen.settings["gul_summaries"][1]["oed_fields"] == ["AccNumber"]
    panel.own.children[0].value = "h"
    panel.years.value = "10, 20"
    assert chosen.settings["model_settings"]["event_set"] == "h"
    assert chosen.settings["return_periods"] == [10, 20]
    assert "settings = {" in python_of(panel)


def test_what_is_not_valid_is_said_and_not_set(chosen):
    panel = SettingsPanel(chosen)
    panel.years.value = "soon"
    assert "must be whole years" in panel.status.value
    assert chosen.settings["return_periods"][0] == 5


def test_a_session_refuses_settings_in_the_engines_words(session):
    with pytest.raises(t.TraitError, match="gul_outputs"):
        session.settings = {"gul_outputs": True}


def test_an_estimate_has_its_band(service, chosen):
    band = {"low": 1.0, "likely": 65.0, "high": 4000.0}
    counts = dict.fromkeys(("events", "item_events", "samples", "chunks", "workers", "trial_events"), 3)
    answer = {"seconds": band, "peak_bytes": band, "output_bytes": band, **counts, "trial_seconds": 0.5}
    service.answers["POST /v1/analyses/estimate"] = answer
    panel = EstimatePanel(chosen)
    panel.estimate()
    assert "1 min 5 s" in panel.found.value
    assert "3 chunks on 3 workers" in panel.found.value
    assert service.bodies("POST /v1/analyses/estimate") == [{"model": "toy-wind", "portfolio": PORTFOLIO, "version": 1}]


def test_a_check_says_whether_a_run_would_stop(service, chosen):
    service.answers["POST /v1/analyses/check"] = {"passed": False, "findings": [FINDING], "locations": []}
    panel = EstimatePanel(chosen)
    panel.check()
    assert "A run would stop" in panel.found.value
    assert "BuildingTIV" in panel.found.value
    python_of(panel)


def test_nothing_is_run_before_everything_is_chosen(service, session):
    panel = RunPanel(session)
    assert "No run yet" in panel.board.value
    assert panel.cancel.disabled
    panel.start.click()
    assert "Choose a portfolio and a model first." in panel.status.value
    assert not service.bodies("POST /v1/analyses")


def test_a_run_is_asked_for_with_what_is_chosen_and_followed_to_its_end(service, chosen):
    chosen.samples = 10
    path = f"/v1/analyses/{RUN}"
    service.answers["POST /v1/analyses"] = run_view("queued")
    service.answers[f"GET {path}"] = [run_view("running"), run_view("completed")]
    service.answers[f"GET {path}/chunks"] = listed({"number": 0, "part": "", "state": "done"})
    service.answers[f"GET {path}/events"] = stream((1, "state", {"state": "completed"}))
    panel = RunPanel(chosen)
    panel.name.value = "Q4"
    panel.start.click()
    body = {"model": "toy-wind", "portfolio": PORTFOLIO, "version": 1, "samples": 10, "name": "Q4"}
    assert service.bodies("POST /v1/analyses") == [body]
    assert chosen.run.id == chosen.completed == RUN
    assert "1 done" in panel.board.value
    assert panel.cancel.disabled
    code = python_of(panel)
    assert f"run = bench.run('toy-wind', '{PORTFOLIO}', samples=10, name='Q4')" in code


def test_a_failed_run_says_what_to_do_and_can_be_resumed(service, session):
    path = f"/v1/analyses/{RUN}"
    error = {"what": "chunk 3 does not fit", "cause": "out of memory", "remedy": "Give more memory"}
    service.answers[f"GET {path}"] = run_view("failed", error=error)
    service.answers[f"GET {path}/chunks"] = listed()
    service.answers[f"GET {path}/events"] = stream()
    service.answers[f"POST {path}/resume"] = run_view("queued")
    panel = RunPanel(session)
    session.run = RemoteRun(session.workbench, run_view("failed", error=error))
    assert "chunk 3 does not fit. out of memory" in panel.board.value
    assert "Give more memory" in panel.board.value
    assert not panel.resume.disabled
    panel.resume.click()
    assert any(r.url.path.endswith("/resume") for r in service.asked)


def test_who_only_watches_cannot_start(service, session):
    panel = WatchPanel(session)
    assert "Open one from the list" in panel.board.value
    assert panel.start not in [child for row in panel.children if hasattr(row, "children") for child in row.children]
    assert "run = bench.open_run('last')" in python_of(panel)


def test_results_say_why_there_are_none(service, session):
    panel = ResultsPanel(session)
    assert "No run is chosen" in panel.headline.value
    service.answers[f"GET /v1/analyses/{RUN}"] = run_view("running")
    session.run = RemoteRun(session.workbench, run_view("running"))
    assert "no results yet: it is running" in panel.headline.value


def test_runs_come_in_pages_from_the_service(service, session):
    first = [run_view("completed", id=f"{RUN[:-2]}{n:02}", name=f"run {n}") for n in range(25)]
    second = [run_view("failed", id="X" * 26, name="oldest")]
    following = "/v1/analyses?limit=25&cursor=abc"

    def page(request: httpx.Request):
        if b"cursor" in request.url.query:
            return listed(*second, total=26)
        return listed(*first, following=following, total=26)

    service.answers["GET /v1/analyses"] = page
    panel = RunListPanel(session)
    assert "Runs 1 to 25 of 26" in panel.rows.value
    assert panel.newer.disabled
    panel.older.click()
    assert "oldest" in panel.rows.value
    assert panel.older.disabled
    panel.newer.click()
    assert len(service.queries("GET /v1/analyses")) == 2, "a page is asked for once"
    panel.state.value = "failed"
    assert service.queries("GET /v1/analyses")[-1]["state"] == ["failed"]
    python_of(panel)


def test_no_run_is_said(session):
    assert "No run yet" in RunListPanel(session).rows.value


def test_opening_a_run_chooses_it_for_all_panels(service, session):
    service.answers["GET /v1/analyses"] = listed(run_view("completed"))
    service.answers[f"GET /v1/analyses/{RUN}"] = run_view("completed")
    panel = RunListPanel(session)
    panel.open_run()
    assert session.run.id == RUN


def test_a_run_is_shared_with_the_groups_that_are_named_and_no_others(service, session):
    service.answers["GET /v1/analyses"] = listed(run_view("completed", groups=["flood"]))
    service.answers[f"PATCH /v1/analyses/{RUN}"] = run_view("completed", groups=["flood", "property"])
    panel = RunListPanel(session)
    assert panel.groups.value == "flood"
    panel.groups.value = "flood,  property ,"
    panel.share()
    [asked] = [request for request in service.asked if request.method == "PATCH"]
    assert json.loads(asked.content) == {"groups": ["flood", "property"]}
    assert "Q4 is seen by flood, property." in panel.status.value


def test_a_run_is_deleted_only_when_asked_twice(service, session):
    service.answers["GET /v1/analyses"] = listed(run_view("completed"))
    service.answers[f"DELETE /v1/analyses/{RUN}"] = httpx.Response(204)
    panel = RunListPanel(session)
    panel.delete()
    assert "Press Delete again to delete Q4" in panel.status.value
    assert not [r for r in service.asked if r.method == "DELETE"]
    panel.delete()
    assert len([r for r in service.asked if r.method == "DELETE"]) == 1


def test_a_lost_service_is_a_sentence(service, session):
    service.answers["GET /v1/analyses"] = httpx.ConnectError("refused")
    panel = RunListPanel(session)
    assert "does not answer" in panel.status.value
    assert 'role="status"' in panel.status.value


def test_an_error_that_nobody_expected_names_its_panel(session):
    panel = RunListPanel(session)
    panel.guarded(lambda: 1 // 0)
    assert "Runs failed: ZeroDivisionError" in panel.status.value


def test_every_field_has_a_label(session):
    page = RunAnalysis(session)
    unnamed = [
        f"{type(widget).__name__} of {type(panel).__name__}"
        for panel in page.shown
        for widget in vars(panel).values()
        if hasattr(widget, "description") and widget.has_trait("value") and type(widget).__name__ != "HTML"
        if not widget.description
    ]
    assert unnamed == []


def test_buttons_say_what_they_do(session):
    for panel in RunAnalysis(session).shown:
        for button in panel._buttons:
            assert button.description
            assert button.tooltip


@pytest.mark.parametrize("page", [RunAnalysis, RunResults, PortfolioCheck])
def test_pages_hold_their_panels_and_one_heading(session, page):
    made = page(session)
    assert [type(panel) for panel in made.shown] == [*page.panels]
    assert f"<h1>{page.title}</h1>" in made.children[0].value


def test_code_is_shown_when_asked_for_and_kept_up_to_date(chosen):
    panel = RunPanel(chosen)
    assert panel._code.layout.display == "none"
    panel._show_code.value = True
    assert "bench.run('toy-wind'" in unescape(panel._code.value)
    assert "<button" in panel._code.value


def test_locations_are_asked_for_with_the_columns_they_have(service, session):
    found = session.locations_of(PORTFOLIO, "Latitude,BITIV,Longitude", 10)
    assert found == (LOCATIONS, 2)
    assert service.queries(f"GET /v1/portfolios/{PORTFOLIO}/locations")[-1]["columns"] == ["Latitude,Longitude"]


def test_models_stay_what_they_are(session):
    assert isinstance(session.workbench.models()["toy-wind"], RemoteModel)
