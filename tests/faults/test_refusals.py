"""What a run alone refuses: a folder that is somebody's, a plan that cannot fit. And exit codes, of a real process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from settings_faults import SETTINGS_FAULTS
from standard_folder import AnalysisFolder

OASIS = [sys.executable, "-c", "from oasis_kernel.cli import main; main()"]


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """``oasis`` in a process of its own."""
    return subprocess.run([*OASIS, *arguments], capture_output=True, text=True, timeout=300, env=dict(os.environ))


def test_a_folder_that_holds_somebodys_files_is_left_alone(analysis: AnalysisFolder, oasis, tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    ran = oasis("run", *analysis.arguments, "--out", str(out))
    wanted = f"error {out} exists and holds no earlier run; give another folder, or empty it first\n"
    assert (ran.code, ran.out, ran.err) == (1, "", wanted)
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["analysis", "out"]


def test_a_file_is_no_folder_for_results(analysis: AnalysisFolder, oasis, tmp_path: Path):
    (tmp_path / "out").write_text("a file")
    ran = oasis("run", *analysis.arguments, "--out", str(tmp_path / "out"))
    assert ran.code == 1
    assert (tmp_path / "out").read_text() == "a file"


def test_a_plan_that_cannot_fit_is_refused_with_both_numbers(analysis: AnalysisFolder, oasis, tmp_path: Path):
    given = ["--samples", "20000000", "--memory", "0.1", "--workers", "2"]
    ran = oasis("run", *analysis.arguments, *given, "--out", str(tmp_path / "out"))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "error event 1 needs 153 MiB, and each of 2 workers has 47 MiB. "
        "Give more memory, fewer workers, fewer samples or coarser summaries\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["analysis"]


def test_results_that_cannot_be_written_leave_the_earlier_run(analysis: AnalysisFolder, oasis, tmp_path: Path):
    out = tmp_path / "out"
    assert oasis("run", *analysis.arguments, "--out", str(out)).code == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    SETTINGS_FAULTS["unknown key"].breaks(analysis)
    assert oasis("run", *analysis.arguments, "--out", str(out)).code == 1
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["analysis", "out", "store"]


@pytest.mark.parametrize(("verb", "more"), [("check", []), ("run", ["--out", "results"])])
def test_a_process_ends_with_1_and_one_line(verb: str, more: list[str], analysis: AnalysisFolder, tmp_path: Path):
    fault = SETTINGS_FAULTS["allocation rule 7"]
    fault.breaks(analysis)
    ended = process(verb, *analysis.arguments, *[str(tmp_path / name) if name == "results" else name for name in more])
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", f"error {fault.sentence}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["analysis"]


def test_a_command_that_is_itself_wrong_ends_with_2():
    ended = process("check", "--no-such-option")
    assert ended.returncode == 2
    assert "No such option" in ended.stderr
    assert "Traceback" not in ended.stderr
