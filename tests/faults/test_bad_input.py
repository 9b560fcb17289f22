"""Every broken input gives one finding that says all, exit code 1, and nothing on the disk."""

import json
from pathlib import Path

import pytest
from model_faults import MODEL_FAULTS
from portfolio_faults import PORTFOLIO_FAULTS
from settings_faults import SETTINGS_FAULTS
from standard_folder import AnalysisFolder, Fault

from oasis_kernel.errors import Finding, Severity

FAULTS = [
    pytest.param(fault, id=f"{group}: {name}")
    for group, faults in (("portfolio", PORTFOLIO_FAULTS), ("model", MODEL_FAULTS), ("settings", SETTINGS_FAULTS))
    for name, fault in faults.items()
]


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_is_one_finding(fault: Fault, analysis: AnalysisFolder, oasis, tmp_path: Path):
    fault.breaks(analysis)
    sentence = fault.sentence.replace("{folder}", str(analysis.path))
    checked = oasis("check", *analysis.arguments, "--json")
    report = json.loads(checked.out)
    errors = [finding for finding in report["findings"] if finding["severity"] == Severity.ERROR]
    assert [str(Finding(**finding)) for finding in errors] == [sentence]
    assert errors[0]["remedy"]
    assert (checked.code, report["passed"], checked.err) == (1, False, "")
    ran = oasis("run", *analysis.arguments, "--out", str(tmp_path / "out"))
    assert (ran.code, ran.out, ran.err) == (1, "", f"error {sentence}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["analysis"]


def test_the_whole_analysis_has_no_finding(analysis: AnalysisFolder, oasis):
    checked = oasis("check", *analysis.arguments, "--json")
    report = json.loads(checked.out)
    assert (checked.code, report["passed"], report["findings"]) == (0, True, [])
    assert [row["status"] for row in report["locations"]] == ["modelled"]


def test_text_and_json_say_the_same(analysis: AnalysisFolder, oasis, tmp_path: Path):
    fault = PORTFOLIO_FAULTS["latitude off the globe"]
    fault.breaks(analysis)
    assert oasis("check", *analysis.arguments).err == f"error {fault.sentence}\n"
    ran = oasis("run", *analysis.arguments, "--out", str(tmp_path / "out"), "--json")
    report = json.loads(ran.out)
    assert (report["passed"], report["error"]) == (False, fault.sentence)
    assert [(f["row"], f["field"], f["value"]) for f in report["findings"]] == [(4, "Latitude", 95.0)]
    assert (ran.code, ran.err) == (1, f"error {fault.sentence}\n")


def test_several_faults_are_all_said_at_once(analysis: AnalysisFolder, oasis):
    for name in ("damage bins with a gap", "step of unknown type"):
        MODEL_FAULTS[name].breaks(analysis)
    SETTINGS_FAULTS["no samples for sample tables"].breaks(analysis)
    report = json.loads(oasis("check", *analysis.arguments, "--json").out)
    files = [finding["file"] for finding in report["findings"]]
    assert sorted(files) == ["analysis_settings.json", "damage_bin_dict.bin", "lookup_config.json"]


def test_the_account_of_no_location_is_a_warning(analysis: AnalysisFolder, oasis):
    analysis.add_account()
    analysis.edit("account.csv", lambda text: text + "1,A9,GBP,P9,WTC,1,1.0,5000000,0,4.0.0\n")
    checked = oasis("check", *analysis.arguments)
    assert checked.code == 0
    assert checked.err == (
        "warning account.csv row 3: AccNumber has no location, got 'A9'. Add its locations, or remove the account.\n"
    )
