"""What a page's address keeps, and what comes back from it."""

from panel_service import PORTFOLIO, RUN, portfolio, problem, run_view

from oasis_kernel.client.portfolios import RemotePortfolio
from oasis_kernel.client.run import RemoteRun
from widgets import address
from widgets.pages import PortfolioCheck, RunResults


def test_the_address_names_what_is_chosen(session):
    page = PortfolioCheck(session)
    session.portfolio = RemotePortfolio.of(portfolio())
    assert f'data-address="portfolio={PORTFOLIO}"' in page.address.value
    session.run = RemoteRun(session.workbench, run_view("completed"))
    assert f"run={RUN}&amp;portfolio={PORTFOLIO}" in page.address.value


def test_a_page_opens_the_run_of_its_address_and_that_runs_portfolio(service, session, monkeypatch):
    service.answers[f"GET /v1/analyses/{RUN}"] = run_view("cancelled", portfolio=f"/v1/portfolios/{PORTFOLIO}")
    service.answers[f"GET /v1/portfolios/{PORTFOLIO}"] = portfolio("Homes")
    monkeypatch.setenv(address.VARIABLE, f"run={RUN}&theme=dark")
    page = RunResults(session)
    assert session.run.id == RUN
    assert session.portfolio.name == "Homes"
    assert page.status.value == ""


def test_what_is_not_there_any_more_is_said(service, session, monkeypatch):
    service.answers[f"GET /v1/analyses/{RUN}"] = problem(404, "no such run")
    monkeypatch.setenv(address.VARIABLE, f"run={RUN}")
    page = RunResults(session)
    assert session.run is None
    assert "What this address names cannot be shown" in page.status.value


def test_only_what_is_known_is_read_from_an_address():
    assert address.asked({address.VARIABLE: "run=a&x=1&portfolio=b%20c"}) == {"run": "a", "portfolio": "b c"}
    assert address.asked({}) == {}


def test_a_marker_is_escaped():
    assert "<script>" not in address.marker('"><script>')
