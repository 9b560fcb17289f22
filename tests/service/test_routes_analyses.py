"""Analyses: made, listed, changed, started, cancelled, resumed, deleted; estimates and checks with the same body."""

from typing import Any

import pytest
from rest_service import Rest

from oasis_kernel.service import runs
from oasis_kernel.service.tables import ChunkRow, Run


@pytest.fixture
def asked(rest: Rest) -> dict[str, Any]:
    """The body of an analysis of ann's portfolio."""
    made = rest["ann"].post(
        "/v1/portfolios",
        data={"name": "Demo", "groups": ["quants"]},
        files={"location": ("location.csv", _location())},
    )
    return {"model": "toy-wind", "portfolio": made.json()["id"], "samples": 5}


def _location() -> bytes:
    from rest_service import demonstration_files

    return demonstration_files()["location"].read_bytes()


def test_an_analysis_is_queued_with_what_was_asked_for(rest: Rest, asked: dict[str, Any]) -> None:
    body = {**asked, "name": "Q4", "tags": ["q4"], "groups": ["quants"], "resources": {"workers": 2}, "chunks": 7}
    made = rest["ann"].post("/v1/analyses", json=body)
    assert made.status_code == 201
    found = made.json()
    assert made.headers["location"] == found["url"] == f"/v1/analyses/{found['id']}"
    assert (found["state"], found["owner"], found["executor"]) == ("queued", "ann", "threads")
    assert found["request"]["samples"] == 5
    assert found["request"]["chunks"] == 7
    assert found["request"]["resources"]["workers"] == 2
    assert rest["vera"].get(found["url"]).json()["name"] == "Q4"
    assert rest["eve"].get(found["url"]).status_code == 404


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"model": "toy-wnd"}, 404),
        ({"portfolio": "nothing"}, 404),
        ({"version": 9}, 404),
        ({"template": "nothing"}, 404),
        ({"samples": -1}, 422),
        ({"colour": "red"}, 422),
        ({"priority": 1}, 403),
        ({"groups": ["others"]}, 403),
        ({"callback": "http://localhost/x"}, 422),
        ({"executor": "ray"}, 409),
        ({"settings": {"gul_outptu": True}}, 422),
        ({"settings": {"vulnerability_adjustments": {"replace_file": "/etc/passwd"}}}, 422),
    ],
)
def test_what_cannot_be_is_refused_before_it_is_queued(
    rest: Rest, asked: dict[str, Any], change: dict[str, Any], status: int
) -> None:
    refused = rest["ann"].post("/v1/analyses", json={**asked, **change})
    assert refused.status_code == status, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert rest["ann"].get("/v1/analyses").json()["total"] == 0


def test_admins_put_analyses_first(rest: Rest, asked: dict[str, Any]) -> None:
    assert rest["root"].post("/v1/analyses", json={**asked, "priority": 5}).json()["priority"] == 5


def test_a_template_s_settings_go_under_the_analysis_own(rest: Rest, asked: dict[str, Any]) -> None:
    settings = {"gul_output": True, "gul_summaries": [{"id": 1, "ord_output": {"alt_period": True}}]}
    template = rest["ann"].post("/v1/settings-templates", json={"name": "T", "settings": settings}).json()
    body = {**asked, "template": template["id"], "settings": {"event_ranges": "1-10"}}
    made = rest["ann"].post("/v1/analyses", json=body).json()
    assert made["request"]["settings"] == {**settings, "event_ranges": "1-10"}


def test_a_list_is_filtered_sorted_and_paged(rest: Rest, asked: dict[str, Any]) -> None:
    for number in range(5):
        body = {**asked, "name": f"Run {number}", "tags": ["odd" if number % 2 else "even"], "priority": -number}
        assert rest["ann"].post("/v1/analyses", json=body).status_code == 201
    rest["ann"].post("/v1/analyses", json={**asked, "name": "held back", "start": False})

    def names(query: str) -> list[str]:
        found, url = [], f"/v1/analyses?limit=2&{query}"
        while url:
            page = rest["ann"].get(url).json()
            found += [item["name"] for item in page["items"]]
            url = page["next"]
        return found

    assert names("state=cancelled") == ["held back"]
    assert names("tag=odd&sort=name") == ["Run 1", "Run 3"]
    assert names("tag=odd&tag=even&sort=-priority") == [f"Run {number}" for number in range(5)]
    assert names("q=RUN&sort=-created") == [f"Run {number}" for number in (4, 3, 2, 1, 0)]
    assert names("q=%25") == []
    assert len(names("state=queued&state=cancelled")) == 6
    assert names("owner=bob") == []
    assert names("model=other") == []
    assert len(names(f"portfolio={asked['portfolio']}")) == 6
    assert rest["ann"].get("/v1/analyses?state=dancing").status_code == 422
    assert rest["bob"].get("/v1/analyses").json()["total"] == 0


def test_an_analysis_held_back_starts_when_asked_and_is_cancelled_at_once(rest: Rest, asked: dict[str, Any]) -> None:
    url = rest["ann"].post("/v1/analyses", json={**asked, "start": False}).json()["url"]
    assert rest["ann"].post(f"{url}/cancel").status_code == 409
    assert rest["ann"].post(f"{url}/run").json()["state"] == "queued"
    again = rest["ann"].post(f"{url}/run")
    assert again.status_code == 409
    assert again.json()["detail"]
    assert rest["ann"].post(f"{url}/cancel").json()["state"] == "cancelled"
    assert rest["ann"].post(f"{url}/resume").json()["state"] == "queued"


def test_an_analysis_at_work_is_asked_to_stop_and_not_deleted(rest: Rest, asked: dict[str, Any]) -> None:
    url = rest["ann"].post("/v1/analyses", json=asked).json()["url"]
    with rest.database.write() as session:
        runs.claim(session, "test")
    refused = rest["ann"].delete(url)
    assert refused.status_code == 409
    assert "cancel it first" in refused.json()["detail"]
    assert rest["ann"].delete(f"/v1/portfolios/{asked['portfolio']}").status_code == 409
    cancelled = rest["ann"].post(f"{url}/cancel")
    assert cancelled.status_code == 202
    assert cancelled.json()["cancel_requested"]
    queue = rest["ann"].get("/v1/cluster").json()["queue"]
    assert queue["at_work"] == 1
    assert queue["items"][0]["url"] == url
    assert rest["eve"].get("/v1/cluster").json()["queue"]["items"] == []


def test_who_may_change_and_operate(rest: Rest, asked: dict[str, Any]) -> None:
    url = rest["ann"].post("/v1/analyses", json={**asked, "groups": ["quants"]}).json()["url"]
    assert rest["vera"].patch(url, json={"name": "x"}).status_code == 403
    assert rest["bob"].patch(url, json={"name": "x"}).status_code == 403
    assert rest["bob"].delete(url).status_code == 403
    assert rest["vera"].post(f"{url}/cancel").status_code == 403
    assert rest["bob"].post(f"{url}/cancel").status_code == 202
    assert rest["eve"].post(f"{url}/resume").status_code == 404
    changed = rest["ann"].patch(url, json={"name": "New", "tags": ["a", "b"], "groups": []})
    assert (changed.json()["name"], changed.json()["tags"]) == ("New", ["a", "b"])
    assert rest["bob"].get(url).status_code == 404
    assert rest["ann"].delete(url).status_code == 204
    assert rest["ann"].get(url).status_code == 404


def test_chunks_are_a_resource_of_their_own(rest: Rest, asked: dict[str, Any]) -> None:
    made = rest["ann"].post("/v1/analyses", json=asked).json()
    with rest.database.write() as session:
        for number in range(5):
            state = "quarantined" if number == 3 else "done"
            events = {"first": number * 10, "last": number * 10 + 9, "count": 10}
            session.add(
                ChunkRow(
                    run_id=made["id"], number=number, part="", events=events, event_ids=b"", state=state, attempt=1,
                    error="event 33 has no footprint" if number == 3 else None,
                )
            )  # fmt: skip
        session.add(
            ChunkRow(run_id=made["id"], number=4, part="0", events={"first": 40, "last": 44, "count": 5}, event_ids=b"")
        )
    seen, url = [], f"{made['url']}/chunks?limit=2"
    while url:
        page = rest["ann"].get(url).json()
        assert page["total"] == 6
        seen += [(item["number"], item["part"]) for item in page["items"]]
        url = page["next"]
    assert seen == [(0, ""), (1, ""), (2, ""), (3, ""), (4, ""), (4, "0")]
    assert page["states"] == {"done": 4, "quarantined": 1, "waiting": 1}
    bad = rest["ann"].get(f"{made['url']}/chunks?state=quarantined").json()["items"]
    assert bad[0]["error"] == "event 33 has no footprint"
    assert rest["ann"].get(bad[0]["url"]).json()["first_event"] == 30
    assert rest["ann"].get(f"{made['url']}/chunks/4?part=0").json()["events"] == 5
    assert rest["ann"].get(f"{made['url']}/chunks/9").status_code == 404
    assert rest["eve"].get(f"{made['url']}/chunks").status_code == 404


def test_why_an_analysis_failed_is_said(rest: Rest, asked: dict[str, Any]) -> None:
    made = rest["ann"].post("/v1/analyses", json=asked).json()
    error = runs.RunError("a chunk was set aside", "event 33 has no footprint", "Tell the vendor", 3, 30, 39)
    with rest.database.write() as session:
        claimed = runs.claim(session, "test")
        finding = {"file": "location.csv", "message": "is odd", "row": 3, "severity": "warning"}
        runs.fail(session, claimed.id, claimed.attempt, error, [finding])
    found = rest["ann"].get(made["url"]).json()
    assert found["state"] == "failed"
    assert found["error"]["chunk"] == 3
    assert found["error"]["remedy"] == "Tell the vendor"
    assert rest["ann"].get(f"{made['url']}/findings").json()["warnings"] == 1
    assert rest["ann"].get(f"{made['url']}/results").status_code == 409
    log = rest.settings.run_log(made["id"])
    log.parent.mkdir(parents=True)
    log.write_text("one\ntwo\nthree\n")
    assert rest["ann"].get(f"{made['url']}/log?lines=2").json() == {"lines": ["two", "three"]}


def test_an_estimate_and_a_check_take_the_body_of_a_run(rest: Rest, asked: dict[str, Any]) -> None:
    body = {**asked, "settings": {"gul_output": True, "gul_summaries": [{"id": 1, "ord_output": {"alt_period": True}}]}}
    found = rest["vera"].post("/v1/analyses/estimate", json=body)
    assert found.status_code == 200, found.text
    estimate = found.json()
    for name in ("seconds", "peak_bytes", "output_bytes"):
        assert 0 < estimate[name]["low"] <= estimate[name]["likely"] <= estimate[name]["high"]
    assert estimate["samples"] == 5
    checked = rest["vera"].post("/v1/analyses/check", json=body).json()
    assert checked["passed"]
    assert checked["locations"][0]["status"] == "modelled"
    wrong = {
        **body,
        "settings": {**body["settings"], "il_output": True, "il_summaries": body["settings"]["gul_summaries"]},
    }
    told = rest["vera"].post("/v1/analyses/check", json=wrong).json()
    assert not told["passed"]
    assert "account" in told["findings"][-1]["message"]
    refused = rest["vera"].post("/v1/analyses/estimate", json=wrong)
    assert refused.status_code == 422
    assert refused.json()["findings"][-1]["remedy"]


def test_a_deleted_run_is_nowhere(rest: Rest, asked: dict[str, Any]) -> None:
    made = rest["ann"].post("/v1/analyses", json=asked).json()
    rest["ann"].post(f"{made['url']}/cancel")
    rest["ann"].delete(made["url"])
    assert rest["ann"].get("/v1/analyses").json()["total"] == 0
    for part in (
        "",
        "/chunks",
        "/findings",
        "/log",
        "/events",
        "/results",
        "/ep",
        "/ep.png",
        "/summary",
        "/results.zip",
    ):
        assert rest["ann"].get(made["url"] + part).status_code == 404
    with rest.database.read() as session:
        assert session.get(Run, made["id"]) is not None
