"""A vendor's code may raise anything: the message names the model and the method, and there is no traceback."""

import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from standard_folder import AnalysisFolder

from model_plugins.oasis_standard import standard_model
from oasis_kernel.plugins import GROUP, discovery, hookimpl

OWN_LOOKUP = """
class smallKeysLookup:
    interface_version = "1"

    def __init__(self, config, config_dir=None, user_data_dir=None, output_dir=None):
        self.places = {}

    def process_locations(self, locations):
        return [self.places[row] for row in locations["loc_id"]]
"""


class Failing:
    """A model, or its data, one method of which fails."""

    def __init__(self, whole: Any, method: str, failure: Any):
        self._whole = whole
        setattr(self, method, failure)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)


def fails(*arguments: Any) -> Any:
    """Fail as vendors' code does."""
    raise KeyError("region")


@pytest.fixture
def install(analysis: AnalysisFolder, monkeypatch: pytest.MonkeyPatch):
    """Installs the analysis' model, called small, after a change; it is then asked for by name."""

    def installed(change) -> None:
        module = ModuleType("vendor_of_small")
        module.register_models = hookimpl(lambda: [change(standard_model(analysis.path / "oasislmf.json", "small"))])
        monkeypatch.setitem(sys.modules, module.__name__, module)
        found = [EntryPoint("small", module.__name__, GROUP)]
        monkeypatch.setattr(discovery, "entry_points", lambda group: found)
        settings = str(analysis.path / "analysis_settings.json")
        location = str(analysis.path / "location.csv")
        analysis.arguments = ["--model", "small", "--settings", settings, "--location", location]

    return installed


def refused(oasis, analysis: AnalysisFolder, tmp_path: Path) -> tuple[str, str]:
    """What ``check`` and ``run`` say, one error each; nothing is left on the disk."""
    checked = oasis("check", *analysis.arguments, "--json")
    report = json.loads(checked.out)
    ran = oasis("run", *analysis.arguments, "--out", str(tmp_path / "out"))
    assert (checked.code, checked.err, ran.code, ran.out) == (1, "", 1, "")
    assert "Traceback" not in ran.err
    assert not (tmp_path / "out").exists()
    [finding] = report["findings"]
    return f"{finding['file']}: {finding['message']}", ran.err.removeprefix("error ").strip()


@pytest.mark.parametrize(
    ("method", "question"),
    [("lookup", "lookup(Table of 3)"), ("open", "open(ModelChoice)"), ("settings", "settings()"),
     ("fingerprint", "fingerprint()")],
)  # fmt: skip
def test_a_method_of_a_model_that_fails_is_named(method, question, install, analysis, oasis, tmp_path):
    install(lambda model: Failing(model, method, fails))
    for said in refused(oasis, analysis, tmp_path):
        assert said.startswith(f"model small: {question} failed: KeyError: 'region'")


@pytest.mark.parametrize(
    ("method", "question"), [("events", "events()"), ("vulnerability", "vulnerability(ndarray of 2)"),
                             ("occurrence", "occurrence()")]
)  # fmt: skip
def test_a_method_of_a_models_data_that_fails_is_named(method, question, install, analysis, oasis, tmp_path):
    install(lambda model: Failing(model, "open", lambda choice: Failing(model.open(choice), method, fails)))
    for said in refused(oasis, analysis, tmp_path):
        assert said.startswith(f"model small: {question} failed: KeyError: 'region'")


def test_a_hazard_that_fails_is_named_by_the_run(install, analysis, oasis, tmp_path):
    def change(model):
        def opened(choice):
            data = model.open(choice)
            return Failing(data, "hazard", Failing(data.hazard, "footprint", fails))

        return Failing(model, "open", opened)

    install(change)
    ran = oasis("run", *analysis.arguments, "--out", str(tmp_path / "out"))
    wanted = "error model small: footprint(ndarray of 3, ndarray of 3) failed: KeyError: 'region'\n"
    assert (ran.code, ran.err) == (1, wanted)
    assert not (tmp_path / "out").exists()


def test_a_model_that_computes_losses_itself_and_fails_is_named(install, analysis, oasis, tmp_path):
    install(lambda model: Failing(model, "ground_up", fails))
    ran = oasis("run", *analysis.arguments, "--out", str(tmp_path / "out"))
    assert ran.code == 1
    assert ran.err.startswith("error model small: ground_up(ndarray of 3, Items of 6, Coverages, 10) failed: KeyError")
    assert not (tmp_path / "out").exists()


def test_a_lookup_that_returns_no_table_is_refused(install, analysis, oasis, tmp_path):
    install(lambda model: Failing(model, "lookup", lambda location: [1, 2, 3]))
    checked, ran = refused(oasis, analysis, tmp_path)
    assert checked == "keys: must be an Arrow table"
    assert ran == "keys: must be an Arrow table, got 'list'. Return pyarrow.table(..., schema=KEYS_SCHEMA) from lookup"


OWN_CODE = {
    "raises": (OWN_LOOKUP, "lookup_config.json: lookup smallKeysLookup failed on 3 locations: KeyError: 1"),
    "does not parse": ("class smallKeysLookup\n", "own_lookup.py: cannot be imported: SyntaxError: expected ':'"),
    "fails when imported": ("import json\njson.loads('')\n", "own_lookup.py: cannot be imported: JSONDecodeError: "),
    "imports what is not there": ("import no_such_package\n", "own_lookup.py: cannot be imported: No module named"),
    "has no such class": ("places = {}\n", "lookup_config.json: lookup has no class smallKeysLookup in vendor_"),
}


@pytest.mark.parametrize("case", OWN_CODE)
def test_a_lookup_in_the_vendors_own_python_that_fails_is_named(case, analysis, oasis, tmp_path):
    code, message = OWN_CODE[case]
    (analysis.path / "keys_data" / "own_lookup.py").write_text(code)
    model = {"supplier_id": "Test", "model_id": "small", "model_version": "1"}
    config = {"model": model, "keys_data_path": ".", "lookup_module_path": "own_lookup.py"}
    (analysis.path / "keys_data" / "lookup_config.json").write_text(json.dumps(config))
    checked, ran = refused(oasis, analysis, tmp_path)
    assert ran.startswith(message)
    assert checked.partition(": ")[0] == message.partition(": ")[0]
