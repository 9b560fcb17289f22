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
    assert names[:2] == ["workbench", "lab"]
    assert json.loads((FILES[0].parent / "conf.json").read_text())["base_template"] == "lab"


def test_the_notebooks_ask_for_it():
    for app in sorted((JUPYTER.parent / "apps").glob("*.ipynb")):
        metadata = json.loads(app.read_text(encoding="utf-8"))["metadata"]
        assert metadata["voila"]["template"] == "workbench"
        assert metadata["title"]
        assert metadata["description"]
