"""A disk that runs full in the middle of a run: it is said which, and the run goes on when there is room."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_resume import PATIENCE, record, tables
from test_same_bytes import demonstration, started

pytestmark = pytest.mark.slow
FULL = "must have room for what is written, and is full: No space left on device"


class Disk:
    """A file system in memory, of a size that can be changed."""

    def __init__(self, path: Path):
        self.path = path

    def grow(self, mebibytes: int) -> None:
        """Give it this size; what is on it stays."""
        _call("mount", "-o", f"remount,size={mebibytes}m", str(self.path))


def _call(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=30)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of one mebibyte."""
    path = tmp_path / "disk"
    path.mkdir()
    try:
        _call("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path))
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs to mount a file system, which is not possible here: {error}")
    yield Disk(path)
    _call("umount", "--lazy", str(path))


def said(running: "subprocess.Popen[bytes]") -> tuple[int, str]:
    _, errors = running.communicate(timeout=PATIENCE)
    return running.returncode, errors.decode()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("roomy")
    assert said(started(folder / "store", demonstration(folder / "out", 2, 20)))[0] == 0
    return tables(folder / "out")


def test_a_store_that_runs_full_is_named_and_gone_on_with(disk: Disk, tmp_path: Path, undisturbed):
    arguments = demonstration(tmp_path / "out", 2, 20)
    code, errors = said(started(disk.path / "store", arguments))
    assert code == 1, errors
    assert FULL in errors
    assert str(disk.path) in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "out").exists()
    assert not [path for path in disk.path.rglob(".*") if path.is_file()], "nothing half-written stays"
    kept = len(list(disk.path.glob("store/parts/??/*.part")))
    disk.grow(200)
    assert said(started(disk.path / "store", arguments))[0] == 0
    assert tables(tmp_path / "out") == undisturbed
    assert record(tmp_path / "out")["reused_chunks"] == kept


def test_a_folder_for_results_that_runs_full_is_named_and_nothing_stays(disk: Disk, tmp_path: Path, undisturbed):
    arguments = demonstration(disk.path / "results" / "out", 2, 20)
    code, errors = said(started(tmp_path / "store", arguments))
    assert code == 1, errors
    assert FULL in errors
    assert "Traceback" not in errors
    assert [path for path in disk.path.rglob("*") if path.is_file()] == []
    disk.grow(200)
    assert said(started(tmp_path / "store", arguments))[0] == 0
    assert tables(disk.path / "results" / "out") == undisturbed
    assert record(disk.path / "results" / "out")["reused_chunks"] == 20, "what was computed was kept elsewhere"
