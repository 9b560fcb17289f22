"""The client over HTTP: where tokens go, what is repeated, what a refusal becomes."""

import httpx
import pytest
from service_double import Double, json_answer, problem

from oasis_kernel.client.address import service_address
from oasis_kernel.client.problems import ServiceLost, ServiceProblem
from oasis_kernel.errors import InvalidInput, OasisError, PlanRefused, PluginError


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://oasis.example.org", "https://oasis.example.org"),
        ("https://oasis.example.org/", "https://oasis.example.org"),
        ("https://example.org/user/me/v1", "https://example.org/user/me"),
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("http://[::1]:8765/v1/", "http://[::1]:8765"),
        ("http://localhost:1", "http://localhost:1"),
    ],
)
def test_addresses_that_a_token_may_go_to(url, address):
    assert service_address(url) == address


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://oasis.example.org", "must be https"),
        ("http://127.0.0.1.example.org", "must be https"),
        ("http://2130706433.example", "must be https"),
        ("ftp://127.0.0.1", "must be https://HOST or http"),
        ("127.0.0.1:8765", "must be https://HOST or http"),
        ("https://me:secret@oasis.example.org", "no user, password or query"),
        ("https://oasis.example.org?token=secret", "no user, password or query"),
    ],
)
def test_addresses_that_it_may_not_go_to_are_refused_and_not_repeated(url, message):
    with pytest.raises(OasisError, match=message) as refused:
        service_address(url)
    assert "secret" not in str(refused.value)


def test_a_plain_address_elsewhere_is_one_that_the_hub_names():
    inside = {"OASIS_INTERNAL_HOST": "http://10.89.0.1:41234"}
    assert service_address("http://10.89.0.1:41234/", inside) == "http://10.89.0.1:41234"
    with pytest.raises(OasisError, match="must be https"):
        service_address("http://10.89.0.1:41235", inside)


def test_the_token_is_in_one_header_and_in_no_address():
    double = Double().on("GET /v1/models", json_answer({"items": []}))
    service = double.service()
    service.get("/models", limit=1)
    request = double.asked[0]
    assert request.headers["authorization"] == "Bearer secret-token"
    assert "secret-token" not in str(request.url)
    assert "secret-token" not in repr(service)


def test_the_next_page_is_asked_of_the_same_service_whatever_the_link_says():
    first = {"items": [{"n": 1}], "next": "https://evil.example/v1/models?cursor=abc&limit=1"}
    double = Double().on("GET /v1/models", json_answer(first), json_answer({"items": [{"n": 2}], "next": None}))
    assert list(double.service().items("/models")) == [{"n": 1}, {"n": 2}]
    assert [request.url.host for request in double.asked] == ["127.0.0.1"] * 2
    assert double.asked[1].url.params["cursor"] == "abc"


def test_a_service_behind_a_proxys_prefix_is_asked_there_page_after_page():
    first = {"items": [{"n": 1}], "next": "/services/oasis/v1/models?cursor=abc"}
    double = Double().on("GET /services/oasis/v1/models", json_answer(first), json_answer({"items": [], "next": None}))
    assert list(double.service("https://hub.example.org/services/oasis").items("/models")) == [{"n": 1}]
    assert len(double.asked) == 2


def test_no_more_items_are_asked_for_than_wanted():
    page = {"items": [{"n": 1}, {"n": 2}], "next": "/v1/models?cursor=abc"}
    double = Double().on("GET /v1/models", json_answer(page))
    assert len(list(double.service().items("/models", 2))) == 2
    assert len(double.asked) == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("trouble", [httpx.ReadTimeout("slow"), httpx.ConnectError("refused"), httpx.Response(503)])
def test_calls_that_may_be_repeated_are(method, trouble):
    double = Double().on(f"{method} /v1/x", trouble, trouble, json_answer({}))
    assert double.service().call(method, "/x").status_code == 200
    assert len(double.asked) == 3


@pytest.mark.parametrize("trouble", [httpx.ReadTimeout("slow"), httpx.ReadError("gone")])
def test_a_change_that_may_have_happened_is_not_repeated(trouble):
    double = Double().on("POST /v1/analyses", trouble, json_answer({}))
    with pytest.raises(ServiceLost, match="does not answer"):
        double.service().post("/analyses", {})
    assert len(double.asked) == 1


def test_a_change_that_was_never_sent_is_repeated():
    double = Double().on("POST /v1/analyses", httpx.ConnectError("refused"), json_answer({"id": "a"}))
    assert double.service().post("/analyses", {}) == {"id": "a"}


def test_a_service_that_stays_away_is_said_to_be_lost_and_its_runs_to_go_on():
    double = Double().on("GET /v1/analyses", httpx.ConnectError("refused"))
    with pytest.raises(ServiceLost, match=r"127\.0\.0\.1:8765 does not answer \(refused\)\. Its runs go on"):
        double.service().get("/analyses")
    assert len(double.asked) == 3


def test_a_redirect_is_not_followed():
    moved = httpx.Response(307, headers={"Location": "https://evil.example/"})
    double = Double().on("GET /v1/models", moved)
    with pytest.raises(ServiceProblem, match="307"):
        double.service().get("/models")
    assert len(double.asked) == 1


def test_something_else_than_a_service_is_told_from_one():
    page = httpx.Response(200, html="<html>Log in</html>")
    with pytest.raises(OasisError, match=r"answered with text/html.*, not JSON: is it the service's address"):
        Double().on("GET /v1/models", page).service().get("/models")


def test_findings_come_back_as_they_would_locally():
    finding = {"file": "acc.csv", "message": "must not be negative", "row": 12, "field": "LayerLimit", "value": -5}
    told = {**finding, "rule": "", "remedy": "Give 0", "severity": "error", "invented": 1}
    double = Double().on("POST /v1/analyses", problem(422, "1 finding", "invalid-input", findings=[told]))
    with pytest.raises(InvalidInput) as refused:
        double.service().post("/analyses", {})
    assert str(refused.value) == "acc.csv row 12: LayerLimit must not be negative, got -5. Give 0"


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (problem(422, "event 3 needs 9 MiB, and there are 8", "plan-refused"), PlanRefused, "event 3 needs"),
        (problem(502, "model x: lookup failed", "plugin-failed"), PluginError, "model x"),
        (problem(404, "There is no run", "not-found", remedy="List them"), ServiceProblem, r"no run\. List them"),
        (problem(401, "No token"), ServiceProblem, r"No token\. Give a token, or `oasis login"),
        (httpx.Response(418), ServiceProblem, "answered 418"),
    ],
)
def test_each_refusal_is_an_error_of_its_kind_told_once(answer, kind, message):
    double = Double().on("GET /v1/x", answer)
    with pytest.raises(kind, match=message):
        double.service().get("/x")
    assert len(double.asked) == 1
