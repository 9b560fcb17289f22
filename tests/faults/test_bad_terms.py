"""Every broken account or reinsurance input gives one finding that says all; nothing is silently switched off."""

import json
from pathlib import Path

import pytest
from programme_folder import LOCATION, add_programme, cells
from reinsurance_faults import REINSURANCE_ERRORS, REINSURANCE_WARNINGS
from standard_folder import AnalysisFolder, Fault
from terms_faults import TERMS_ERRORS, TERMS_WARNINGS

from oasis_kernel.errors import Finding, Severity


def cases(**groups: dict[str, Fault]):
    """The faults of some groups, each with its group and name for an id."""
    return [
        pytest.param(fault, id=f"{group}: {name}") for group, faults in groups.items() for name, fault in faults.items()
    ]


@pytest.fixture
def programme(analysis: AnalysisFolder) -> AnalysisFolder:
    """An analysis with an account and two contracts that asks for insured, net and ceded losses."""
    add_programme(analysis)
    return analysis


def said(report: dict) -> list[tuple[str, str]]:
    """Severity and sentence of each finding in a report or record."""
    return [(finding["severity"], str(Finding(**finding))) for finding in report["findings"]]


@pytest.mark.parametrize("fault", cases(terms=TERMS_ERRORS, reinsurance=REINSURANCE_ERRORS))
def test_what_cannot_be_applied_is_refused(fault: Fault, programme: AnalysisFolder, oasis, tmp_path: Path):
    fault.breaks(programme)
    checked = oasis("check", *programme.arguments, "--json")
    report = json.loads(checked.out)
    assert said(report) == [(Severity.ERROR, fault.sentence)]
    assert report["findings"][0]["remedy"]
    assert (checked.code, report["passed"], checked.err) == (1, False, "")
    ran = oasis("run", *programme.arguments, "--out", str(tmp_path / "out"))
    assert (ran.code, ran.out, ran.err) == (1, "", f"error {fault.sentence}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["analysis"]


@pytest.mark.parametrize("fault", cases(terms=TERMS_WARNINGS, reinsurance=REINSURANCE_WARNINGS))
def test_what_changes_nothing_is_said(fault: Fault, programme: AnalysisFolder, oasis, tmp_path: Path):
    fault.breaks(programme)
    checked = oasis("check", *programme.arguments, "--json")
    report = json.loads(checked.out)
    [(severity, sentence)] = said(report)
    assert (severity in (Severity.WARNING, Severity.NOTE), sentence) == (True, fault.sentence)
    assert report["findings"][0]["remedy"]
    assert (checked.code, report["passed"], checked.err) == (0, True, "")
    ran = oasis("run", *programme.arguments, "--out", str(tmp_path / "out"))
    assert (ran.code, ran.err) == (0, f"{severity} {fault.sentence}\n")
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert said(record) == [(severity, fault.sentence)]


def test_the_whole_programme_has_no_finding(programme: AnalysisFolder, oasis):
    report = json.loads(oasis("check", *programme.arguments, "--json").out)
    assert (report["passed"], report["findings"]) == (True, [])


def test_terms_of_no_peril_are_said_by_the_standard_and_by_what_becomes_of_them(programme: AnalysisFolder, oasis):
    cells(LOCATION, 3, LocPeril="", LocDed6All=500, LocDedType6All=0)(programme)
    checked = oasis("check", *programme.arguments)
    assert (checked.code, checked.err.splitlines()) == (
        0,
        [
            "warning location.csv row 3: LocPeril must be given where other terms need it. It is needed by LocDed6All.",
            "warning location.csv row 3: LocPeril is blank, so that the terms of level location all apply to no peril. "
            "Name the perils, AA1 for all",
        ],
    )


def test_a_run_that_is_refused_for_its_terms_shows_the_warnings_too(programme: AnalysisFolder, oasis, tmp_path: Path):
    TERMS_WARNINGS["hours clause"].breaks(programme)
    TERMS_ERRORS["deductible code 7"].breaks(programme)
    ran = oasis("run", *programme.arguments, "--out", str(tmp_path / "out"))
    wanted = [
        f"warning {TERMS_WARNINGS['hours clause'].sentence}",
        f"error {TERMS_ERRORS['deductible code 7'].sentence}",
    ]
    assert (ran.code, ran.err.splitlines()) == (1, wanted)
    assert oasis("check", *programme.arguments).err == ran.err


def test_several_bad_terms_are_all_said_at_once(programme: AnalysisFolder, oasis):
    values = {"LocPeril": "WTC", "LocDedType6All": 0}
    cells(LOCATION, 3, **values, LocDed6All=5, LocDedCode6All=7)(programme)
    cells(LOCATION, 4, **values, LocMinDed6All=50, LocMaxDed6All=20)(programme)
    report = json.loads(oasis("check", *programme.arguments, "--json").out)
    found = [(finding["row"], finding["field"]) for finding in report["findings"]]
    assert found == [(3, "LocDedCode6All"), (4, "LocMinDed6All")]
