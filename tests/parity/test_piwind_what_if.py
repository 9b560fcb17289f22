"""What-ifs on PiWind's ten locations are full runs with the change, byte for byte, and sample nothing."""

import csv
import time
from dataclasses import replace
from pathlib import Path

import pytest
from piwind_cases import settings_of

from oasis_kernel.engine.again import Change, analysis_again
from oasis_kernel.engine.analysis import Resources
from oasis_kernel.engine.execute import execute
from oasis_kernel.engine.inputs import load_analysis
from oasis_kernel.engine.what_if import what_if
from oasis_kernel.model.inputs import InputFiles
from oasis_kernel.plugins import load_plugins
from oasis_kernel.store.runs import RunRecord

pytestmark = [pytest.mark.parity, pytest.mark.slow]
PERSPECTIVES = ("gul", "il", "ri")


def full_run(files: InputFiles, folder: Path, *, keep: bool = False) -> RunRecord:
    analysis, findings = load_analysis(files, load_plugins())
    machine = Resources(2, 2**31, folder / "store", keep_ground_up=keep)
    return execute(analysis, folder / "out", machine, lambda progress: None, findings)


def lower_limits(source: Path, target: Path) -> Path:
    with source.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with target.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {"LayerLimit": str(float(row["LayerLimit"]) / 3)} for row in rows)
    return target


def result_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.json"}


def test_other_limits(piwind: Path, tmp_path: Path):
    settings = settings_of(piwind, "ORD_csv", tmp_path, PERSPECTIVES)
    files = InputFiles(mdk=piwind / "oasislmf.json", settings=settings)
    base = full_run(files, tmp_path / "base", keep=True)
    account = lower_limits(piwind / "inputs" / "SourceAccOEDPiWind.csv", tmp_path / "account.csv")
    full = full_run(replace(files, account=str(account)), tmp_path / "full")
    analysis = analysis_again(base, Change({"account": str(account)}), load_plugins())
    machine = Resources(2, 2**31, tmp_path / "base" / "store")
    began = time.perf_counter()
    asked = what_if(base, analysis, tmp_path / "asked", machine, lambda progress: None)
    seconds = time.perf_counter() - began
    assert result_bytes(tmp_path / "asked") == result_bytes(tmp_path / "full" / "out")
    assert result_bytes(tmp_path / "asked") != result_bytes(tmp_path / "base" / "out")
    assert asked.reused_ground_up == asked.chunks, f"sampled again: {seconds:.2f} s, a full run {full.seconds:.2f} s"
