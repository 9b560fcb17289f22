"""The reference toolkit's configuration file, and the directories that it makes models of."""

import json
from pathlib import Path
from typing import Any

import pytest

from model_plugins import oasis_standard
from model_plugins.oasis_standard.configuration import read_configuration
from model_plugins.oasis_standard.lookup_source import lookup_from_mdk
from model_plugins.oasis_standard.mdk import OLDER_NAMES, PATHS, VALUES, read_mdk
from model_plugins.oasis_standard.model import StandardModel, model_from_mdk
from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.model.engine import parse_options
from oasis_kernel.model.vendor import Model


def write(folder: Path, name: str = "oasislmf.json", **entries: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(entries))
    return folder / name


@pytest.fixture
def mdk(tmp_path: Path) -> Path:
    """A configuration with a model directory of its own, in which nothing but names matters."""
    (tmp_path / "data").mkdir()
    write(tmp_path / "keys", "lookup.json", model={"supplier_id": "Acme", "model_id": "Big Wind", "model_version": "3"},
          step_definition={"a": {"type": "prepare", "parameters": {}}}, strategy=["a"])  # fmt: skip
    return write(tmp_path, model_data_dir="data", lookup_config_json="keys/lookup.json",
                 oed_location_csv="in/loc.csv", reporting_currency="GBP", ktools_alloc_rule_gul=1)  # fmt: skip


def test_a_directory_is_a_model(mdk: Path) -> None:
    model = model_from_mdk(read_mdk(mdk))
    assert isinstance(model, Model)
    assert (model.name, model.supplier, model.version) == ("big-wind", "Acme", "3")
    assert model.lookup_source.keys_data_path == mdk.parent / "keys"
    assert model.settings() == {}
    assert model.demonstration().location == str(mdk.parent / "in" / "loc.csv")
    assert model.demonstration().model == "big-wind"


def test_the_inputs_that_it_names(mdk: Path) -> None:
    found = read_configuration(mdk)
    assert found.model.name == found.files.model == "big-wind"
    assert found.files.reporting_currency == "GBP"
    assert parse_options(found.options, mdk.name)[0].allocation_rule_gul == 1


def test_rates_of_exchange_start_at_their_own_folder(mdk: Path) -> None:
    write(mdk.parent / "fx", "currency.json", file_path="roe.csv")
    entries = json.loads(mdk.read_text())
    write(mdk.parent, **entries, currency_conversion_json="fx/currency.json")
    assert read_configuration(mdk).files.rates == mdk.parent / "fx" / "roe.csv"
    write(mdk.parent / "fx", "currency.json", currency_rates=[])
    with pytest.raises(InvalidInput, match="file_path must name a file of rates"):
        read_configuration(mdk)


def test_older_names_still_mean_what_they_meant(tmp_path: Path) -> None:
    found = read_mdk(write(tmp_path, Source_Exposure_File_Path="a.csv", ktools_alloc_rule_il=3, kernel_alloc_rule_il=2))
    assert found.path("oed_location_csv") == tmp_path / "a.csv"
    assert found.options == {"kernel_alloc_rule_il": 3}
    assert [finding.severity for finding in found.findings] == [Severity.NOTE] * 2


@pytest.mark.parametrize(
    ("entry", "severity", "message"),
    [
        ("model_custom_gulcalc", Severity.ERROR, "is not offered here"),
        ("pre_loss_module", Severity.WARNING, "is not offered here"),
        ("log_level", Severity.NOTE, "has no effect here"),
        ("oed_location_cvs", Severity.WARNING, "is not a known entry, and is ignored"),
    ],
)
def test_what_is_not_used_is_said(tmp_path: Path, entry: str, severity: Severity, message: str) -> None:
    (finding,) = read_mdk(write(tmp_path, **{entry: "x"})).findings
    assert (finding.field, finding.severity, finding.message) == (entry, severity, message)


def test_a_misspelt_entry_gets_a_hint(tmp_path: Path) -> None:
    (finding,) = read_mdk(write(tmp_path, oed_location_cvs="x")).findings
    assert finding.remedy == "Did you mean oed_location_csv?"


def test_every_older_name_leads_somewhere() -> None:
    assert not (set(OLDER_NAMES) & (PATHS | VALUES))


def test_keys_data_path_is_a_folder_or_made_keys(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    assert read_mdk(write(tmp_path, keys_data_path="keys")).path("lookup_data_dir") == tmp_path / "keys"
    assert read_mdk(write(tmp_path, keys_data_path="keys.csv")).findings[0].severity == Severity.WARNING


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", r"broken\.json row 1: must be JSON"), ("[]", "must be a JSON object, got 'list'"),
     ('{"model_data_dir": 3}', "model_data_dir must be a path, got 3")],
)  # fmt: skip
def test_files_that_are_no_configuration(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "broken.json").write_text(text)
    with pytest.raises(InvalidInput, match=message):
        read_mdk(tmp_path / "broken.json")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_mdk(tmp_path / "absent.json")


def test_entries_that_a_model_needs(tmp_path: Path) -> None:
    write(tmp_path, "lookup.json", builtin_lookup_type="oldest")
    with pytest.raises(InvalidInput, match="lookup_module_path must be given"):
        lookup_from_mdk(read_mdk(write(tmp_path)))
    path = write(tmp_path, lookup_config_json="lookup.json")
    with pytest.raises(InvalidInput, match="model_data_dir must be given"):
        model_from_mdk(read_mdk(path))
    with pytest.raises(InvalidInput, match="builtin_lookup_type names no lookup that is known, got 'oldest'"):
        _ = lookup_from_mdk(read_mdk(path)).kind
    path = write(tmp_path, lookup_config_json="lookup.json", model_data_dir="absent")
    with pytest.raises(InvalidInput, match="model_data_dir names something that does not exist"):
        model_from_mdk(read_mdk(path))
    write(tmp_path, "lookup.json", key_server_module_path="server.py")
    with pytest.raises(InvalidInput, match="names a key server of its own"):
        lookup_from_mdk(read_mdk(path))


def test_a_lookup_described_by_entries(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "lookup.py").write_text("")
    (tmp_path / "version.csv").write_text("Acme,Wind,1.2\n")
    write(tmp_path, "complex.json", depth=3)
    path = write(tmp_path, lookup_package_dir="lookup.py", lookup_data_dir="keys", model_version_csv="version.csv",
                 lookup_complex_config_json="complex.json")  # fmt: skip
    source = lookup_from_mdk(read_mdk(path))
    assert source.kind == "own"
    assert source.config["depth"] == 3
    assert source.model_information() == {"supplier_id": "Acme", "model_id": "Wind", "model_version": "1.2"}
    (tmp_path / "version.csv").write_text("Acme\n")
    with pytest.raises(InvalidInput, match=r"version\.csv row 1: must hold supplier, model and version"):
        lookup_from_mdk(read_mdk(path))


def test_dropping_a_directory_makes_a_model(mdk: Path) -> None:
    write(mdk.parent.parent / "worse")
    found = list(oasis_standard.register_models(mdk.parent.parent))
    models = [model.name for model in found if isinstance(model, StandardModel)]
    assert "big-wind" in models
    assert any(isinstance(finding, Finding) and "must be given" in finding.message for finding in found)
    assert list(oasis_standard.register_models(mdk.parent / "nowhere")) == []


def test_the_fingerprint_changes_with_what_a_loss_comes_from(mdk: Path) -> None:
    (mdk.parent / "data" / "footprint.bin").write_bytes(b"1")
    before = model_from_mdk(read_mdk(mdk)).fingerprint()
    assert model_from_mdk(read_mdk(mdk)).fingerprint() == before
    (mdk.parent / "data" / "footprint.bin").write_bytes(b"22")
    after = model_from_mdk(read_mdk(mdk)).fingerprint()
    assert after != before
    (mdk.parent / "keys" / "table.csv").write_text("a\n")
    assert model_from_mdk(read_mdk(mdk)).fingerprint() != after
