"""Pages as a service of a real hub: whose token a page's kernel has, and who may open it."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

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
print("ENVIRONMENT" + json.dumps({"token": os.environ["OASIS_TOKEN"], "secrets": secrets}) + "END")
"""


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
    cell = {"cell_type": "code", "id": "a", "execution_count": None, "metadata": {}, "outputs": [], "source": CODE}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))


def test_a_page_is_its_viewers_own(stack: Stack) -> None:
    """Its kernel has the viewer's token, which reaches the service and nothing else, and none of the hub's secrets."""
    secret = stack.people("add", "ann", "--group", "readers")
    with stack.browser() as browser:
        assert path_of(log_in(browser, "ann", secret)[-1]) == "/hub/home"
        asked = follow(browser, browser.get("/services/pages/voila/render/who.ipynb"))
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
        assert "default-src 'self'" in page.headers["content-security-policy"]
        kernel = re.search(r'"kernelId": "([0-9a-f-]{36})"', page.text)[1]
        assert browser.get(f"/services/pages/api/kernels/{kernel}").status_code == 200
        other = stack.people("add", "cat", "--group", "readers")
        with stack.browser() as second:
            log_in(second, "cat", other)
            follow(second, second.get("/services/pages/voila/render/"))
            assert second.get(f"/services/pages/api/kernels/{kernel}").status_code == 403


def test_who_is_not_in_the_pages_groups_is_refused(stack: Stack) -> None:
    secret = stack.people("add", "dan", "--group", "workbench-users")
    with stack.browser() as browser:
        assert path_of(log_in(browser, "dan", secret)[-1]) == "/hub/home"
        answers = follow(browser, browser.get("/services/pages/voila/render/who.ipynb"))
        assert answers[-1].status_code == 403
        assert "ENVIRONMENT" not in answers[-1].text
