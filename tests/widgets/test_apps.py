"""The Voila notebooks: three cells each, no outputs kept, and they run without a service too: then they say so."""

import json
import os
import warnings
from pathlib import Path

import pytest

APPS = sorted((Path(__file__).resolve().parents[2] / "widgets" / "apps").glob("*.ipynb"))


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.stem)
def test_an_app_is_three_cells_without_outputs(app):
    cells = json.loads(app.read_text(encoding="utf-8"))["cells"]
    assert [cell["cell_type"] for cell in cells] == ["code"] * 3
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    imported, built, shown = ("".join(cell["source"]) for cell in cells)
    assert imported.startswith("from widgets import")
    assert built.startswith("page = ")
    assert shown == "page"


def test_there_are_three_apps():
    assert [app.stem for app in APPS] == ["portfolio_check", "results", "run_analysis"]


@pytest.mark.slow
@pytest.mark.parametrize("app", APPS, ids=lambda app: app.stem)
def test_an_app_runs_where_no_service_is(app, tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(app, as_version=4)
    nowhere = {**os.environ, "OASIS_HOST": "http://127.0.0.1:9", "OASIS_TOKEN": "none", "IPYTHONDIR": str(tmp_path)}
    client = nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of zmq and jupyter_client, about event loops
        client.execute(env=nowhere)
    (shown,) = notebook.cells[-1].outputs
    assert "application/vnd.jupyter.widget-view+json" in shown["data"]
