"""Vendors' Python: lookups and pre-analysis written for the reference toolkit, without that toolkit."""

import importlib.util
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from lookup_cases import locations
from vendor_lookups import DERIVED, DERIVED_CONFIG, VENDOR_LOOKUPS

from model_plugins import oasis_standard
from model_plugins.oasis_standard.compatibility import load_module, vendor_imports
from model_plugins.oasis_standard.lookup_source import LookupSource
from model_plugins.oasis_standard.model import StandardModel
from model_plugins.oasis_standard.pre_analysis import PreAnalysis
from oasis_kernel.errors import InvalidInput, PluginError
from oasis_kernel.formats.oed import read_portfolio
from oasis_kernel.model.exposure import Portfolio


def keys(folder: Path, config: dict[str, Any], files: dict[str, str], count: int = 12) -> pa.Table:
    """The keys of a vendor's lookup whose files are put into a folder."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    given = pa.Table.from_pandas(locations(np.random.default_rng(3), count), preserve_index=False)
    return StandardModel("own", folder, LookupSource(config, folder)).lookup(given)


@pytest.mark.parametrize("name", VENDOR_LOOKUPS)
def test_vendors_lookups_work_as_they_are(tmp_path: Path, name: str) -> None:
    config, files = VENDOR_LOOKUPS[name]
    found = keys(tmp_path, config, files)
    assert found.num_rows > 0
    assert set(found["status"].to_pylist()) <= {"success", "fail", "nomatch", "notmodelled", "noreturn"}


def test_one_key_at_a_time(tmp_path: Path) -> None:
    config, files = VENDOR_LOOKUPS["one_by_one"]
    found = keys(tmp_path, config, files, 3)
    assert found["peril_id"].to_pylist() == ["WTC", "WTC", "WSS", "WSS"] * 3
    assert found["coverage_type"].to_pylist() == [1, 3] * 6


def test_two_models_may_have_files_of_one_name(tmp_path: Path) -> None:
    config, files = VENDOR_LOOKUPS["one_by_one"]
    north = keys(tmp_path / "a", config, {**files, "neighbour.py": "LIMIT = 100.0\n"})
    south = keys(tmp_path / "b", config, {**files, "neighbour.py": "LIMIT = -100.0\n"})
    assert "success" in north["status"].to_pylist()
    assert "success" not in south["status"].to_pylist()
    assert "neighbour" not in sys.modules


@pytest.mark.skipif(importlib.util.find_spec("oasislmf") is not None, reason="oasislmf itself is installed")
def test_stand_ins_vanish(tmp_path: Path) -> None:
    with vendor_imports(tmp_path / "x.py"):
        from oasislmf.utils.coverages import COVERAGE_TYPES  # type: ignore[import-not-found]

        assert COVERAGE_TYPES["contents"]["id"] == 3
    assert not [name for name in sys.modules if name.split(".")[0] == "oasislmf"]


def test_a_module_in_a_package_may_import_relatively(tmp_path: Path) -> None:
    package = tmp_path / "vendor_model" / "inner"
    package.mkdir(parents=True)
    (tmp_path / "vendor_model" / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    (package / "tables.py").write_text("ANSWER = 42\n")
    (package / "lookup.py").write_text(
        "from .tables import ANSWER\nfrom vendor_model.inner.tables import ANSWER as B\n"
    )
    assert load_module(package / "lookup").ANSWER == 42


@pytest.mark.parametrize(
    ("config", "text", "message"),
    [
        ({"lookup_module_path": "gone.py"}, "", "is not a Python file"),
        ({}, "import no_such_module", "cannot be imported: No module named 'no_such_module'"),
        ({}, "x = 1", "has no class DerivedKeysLookup"),
        ({"lookup_class": "no_such.Thing"}, "", "names a lookup that cannot be imported"),
        ({}, "class DerivedKeysLookup:\n    interface_version = '7'\n", "unknown interface version, got '7'"),
    ],
)
def test_lookups_that_cannot_be_loaded(tmp_path: Path, config: dict[str, Any], text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        keys(tmp_path, {**DERIVED_CONFIG, **config}, {"derived.py": text})


def test_a_lookup_that_fails_is_named(tmp_path: Path) -> None:
    broken = DERIVED.replace('locations["numberofstoreys"] + 1', 'locations["depth"]')
    with pytest.raises(PluginError, match="lookup DerivedKeysLookup failed on 12 locations: KeyError: 'depth'"):
        keys(tmp_path, DERIVED_CONFIG, {"derived.py": broken})


def test_a_lookup_installed_as_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "installed_lookup.py").write_text(DERIVED)
    monkeypatch.syspath_prepend(tmp_path)
    config = {name: value for name, value in DERIVED_CONFIG.items() if name != "lookup_module_path"}
    by_module = keys(tmp_path, {**config, "lookup_module": "installed_lookup"}, {})
    by_class = keys(tmp_path, {**config, "lookup_class": "installed_lookup.DerivedKeysLookup"}, {})
    assert by_module.equals(by_class)
    assert by_module.num_rows > 0
    model = StandardModel(
        "own", tmp_path / "data", LookupSource({**config, "lookup_module": "installed_lookup"}, tmp_path)
    )
    before = model.fingerprint()
    (tmp_path / "installed_lookup.py").write_text(DERIVED + "\n")
    assert model.fingerprint() != before
    del sys.modules["installed_lookup"]


PRE_ANALYSIS = """
class ExposurePreAnalysis:
    def __init__(self, exposure_data, exposure_pre_analysis_setting, **kwargs):
        self.exposure_data = exposure_data
        self.factor = exposure_pre_analysis_setting["BuildingTIV_multiplyer"]

    def run(self):
        frame = self.exposure_data.location.dataframe
        frame["BuildingTIV"] = frame["BuildingTIV"] * self.factor
        self.exposure_data.location.dataframe = frame.iloc[::-1]
"""


@pytest.fixture
def pre_analysis(tmp_path: Path) -> PreAnalysis:
    (tmp_path / "pre.py").write_text(PRE_ANALYSIS)
    (tmp_path / "setting.json").write_text(json.dumps({"BuildingTIV_multiplyer": 2}))
    return PreAnalysis(tmp_path / "pre.py", setting=tmp_path / "setting.json")


def portfolio() -> Portfolio:
    location = "PortNumber,AccNumber,LocNumber,CountryCode,LocPerilsCovered,BuildingTIV,OtherTIV,ContentsTIV,BITIV,"
    location += "LocCurrency,OccupancyCode\n1,A,L1,GB,WTC,10,0,0,0,GBP,\n1,A,L2,GB,WTC,20,0,0,0,GBP,1050\n"
    account = "PortNumber,AccNumber,AccCurrency,PolNumber,PolPerilsCovered\n1,A,GBP,P1,WTC\n"
    tables = [pa.csv.read_csv(io.BytesIO(text.encode())) for text in (location, account)]
    return read_portfolio(location=tables[0], account=tables[1])


def test_pre_analysis_changes_the_portfolio(pre_analysis: PreAnalysis, tmp_path: Path) -> None:
    model = StandardModel("own", tmp_path, LookupSource({}, tmp_path), pre_analysis=pre_analysis)
    adjusted = oasis_standard.adjust_exposure(portfolio(), model, {})
    assert adjusted is not None
    assert adjusted.location is not None
    assert adjusted.location["BuildingTIV"].to_pylist() == [40.0, 20.0]
    assert adjusted.location["loc_id"].to_pylist() == [2, 1]
    assert adjusted.location["loc_idx"].to_pylist() == [0, 1]
    assert adjusted.location.schema == portfolio().location.schema
    assert adjusted.account == portfolio().account


def test_models_without_pre_analysis_leave_it(tmp_path: Path) -> None:
    model = StandardModel("own", tmp_path, LookupSource({}, tmp_path))
    assert oasis_standard.adjust_exposure(portfolio(), model, {}) is None


def test_pre_analysis_that_fails_is_named(pre_analysis: PreAnalysis) -> None:
    pre_analysis.module.write_text(PRE_ANALYSIS.replace("BuildingTIV_multiplyer", "factor"))
    with pytest.raises(PluginError, match=r"pre\.py: ExposurePreAnalysis failed on the portfolio: KeyError: 'factor'"):
        pre_analysis.adjust(portfolio(), {})
    pre_analysis.module.write_text("")
    with pytest.raises(InvalidInput, match="has no such class, got 'ExposurePreAnalysis'"):
        pre_analysis.adjust(portfolio(), {})
