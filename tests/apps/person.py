"""Somebody at a browser of their own: what they click is counted, and what their pages ask for is kept."""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Response, Route
from playwright.sync_api import TimeoutError as NotThere

HERE = ("127.0.0.1", "localhost")
DESKTOP, TABLET = (1440, 900), (820, 1180)
RENDER = "/services/pages/voila/render/"
PAGES = {"Run an analysis": "run_analysis", "Results": "results", "Portfolio check": "portfolio_check"}
WAIT_SECONDS = 60.0  # for anything to appear, on a busy machine
START_SECONDS = 120.0  # for a server of one's own
NEW_TOKEN = """async name => {
    const headers = {"X-XSRFToken": window.jhdata.xsrf_token, "Content-Type": "application/json"};
    const answer = await fetch(`/hub/api/users/${name}/tokens`, {method: "POST", headers, body: '{"note": "test"}'});
    return (await answer.json()).token;
}"""
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = ("serious", "critical")
FINDINGS = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
    .map(({id, impact, help, nodes}) => ({id, impact, help, where: nodes.map(node => node.html.slice(0, 200))}))"""


@dataclass
class Person:
    """A browser context: cookies of its own, and nothing reached but this machine."""

    browser: Browser
    url: str
    name: str = ""
    password: str = ""
    clicks: int = 0
    foreign: list[str] = field(default_factory=list)  # what was asked of other machines, and refused

    def __post_init__(self) -> None:
        width, height = DESKTOP
        self.context: BrowserContext = self.browser.new_context(
            base_url=self.url, viewport={"width": width, "height": height}, service_workers="block"
        )
        self.context.set_default_timeout(1000 * WAIT_SECONDS)
        self.context.route(re.compile(".*"), self._only_here)
        self.context.on("page", self._watch)
        self.page: Page = self.context.new_page()

    def _only_here(self, route: Route) -> None:
        if urlsplit(route.request.url).hostname in HERE:
            route.continue_()
        else:
            route.abort()

    def _watch(self, page: Page) -> None:
        """Keep every address elsewhere that a page asks for, sockets and refused requests among them."""
        page.on("request", lambda request: self._seen(request.url))
        page.on("websocket", lambda socket: self._seen(socket.url))
        page.on("console", lambda message: self._refused(message.text))

    def _seen(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "about") and parts.hostname not in HERE:
            self.foreign.append(url)

    def _refused(self, text: str) -> None:
        """What the pages' own policy refused is a request too that should not be made."""
        if "Content Security Policy" in text:
            self.foreign.append(text)

    def leave(self) -> None:
        """Close every page."""
        self.context.close()

    def click(self, what: Locator) -> None:
        """Click, and count it."""
        what.click()
        self.clicks += 1

    def choose(self, label: str, option: str | re.Pattern[str]) -> None:
        """Choose from a list, which is two clicks: one opens it."""
        chosen = self.page.get_by_label(label, exact=True)
        named = chosen.locator("option").filter(has_text=option).first
        named.wait_for(state="attached")
        chosen.select_option(label=named.inner_text())
        self.clicks += 2

    def log_in(self, to: str = "") -> None:
        """From the log-in page through the provider's form; ``to`` is a path, else where the hub sends people."""
        self.page.goto(f"/hub/login{f'?next={to}' if to else ''}")
        self.click(self.page.get_by_role("link", name=re.compile("^Log in with")))
        self.fill_in()

    def fill_in(self) -> None:
        """Fill in the provider's form."""
        self.page.get_by_label("Name").fill(self.name)
        self.page.get_by_label("Password").fill(self.password)
        self.click(self.page.get_by_role("button", name="Log in"))

    def open(self, title: str) -> float:
        """Open a page by its address; returns the seconds until it can be used."""
        began = time.monotonic()
        self.page.goto(f"{RENDER}{PAGES[title]}.ipynb", wait_until="commit")
        self.ready(title)
        return time.monotonic() - began

    def ready(self, title: str) -> None:
        """Wait until a page can be used: its heading and its last button are there."""
        self.page.get_by_role("heading", name=title, exact=True).first.wait_for()
        last = {"Run an analysis": "Run", "Results": "Open", "Portfolio check": "Check"}[title]
        self.page.get_by_role("button", name=last, exact=True).wait_for()

    def button(self, name: str) -> Locator:
        """A button by its whole name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def upload(self, *files: Path) -> None:
        """Pick files, all at once, and send them."""
        with self.page.expect_file_chooser() as chooser:
            self.click(self.page.get_by_role("button", name=re.compile("^Pick files")))
        chooser.value.set_files(list(files))
        for path in files:
            self.page.get_by_role("cell", name=path.name).first.wait_for()
        self.click(self.button("Upload and check"))

    def sees(self, text: str | re.Pattern[str], seconds: float = WAIT_SECONDS) -> bool:
        """Whether a text comes to be seen."""
        try:
            self.page.get_by_text(text).first.wait_for(timeout=1000 * seconds)
        except NotThere:
            return False
        return True

    def status_of(self, path: str) -> int:
        """The status of a page without showing it."""
        return self.context.request.get(path, max_redirects=0).status

    def goto(self, path: str) -> Response:
        """Open a page by its address."""
        answer = self.page.goto(path)
        assert answer is not None
        return answer

    def token(self) -> str:
        """A new token of theirs, made on the hub's home."""
        self.page.goto("/hub/home")
        return str(self.page.evaluate(NEW_TOKEN, self.name))

    def reconnect(self) -> None:
        """Press Reconnect, and wait until the page is another one."""
        with self.page.expect_navigation():
            self.button("Reconnect").click()

    def kernel_id(self) -> str:
        """The kernel of the page that is open."""
        found = self.page.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId")
        return str(found)

    def start_server(self) -> None:
        """Start their own server, from the hub's home, and wait for JupyterLab."""
        self.page.goto("/hub/home")
        self.click(self.page.get_by_role("link", name=re.compile("my notebooks")))
        self.comes_to_notebooks()

    def comes_to_notebooks(self) -> None:
        """Wait until the browser is at their server: at its own address, not at the hub's page about it."""
        own = re.compile(rf"^http://[^/]+/user/{self.name}/lab")
        self.page.wait_for_url(own, timeout=1000 * START_SECONDS)

    @contextmanager
    def kept_at_the_start(self) -> Iterator[None]:
        """The page of a starting server stays: it does not hear how far the server is, nor that it is there."""
        progress = re.compile("/server/progress")
        self.page.route(progress, lambda route: None)
        yield
        self.page.unroute(progress)

    def stop_server(self) -> None:
        """Stop their own server, on the hub's home."""
        self.page.goto("/hub/home")
        self.button("Stop my server").click()
        self.page.get_by_role("link", name="Start my notebooks").wait_for(timeout=1000 * START_SECONDS)

    def close_tab(self) -> None:
        """Close the page, and open an empty one."""
        closed, self.page = self.page, self.context.new_page()
        closed.close()

    def photograph(self, name: str) -> None:
        """Keep pictures of the page, whole, at desktop and tablet width, where a folder is named for them."""
        folder = os.environ.get("OASIS_SCREENSHOTS")
        for title, (width, height) in {"desktop": DESKTOP, "tablet": TABLET}.items():
            self.page.set_viewport_size({"width": width, "height": height})
            assert not self.is_cut_off(), f"{name} is wider than a {title}"
            if folder:
                self.page.wait_for_timeout(400)  # figures are drawn anew
                self.page.screenshot(path=Path(folder) / f"{name}-{title}.png", full_page=True)
        self.page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})

    def leave_picture(self, name: str) -> None:
        """Keep a picture of the page as it is now, where a folder is named for them."""
        if folder := os.environ.get("OASIS_SCREENSHOTS"):
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    def is_cut_off(self) -> bool:
        """Whether one has to scroll sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1"))

    def obstacles(self) -> list[str]:
        """What axe finds that keeps people out of the page as it is now: its serious and critical findings."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate(FINDINGS)
        return [json.dumps(finding, indent=1) for finding in found if finding["impact"] in SERIOUS]
