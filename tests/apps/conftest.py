"""One workbench and one browser for the tests of the pages; both end with the last of these tests."""

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

NEEDED = ("jupyterhub", "nanoidp", "configurable_http_proxy", "voila", "bqplot", "ray", "fastapi", "playwright")
FAILED = pytest.StashKey[bool]()
MEASURED = pytest.StashKey[list[str]]()
# No name is resolved but this machine's, no service of the browser's maker is asked, and no proxy of the environment.
FLAGS = (
    "--no-sandbox",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here starts real processes."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


def chromium_path() -> str | None:
    """Where Chromium is, or None."""
    named = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
    return named or ("/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else None)


@pytest.fixture(scope="package")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Workbench"]:  # noqa: F821
    """Hub, provider, pages, service and Ray."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}, of the extras hub, widgets, service and ray")
    if chromium_path() is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium), which is not here")
    from apps.workbench_stack import Workbench, models_folder

    folder = tmp_path_factory.mktemp("workbench")
    made = Workbench(folder, models_folder(folder / "models", piwind_folder()))
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="package")
def browser(workbench: "Workbench") -> Iterator["Browser"]:  # noqa: F821
    """Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def person(
    workbench: "Workbench",  # noqa: F821
    browser: "Browser",  # noqa: F821
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., "Person"]]:  # noqa: F821
    """Makes people: with groups, somebody new whom the provider knows; else a browser nobody has logged in with.

    When the test is over no page of theirs may have asked anything of another machine.
    """
    from apps.person import Person

    made: list[Person] = []

    def make(name: str = "", *groups: str) -> Person:
        secret = workbench.add(name, *groups) if groups else ""
        made.append(Person(browser, workbench.url, name, secret))
        return made[-1]

    yield make
    if request.node.stash.get(FAILED, False):
        for one in made:
            one.leave_picture(f"failed-{request.node.name}-{one.name}")
    asked_elsewhere = [address for one in made for address in one.foreign]
    for one in made:
        one.leave()
    assert asked_elsewhere == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember that a test failed, so that pictures of its pages are kept."""
    told = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or told.failed
    return told


def piwind_folder() -> Path | None:
    """PiWind's data, or None."""
    folder = ROOT.parent / "shared" / "data" / "piwind"
    return folder if folder.is_dir() else None


@pytest.fixture
def axe() -> None:
    """Skip without axe."""
    from apps.person import AXE

    if not AXE.exists():
        pytest.skip("needs axe-core in node_modules: npm ci")


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[str, float, float], None]:
    """Keeps how long something took, beside what it may take on a quiet machine; ten times that is a failure."""

    def keep(what: str, seconds: float, bar: float) -> None:
        request.config.stash.setdefault(MEASURED, []).append(f"{what}: {seconds:.2f} s (on a quiet machine {bar:g} s)")
        assert seconds < 10 * bar, f"{what}: {seconds:.1f} s"

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was measured."""
    for line in config.stash.get(MEASURED, []):
        terminalreporter.write_line(line)


@pytest.fixture(autouse=True, scope="package")
def folder_of_pictures() -> None:
    """The folder that OASIS_SCREENSHOTS names, if it does."""
    if folder := os.environ.get("OASIS_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
