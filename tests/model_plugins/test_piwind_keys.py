"""PiWind's keys: those of the stored results, and those of the reference run beside us, in its order."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from model_plugins.oasis_standard import standard_model
from oasis_kernel.formats.oed import read_portfolio
from oasis_kernel.model.vendor import Model, ModelChoice
from oasis_kernel.plugins.conformance import ModelConformance

COLUMNS = {
    "loc_id": "LocID",
    "peril_id": "PerilID",
    "coverage_type": "CoverageTypeID",
    "area_peril_id": "AreaPerilID",
    "vulnerability_id": "VulnerabilityID",
    "amplification_id": "AmplificationID",
}


def successful_keys(mdk: Path, location: Path) -> pd.DataFrame:
    """Our successful keys under the reference's column names."""
    portfolio = read_portfolio(location=str(location))
    keys = standard_model(mdk).lookup(portfolio.location).to_pandas()
    keys = keys[keys["status"] == "success"].drop(columns=["status", "message"])
    return keys.rename(columns=COLUMNS).reset_index(drop=True)


@pytest.mark.parity
def test_keys_of_the_stored_results(piwind: Path) -> None:
    ours = successful_keys(piwind / "oasislmf.json", piwind / "inputs" / "SourceLocOEDPiWind10.csv")
    stored = pd.read_csv(piwind / "expected" / "all_outputs" / "input" / "keys.csv")
    order = ["LocID", "PerilID", "CoverageTypeID"]
    ours = ours.sort_values(order, ignore_index=True).astype({"PerilID": "object"})
    stored = stored[list(ours.columns)].sort_values(order, ignore_index=True).astype({"PerilID": "object"})
    pd.testing.assert_frame_equal(ours, stored, check_dtype=False)


@pytest.mark.differential
@pytest.mark.slow
@pytest.mark.parametrize("amplification", [False, True])
@pytest.mark.parametrize("portfolio", ["SourceLocOEDPiWind10.csv", "SourceLocOEDPiWind.csv"])
def test_keys_and_order_of_the_reference(piwind: Path, tmp_path: Path, portfolio: str, amplification: bool) -> None:
    python = os.environ.get("OASISLMF_PYTHON")
    if not python:
        pytest.skip("set OASISLMF_PYTHON to an interpreter with oasislmf 2.5.8")
    shutil.copytree(piwind / "keys_data", tmp_path / "keys_data")
    config_path = tmp_path / "keys_data" / "PiWind" / "lookup_config.json"
    config = json.loads(config_path.read_text())
    if amplification:
        config["strategy"].append("amplification")
    config_path.chmod(0o644)
    config_path.write_text(json.dumps(config))
    mdk = tmp_path / "oasislmf.json"
    entries = {"lookup_config_json": "keys_data/PiWind/lookup_config.json", "model_data_dir": "keys_data"}
    mdk.write_text(json.dumps(entries))
    location = piwind / "inputs" / portfolio
    keys, errors = tmp_path / "keys.csv", tmp_path / "keys-errors.csv"
    command = [str(Path(python).parent / "oasislmf"), "model", "generate-keys", "-x", str(location)]
    command += ["-g", str(config_path), "-k", str(keys), "-e", str(errors)]
    command += ["--keys-format", "oasis", "--lookup-multiprocessing", "False"]
    subprocess.run(command, check=True, capture_output=True, timeout=400, cwd=tmp_path)
    theirs = pd.read_csv(keys).astype({"PerilID": "object"})
    ours = successful_keys(mdk, location).astype({"PerilID": "object"})
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)


@pytest.fixture(scope="class")
def model_under_test(request: pytest.FixtureRequest, piwind: Path) -> None:
    request.cls.folder = piwind


@pytest.mark.usefixtures("model_under_test")
class TestPiWind(ModelConformance):
    folder: Path

    def model(self) -> Model:
        return standard_model(self.folder / "oasislmf.json")

    def location(self) -> object:
        return read_portfolio(location=str(self.folder / "inputs" / "SourceLocOEDPiWind10.csv")).location

    def choice(self) -> ModelChoice:
        return ModelChoice(event_set="p", event_occurrence_id="lt")
