"""Pages as a service of a real hub: whose token a page's kernel has, and who may open it."""

import html
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hub_stack import Stack, follow, log_in, path_of, proxy_is_here, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not proxy_is_here(), reason="needs configurable-http-proxy, of the extra hub"),
]

CODE = """
import json, os
secrets = sorted(name for name in os.environ if name.startswith(("JUPYTERHUB_", "OASIS_HUB_")))
told = {"token": os.environ["OASIS_TOKEN"], "secrets": secrets, "pid": os.getpid(), "asked": os.environ["QUERY_STRING"]}
print("ENVIRONMENT" + json.dumps({**told, "ahead": AHEAD}) + "END")
"""
PAGE = "/services/pages/voila/render/who.ipynb"
WAITING = 2  # kernels


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    for needed in ("jupyterhub", "nanoidp", "voila", "ipykernel"):
        pytest.importorskip(needed)
    folder = tmp_path_factory.mktemp("hub")
    notebooks = folder / "notebooks"
    write_page(notebooks / "who.ipynb")
    environment = {
        "OASIS_HUB_PAGES__FOLDER": str(notebooks),
        "OASIS_HUB_PAGES__GROUPS": "readers",
        "OASIS_HUB_ACCESS__ROLES": '{"readers": "viewer"}',
        "OASIS_HUB_ACCESS__DEFAULT_ROLE": "none",
        "OASIS_HUB_OIDC__ALLOWED_GROUPS": "workbench-users,readers",
    }
    stack = Stack(folder, environment)
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()
        until(stack.is_all_gone, 20)


def write_page(path: Path) -> None:
    path.parent.mkdir()
    cell = {"cell_type": "code", "execution_count": None, "outputs": []}
    once = "import os; AHEAD = globals().get('AHEAD', 'OASIS_TOKEN' not in os.environ)"
    first = {**cell, "id": "a", "metadata": {"tags": ["ahead"]}, "source": once}
    second = {**cell, "id": "b", "metadata": {}, "source": CODE}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": [first, second], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))


def page_of(browser: httpx.Client, query: str = "") -> tuple[dict[str, Any], str]:
    """What a page's kernel says of itself, and its id."""
    page = follow(browser, browser.get(PAGE + query))[-1]
    assert page.status_code == 200, page.text
    told = json.loads(re.search(r"ENVIRONMENT(\{.*?\})END", html.unescape(page.text))[1])
    return told, re.search(r'"kernelId": "([0-9a-f-]{36})"', page.text)[1]


def known_to_the_service(stack: Stack, token: str) -> tuple[str, str, tuple[str, ...]]:
    """Whom the service of analyses takes the bearer of a hub's token for, with the settings that the hub gives it."""
    doors = pytest.importorskip("oasis_kernel.service.doors")
    from oasis_kernel.service.settings import HubSettings

    command = [sys.executable, "-m", "hub_config", "service"]
    said = subprocess.run(command, env=stack.environment, capture_output=True, text=True, timeout=60, check=True)
    claim = doors.HubDoor(HubSettings.model_validate(json.loads(said.stdout)["hub"])).identify(token)
    return claim.name, claim.role, claim.groups


def test_a_page_is_its_viewers_own(stack: Stack) -> None:
    """Its kernel has the viewer's token, which reaches the service and nothing else, and none of the hub's secrets."""
    secret = stack.people("add", "ann", "--group", "readers")
    with stack.browser() as browser:
        home = log_in(browser, "ann", secret)[-1]
        assert path_of(home) == "/hub/home"
        assert 'href="/services/pages/voila/render/who.ipynb"' in home.text
        asked = follow(browser, browser.get(PAGE))
        assert any("code_challenge_method=S256" in answer.headers.get("location", "") for answer in asked)
        page = asked[-1]
        assert page.status_code == 200, page.text
        found = json.loads(re.search(r"ENVIRONMENT(\{.*?\})END", html.unescape(page.text))[1])
        assert found["secrets"] == []
        headers = {"Authorization": f"token {found['token']}"}
        told = httpx.get(stack.url + "/hub/api/user", headers=headers, trust_env=False).json()
        assert told["name"] == "ann"
        assert "access:services!service=oasis" in told["scopes"]
        assert not any(scope.startswith(("self", "servers", "tokens", "users")) for scope in told["scopes"])
        assert known_to_the_service(stack, found["token"]) == ("ann", "viewer", ("readers",))
        assert "Oasis workbench" in page.text
        assert '<span class="viewer">ann</span>' in page.text
        assert 'href="/hub/logout"' in page.text
        assert "default-src 'self'" in page.headers["content-security-policy"]
        kernel = re.search(r'"kernelId": "([0-9a-f-]{36})"', page.text)[1]
        assert browser.get(f"/services/pages/api/kernels/{kernel}").status_code == 200
        other = stack.people("add", "cat", "--group", "readers")
        with stack.browser() as second:
            log_in(second, "cat", other)
            follow(second, second.get("/services/pages/voila/render/"))
            assert second.get(f"/services/pages/api/kernels/{kernel}").status_code == 403
            mark = {cookie.path: cookie.value for cookie in second.cookies.jar if cookie.name == "_xsrf"}
            headers = {"X-XSRFToken": mark["/services/pages/"]}
            assert second.post(f"/services/pages/voila/api/shutdown/{kernel}", headers=headers).status_code == 403
        assert browser.get(f"/services/pages/api/kernels/{kernel}").status_code == 200


def test_a_kernel_that_waited_learns_its_viewer_when_it_is_taken(stack: Stack) -> None:
    """It ran what is the same for all before it had a token, which was never in its environment at its start."""
    secret = stack.people("add", "gil", "--group", "readers")
    until(lambda: stack.text().count("Kernel started: ") >= WAITING, 60)
    with stack.browser() as browser:
        log_in(browser, "gil", secret)

        def one_that_waited() -> tuple[dict[str, Any], str] | None:
            told, kernel = page_of(browser, "?run=ABC")
            return (told, kernel) if told["ahead"] else None

        told, kernel = until(one_that_waited, 60, every=3)
        assert told["asked"] == "run=ABC"
        assert told["secrets"] == []
        headers = {"Authorization": f"token {told['token']}"}
        assert httpx.get(stack.url + "/hub/api/user", headers=headers, trust_env=False).json()["name"] == "gil"
        process = Path("/proc") / str(told["pid"])
        if process.is_dir():
            assert told["token"].encode() not in (process / "environ").read_bytes()
        assert told["token"] not in stack.text()
        address = f"/services/pages/api/kernels/{kernel}"
        assert browser.get(address).status_code == 200
        os.kill(told["pid"], signal.SIGKILL)
        until(lambda: browser.get(address).status_code == 404, 30)


def test_a_page_that_is_not_there_is_an_error_in_the_pages_look(stack: Stack) -> None:
    secret = stack.people("add", "hal", "--group", "readers")
    with stack.browser() as browser:
        log_in(browser, "hal", secret)
        shown = follow(browser, browser.get("/services/pages/"))[-1]
        assert 'href="/services/pages/voila/render/who.ipynb"' in shown.text
        missing = browser.get("/services/pages/voila/render/none.ipynb")
        assert missing.status_code == 404
        assert "There is no page of this name" in missing.text


def test_who_is_not_in_the_pages_groups_is_refused(stack: Stack) -> None:
    secret = stack.people("add", "dan", "--group", "workbench-users")
    with stack.browser() as browser:
        assert path_of(log_in(browser, "dan", secret)[-1]) == "/hub/home"
        answers = follow(browser, browser.get("/services/pages/voila/render/who.ipynb"))
        assert answers[-1].status_code == 403
        assert "ENVIRONMENT" not in answers[-1].text


def test_who_has_no_role_in_the_service_has_a_server_that_does_not_reach_it(stack: Stack) -> None:
    """Groups decide: a token that somebody in no group of the service's roles makes has not its scope."""
    secret = stack.people("add", "fay", "--group", "workbench-users")
    with stack.browser() as browser:
        log_in(browser, "fay", secret)
        xsrf = next(cookie.value for cookie in browser.cookies.jar if cookie.name == "_xsrf" and cookie.path == "/hub/")
        made = browser.post("/hub/api/users/fay/tokens", json={}, headers={"X-XSRFToken": xsrf}).json()["token"]
    refused = pytest.importorskip("oasis_kernel.service.identity").Refused
    with pytest.raises(refused, match="lacks the hub scope access:services!service=oasis"):
        known_to_the_service(stack, made)
