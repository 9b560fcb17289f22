"""A real hub, and a provider that sends what none should: refused at log-in, and out at the next refresh."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hub_stack import Stack, follow, path_of, proxy_is_here, until
from oidc_signer import SECRET, Signer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not proxy_is_here(), reason="needs configurable-http-proxy, of the extra hub"),
]


@pytest.fixture(scope="module")
def signer() -> Iterator[Signer]:
    signer = Signer()
    yield signer
    signer.stop()


@pytest.fixture(scope="module")
def stack(signer: Signer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    pytest.importorskip("jupyterhub")
    environment = {
        "OASIS_HUB_OIDC__ISSUER": signer.issuer,
        "OASIS_HUB_OIDC__CLIENT_SECRET": SECRET,
        "OASIS_HUB_OIDC__REFRESH_SECONDS": "2",
        "OASIS_HUB_OIDC__UNCONFIRMED_HOURS": str(6 / 3600),
    }
    stack = Stack(tmp_path_factory.mktemp("hub"), environment)
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()


@pytest.fixture(autouse=True)
def honest(signer: Signer) -> None:
    signer.reset()


def come(stack: Stack) -> tuple[int, str, str]:
    """Log in; status, path and text of what follows."""
    with stack.browser() as browser:
        last = follow(browser, browser.get("/hub/oauth_login?next=/hub/home"))[-1]
        return last.status_code, path_of(last), last.text


def test_what_is_proven_comes_in(stack: Stack) -> None:
    assert come(stack)[:2] == (200, "/hub/home")


LIES: dict[str, dict[str, Any]] = {
    "nonce of another log-in": {"claims": {"nonce": "n" * 43}},
    "no nonce": {"claims": {"nonce": None}},
    "key that is not published": {"key": 1},
    "audience is another client": {"claims": {"aud": "another"}},
    "asked for by another client": {"claims": {"aud": ["oasis-workbench", "another"], "azp": "another"}},
    "another issuer": {"claims": {"iss": "https://evil.example"}},
    "expired": {"claims": {"exp": int(time.time()) - 3600}},
    "no subject": {"claims": {"sub": None}},
    "userinfo of somebody else": {"userinfo": {"sub": "s-eve"}},
    "groups as a text": {"userinfo": {"groups": "workbench-users"}},
    "groups of numbers": {"userinfo": {"groups": ["workbench-users", 1]}},
    "groups as an object": {"userinfo": {"groups": {"workbench-users": True}}},
    "no name": {"userinfo": {"preferred_username": None}},
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_not_proven_is_refused(stack: Stack, signer: Signer, lie: str) -> None:
    for name, value in LIES[lie].items():
        setattr(signer, name, value)
    status, _, text = come(stack)
    assert (status, "could not be verified" in text) == (403, True)


def test_a_name_that_is_somebody_elses_here_is_refused(stack: Stack, signer: Signer) -> None:
    assert come(stack)[0] == 200
    signer.person |= {"sub": "s-another", "preferred_username": "Ann"}
    assert come(stack)[0] == 403


@pytest.mark.parametrize("groups", [[], ["visitors"], None])
def test_no_allowed_group_no_access(stack: Stack, signer: Signer, groups: list[str] | None) -> None:
    signer.person = {name: value for name, value in signer.person.items() if name != "groups"}
    if groups is not None:
        signer.person["groups"] = groups
    assert come(stack)[0] == 403


def test_a_name_that_would_be_a_path_is_refused(stack: Stack, signer: Signer) -> None:
    signer.person["preferred_username"] = "../../etc"
    assert come(stack)[0] == 403


def test_an_expired_access_token_is_renewed_with_the_refresh_token(stack: Stack, signer: Signer) -> None:
    with stack.browser() as browser:
        follow(browser, browser.get("/hub/oauth_login?next=/hub/home"))
        signer.access = "expired"
        until(lambda: browser.get("/hub/home") and signer.refreshes >= 1, 30, every=0.5)
        assert browser.get("/hub/home").status_code == 200


def test_a_refusal_of_the_refresh_token_is_the_end(stack: Stack, signer: Signer) -> None:
    with stack.browser() as browser:
        follow(browser, browser.get("/hub/oauth_login?next=/hub/home"))
        signer.access = signer.refresh = "ended"
        until(lambda: browser.get("/hub/home").status_code in (302, 403), 30, every=0.5)
        assert browser.get("/hub/home").status_code == 302


def test_malformed_groups_at_a_refresh_are_the_end(stack: Stack, signer: Signer) -> None:
    with stack.browser() as browser:
        follow(browser, browser.get("/hub/oauth_login?next=/hub/home"))
        signer.userinfo = {"groups": "workbench-users"}
        until(lambda: browser.get("/hub/home").status_code in (302, 403), 30, every=0.5)


def test_while_the_provider_is_away_people_go_on_for_a_while(stack: Stack, signer: Signer) -> None:
    with stack.browser() as browser:
        follow(browser, browser.get("/hub/oauth_login?next=/hub/home"))
        signer.broken = True
        began = time.monotonic()
        time.sleep(3)
        assert browser.get("/hub/home").status_code == 200
        until(lambda: browser.get("/hub/home").status_code in (302, 403), 40, every=0.5)
        assert time.monotonic() - began >= 5
