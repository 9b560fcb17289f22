"""The documentation builds strictly, reads without a network, and names everything that people outside rely on."""

import inspect
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from reference_tables import DOCS, TABLE_MAKERS, with_tables

import oasis_kernel
from oasis_kernel.cli import app
from oasis_kernel.model.engine import EngineOptions
from oasis_kernel.model.settings import AnalysisSettings, ModelSettings, OrdOutput, SummaryRequest
from oasis_kernel.plugins import hookspecs
from oasis_kernel.service.settings import ServiceSettings

ROOT = DOCS.parent
PAGES = sorted(DOCS.rglob("*.md"))
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def headings(page: str) -> set[str]:
    return set(HEADING.findall((DOCS / page).read_text(encoding="utf-8")))


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """The site built in a copy, with the page's own configuration."""
    shutil.copytree(DOCS, folder / "docs")
    shutil.copy(ROOT / "zensical.toml", folder)
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


class Loads(HTMLParser):
    """What a page makes a browser load: not what it links to."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video", "audio"):
            self.addresses.append(given.get("src") or "")
        if tag == "link" and given.get("rel") not in ("canonical", "prev", "next"):
            self.addresses.append(given.get("href") or "")


def test_the_site_builds_strictly_and_loads_nothing_from_elsewhere(tmp_path):
    built = build(tmp_path)
    assert built.returncode == 0, built.stdout + built.stderr
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) >= len(PAGES)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loads = Loads()
        loads.feed(text)
        assert [address for address in loads.addresses if "//" in address] == [], page
        assert "mermaid" not in text, "the theme would fetch mermaid from a network"
    for style in (tmp_path / "site").rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import", style.read_text(encoding="utf-8")), style


def test_a_broken_link_fails_the_build(tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    shutil.copytree(DOCS, folder / "docs")
    (folder / "docs" / "index.md").write_text("# Start\n\n[nowhere](nowhere.md)\n", encoding="utf-8")
    shutil.copy(ROOT / "zensical.toml", folder)
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    assert subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode != 0


def test_every_page_is_in_the_navigation():
    listed = set(re.findall(r'"([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text(encoding="utf-8")))
    assert listed == {page.relative_to(DOCS).as_posix() for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_tables_are_the_codes_own_words(page):
    text = page.read_text(encoding="utf-8")
    assert with_tables(text) == text, "run: python tests/docs/reference_tables.py"


def test_every_reference_table_is_on_a_page():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert {name for name in TABLE_MAKERS if f"<!-- table: {name} -->" in text} == set(TABLE_MAKERS)


def test_every_public_name_has_its_heading():
    assert set(oasis_kernel.__all__) <= headings("user/python.md")


def test_every_verb_has_its_heading():
    verbs = {command.name or command.callback.__name__.replace("_", "-") for command in app.registered_commands}
    groups = {group.name for group in app.registered_groups}
    assert {f"oasis {name}" for name in verbs | groups} <= headings("user/command-line.md")


def test_every_hook_has_its_heading():
    hooks = {name for name, value in inspect.getmembers(hookspecs, inspect.isfunction) if _is_hook(value)}
    assert hooks
    assert hooks <= headings("vendor/hooks.md")


def _is_hook(function: object) -> bool:
    return hasattr(function, f"{hookspecs.PROJECT}_spec")


@pytest.mark.parametrize(
    "part", [AnalysisSettings, SummaryRequest, OrdOutput, ModelSettings, EngineOptions, ServiceSettings]
)
def test_every_setting_says_what_it_means(part):
    silent = [name for name, field in part.model_fields.items() if not field.description]
    assert silent == []


def test_the_readme_links_to_pages_there_are():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_are_committed_without_outputs(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []
