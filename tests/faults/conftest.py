"""The command line as a user meets it, on an analysis that a test may break."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from standard_folder import AnalysisFolder, write_analysis

from oasis_kernel.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a call of ``oasis`` left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def whole_analysis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An analysis with nothing wrong."""
    return write_analysis(tmp_path_factory.mktemp("whole")).path


@pytest.fixture
def analysis(whole_analysis: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AnalysisFolder:
    """A copy of the whole analysis, in ``tmp_path`` alone; the store is there too, as soon as something is stored."""
    monkeypatch.setenv("OASIS_STORE", str(tmp_path / "store"))
    return AnalysisFolder(Path(shutil.copytree(whole_analysis, tmp_path / "analysis")))


@pytest.fixture
def oasis(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Calls ``oasis`` in this process."""

    def call(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["oasis", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), written.out, written.err)

    return call
