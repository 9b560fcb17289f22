"""The pages' own look: nothing of it comes from elsewhere, and Voila finds all of it."""

import json
import re
from pathlib import Path

import pytest

JUPYTER = Path(__file__).resolve().parents[2] / "widgets" / "jupyter"
FILES = sorted(path for path in (JUPYTER / "voila" / "templates" / "workbench").rglob("*") if path.is_file())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere(path):
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]+[^\s]*", text)


def test_voila_finds_the_template_and_what_it_stands_on(monkeypatch):
    paths = pytest.importorskip("voila.paths")
    monkeypatch.setenv("JUPYTER_PATH", str(JUPYTER))
    found = paths.collect_template_paths(["voila", "nbconvert"], "workbench", prune=True)
    names = [Path(path).name for path in found if Path(path).parent.name == "templates"]
    assert list(dict.fromkeys(names))[:2] == ["workbench", "lab"]  # it may be installed too
    assert json.loads((FILES[0].parent / "conf.json").read_text())["base_template"] == "lab"


def test_the_notebooks_ask_for_it():
    for app in sorted((JUPYTER.parent / "apps").glob("*.ipynb")):
        metadata = json.loads(app.read_text(encoding="utf-8"))["metadata"]
        assert metadata["voila"]["template"] == "workbench"
        assert metadata["title"]
        assert metadata["description"]


@pytest.mark.parametrize(
    ("base", "told", "expected"),
    [
        ("/services/pages/", {"workbench": {"hub": "/hub/", "viewer": "a<b"}}, ('"/hub/logout"', "a&lt;b")),
        ("/user/ann/", {}, ('"/hub/home"', ">ann<")),
        ("/below/user/ann/", {}, ('"/below/hub/logout"', ">ann<")),
    ],
)
def test_every_page_leads_home_and_out_where_there_is_a_hub(base, told, expected):
    shown = drawn("hub", base, told)
    assert all(part in shown for part in expected)


def test_without_a_hub_there_is_nobody_to_log_out():
    assert drawn("hub", "/", {}).strip() == ""


def test_the_page_that_is_shown_is_marked():
    shown = drawn("top", "/", {}, "results", "")
    assert shown.count("aria-current") == 1
    assert re.search(r'href="results.ipynb" data-page aria-current="page"', shown)


def drawn(macro, *arguments):
    """What a macro of the frame around every page gives."""
    jinja2 = pytest.importorskip("jinja2")
    loader = jinja2.FileSystemLoader(JUPYTER / "voila" / "templates" / "workbench")
    environment = jinja2.Environment(loader=loader, autoescape=True)
    return str(getattr(environment.get_template("frame.macro.html.j2").module, macro)(*arguments))
