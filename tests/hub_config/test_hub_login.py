"""A real hub, proxy and embedded provider: who comes in, who is out, and what is left of them."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hub_stack import Stack, follow, log_in, path_of, proxy_is_here, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not proxy_is_here(), reason="needs configurable-http-proxy, of the extra hub"),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    for needed in ("jupyterhub", "nanoidp", "jupyterlab"):
        pytest.importorskip(needed)
    stack = Stack(tmp_path_factory.mktemp("hub"), {"OASIS_HUB_OIDC__REFRESH_SECONDS": "2"})
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()
        until(stack.is_all_gone, 20)


@pytest.fixture(scope="module")
def password(stack: Stack) -> str:
    """The demo user's, as the first start showed it."""
    return re.search(r"shown once: (\S+)", stack.text())[1]


def api_token(browser: httpx.Client, name: str) -> httpx.Client:
    """A client with an API token that a person made in their browser."""
    xsrf = next(cookie.value for cookie in browser.cookies.jar if cookie.name == "_xsrf" and cookie.path == "/hub/")
    made = browser.post(f"/hub/api/users/{name}/tokens", json={"note": "script"}, headers={"X-XSRFToken": xsrf})
    assert made.status_code == 201, made.text
    return httpx.Client(
        base_url=browser.base_url,
        headers={"Authorization": f"token {made.json()['token']}"},
        trust_env=False,
        timeout=30,
    )


def server_is_up(script: httpx.Client, name: str) -> None:
    """Start a person's server and wait until the hub calls it ready."""
    assert script.post(f"/hub/api/users/{name}/server").status_code in (201, 202)
    until(lambda: script.get(f"/hub/api/users/{name}").json()["servers"].get("", {}).get("ready"), 120)


def test_the_demo_user_logs_in_with_pkce_and_a_nonce(stack: Stack, password: str) -> None:
    with stack.browser() as browser:
        page = follow(browser, browser.get("/hub/oauth_login"))[-1]
        asked = {name: values[0] for name, values in parse_qs(urlsplit(str(page.url)).query).items()}
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["code_challenge"]) == len(asked["nonce"]) == 43
        assert asked["nonce"] != asked["code_challenge"]
        assert "http" not in re.sub(r'transaction_id" value="[^"]*"', "", page.text)  # nothing from elsewhere
    with stack.browser() as browser:
        answers = log_in(browser, "demo", password)
        assert (answers[-1].status_code, path_of(answers[-1])) == (200, "/hub/home")
        assert "demo" in answers[-1].text
        assert browser.get("/hub/admin").status_code == 200  # the first user runs the hub
        assert "default-src 'self'" in answers[-1].headers["content-security-policy"]


def test_a_wrong_password_stays_at_the_provider(stack: Stack, password: str) -> None:
    with stack.browser() as browser:
        answers = log_in(browser, "demo", password + "x")
        assert urlsplit(str(answers[-1].url)).port == stack.provider_port
        assert browser.get("/hub/home").status_code == 302


def test_a_person_in_no_allowed_group_is_refused(stack: Stack) -> None:
    secret = stack.people("add", "eve", "--group", "visitors")
    with stack.browser() as browser:
        answers = log_in(browser, "eve", secret)
        assert answers[-1].status_code == 403
        assert "in no group that may use this workbench" in answers[-1].text
        assert browser.get("/hub/home").status_code == 302


def test_who_leaves_the_group_is_out_with_server_and_tokens(stack: Stack) -> None:
    """The hub finds out by itself: nobody opens a page after the group is gone."""
    secret = stack.people("add", "ann", "--group", "workbench-users")
    with stack.browser() as browser:
        assert path_of(log_in(browser, "ann", secret)[-1]) == "/hub/home"
        with api_token(browser, "ann") as script:
            server_is_up(script, "ann")
            page = follow(browser, browser.get("/user/ann/lab"))[-1]
            assert (page.status_code, path_of(page)) == (200, "/user/ann/lab")
            assert "kernels" in browser.get("/user/ann/api/status").json()  # the server itself answers
            stack.people("groups", "ann", "--group", "visitors")
            until(lambda: "Finished stopping ann" in stack.text() or "Removing user ann" in stack.text(), 60)
            assert script.get("/hub/api/user").status_code == 403
        assert browser.get("/hub/home").status_code == 302
        until(lambda: browser.get("/user/ann/api/status").status_code != 200, 30)
    assert "ann is locked out: is in no allowed group any more" in stack.text()


def test_who_left_is_told_so_and_may_come_back(stack: Stack) -> None:
    secret = stack.people("add", "bob", "--group", "workbench-users")
    with stack.browser() as browser:
        log_in(browser, "bob", secret)
        stack.people("remove", "bob")
        until(lambda: browser.get("/hub/home").status_code in (302, 403), 30)
        assert browser.get("/hub/home").status_code == 302
        secret = stack.people("add", "bob", "--group", "workbench-users")
        assert path_of(log_in(browser, "bob", secret)[-1]) == "/hub/home"


def test_log_out_goes_to_the_provider_and_back(stack: Stack, password: str) -> None:
    with stack.browser() as browser:
        log_in(browser, "demo", password)
        answers = follow(browser, browser.get("/hub/logout"))
        at_provider = urlsplit(answers[0].headers["location"])
        query = parse_qs(at_provider.query)
        assert (at_provider.port, at_provider.path) == (stack.provider_port, "/logout")
        assert query["post_logout_redirect_uri"] == [stack.url + "/hub/login"]
        assert query["id_token_hint"]
        assert path_of(answers[-1]) == "/hub/login"
        assert browser.get("/hub/home").status_code == 302


@pytest.mark.parametrize("path", ["/", "/users", "/api/users", "/settings", "/saml/metadata", "/login", "/clients"])
def test_the_provider_serves_nothing_but_log_in(stack: Stack, path: str) -> None:
    answer = httpx.get(f"http://127.0.0.1:{stack.provider_port}{path}", trust_env=False)
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("path", "host"),
    [("/logout?post_logout_redirect_uri=https://evil.example", None), ("/authorize", "evil.example:80")],
)
def test_the_provider_sends_nobody_elsewhere(stack: Stack, path: str, host: str | None) -> None:
    headers = {"Host": host} if host else {}
    assert (
        httpx.get(f"http://127.0.0.1:{stack.provider_port}{path}", headers=headers, trust_env=False).status_code == 400
    )


def test_logs_and_files_tell_no_secret(stack: Stack, password: str) -> None:
    said = stack.text()
    assert said.count(password) == 1
    assert not re.search(r"[?&](code|id_token_hint)=(?!\[secret\])", said)
    for path in (stack.folder / "hub").rglob("*"):
        if path.is_file() and path.parent.name in ("secrets", "provider"):
            assert path.stat().st_mode & 0o077 == 0, path
            assert password not in path.read_text(encoding="utf-8", errors="replace")
