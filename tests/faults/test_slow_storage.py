"""Storage that takes its time, or does not answer for a while: the same bytes, or a clear failure to go on from."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from slow_storage import SlowFolder, SlowProxy, needs_compiler, slow_proxy
from test_resume import OASIS, PATIENCE, demonstration, parts, record, tables

from oasis_kernel.engine.analysis import Resources
from oasis_kernel.engine.execute import execute
from oasis_kernel.engine.inputs import load_analysis
from oasis_kernel.errors import StorageFailed
from oasis_kernel.plugins import load_plugins
from oasis_kernel.store.places import Place

pytestmark = pytest.mark.slow
SAMPLES = 10
#: ``oasis`` with chunks that hang after seconds instead of ten minutes.
IMPATIENT = [sys.executable, str(Path(__file__).with_name("impatient_oasis.py"))]


@pytest.fixture
def slow(tmp_path: Path) -> SlowFolder:
    """A folder for store and results that can be slow."""
    folder = tmp_path / "slow"
    folder.mkdir()
    return SlowFolder(folder, tmp_path)


def started(tmp_path: Path, slow: SlowFolder | None = None, command: list[str] = OASIS) -> "subprocess.Popen[bytes]":
    """The demonstration with store and results in a folder, which may be slow."""
    folder = tmp_path / ("slow" if slow else "undisturbed")
    environment = {**os.environ, "OASIS_STORE": str(folder / "store"), **(slow.environment if slow else {})}
    arguments = demonstration(folder / "out", SAMPLES)
    return subprocess.Popen([*command, *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def ended(running: "subprocess.Popen[bytes]") -> None:
    _, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0, said.decode()[-3000:]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    ended(started(folder))
    return tables(folder / "undisturbed" / "out")


def once_a_part_is_there(running: "subprocess.Popen[bytes]", store: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not parts(store) and running.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    assert running.poll() is None, "the run was over before anything could happen to it"


@needs_compiler
def test_a_folder_where_everything_takes_long(tmp_path: Path, slow: SlowFolder, undisturbed):
    slow.take(30)
    ended(started(tmp_path, slow))
    assert tables(tmp_path / "slow" / "out") == undisturbed


@pytest.fixture
def hanging(tmp_path: Path, slow: SlowFolder) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts the demonstration, and lets its folder hang as soon as a part is there."""
    started_here = []

    def start(command: list[str] = OASIS) -> "subprocess.Popen[bytes]":
        slow.take(20)
        running = started(tmp_path, slow, command)
        started_here.append(running)
        once_a_part_is_there(running, tmp_path / "slow" / "store")
        slow.hang()
        return running

    yield start
    for running in started_here:
        running.kill()
        running.communicate(timeout=30)


def goes_on(tmp_path: Path, slow: SlowFolder, undisturbed: dict[str, bytes]) -> None:
    """Once the folder answers again, the same command takes up what is finished, and gives the same bytes."""
    kept = len(parts(tmp_path / "slow" / "store"))
    assert not (tmp_path / "slow" / "out").exists()
    slow.take(0)
    ended(started(tmp_path, slow))
    assert tables(tmp_path / "slow" / "out") == undisturbed
    assert record(tmp_path / "slow" / "out")["reused_chunks"] == kept > 0


@needs_compiler
def test_a_folder_that_does_not_answer_for_seconds(tmp_path: Path, slow: SlowFolder, hanging, undisturbed):
    running = hanging()
    time.sleep(3)
    assert running.poll() is None
    slow.take(0)
    ended(running)
    assert tables(tmp_path / "slow" / "out") == undisturbed


@needs_compiler
def test_a_run_that_is_killed_while_its_folder_hangs_goes_on(tmp_path: Path, slow: SlowFolder, hanging, undisturbed):
    running = hanging()
    time.sleep(1)
    running.kill()
    running.communicate(timeout=30)
    assert running.returncode == -signal.SIGKILL
    goes_on(tmp_path, slow, undisturbed)


@needs_compiler
def test_a_folder_that_does_not_answer_any_more_ends_the_run(tmp_path: Path, slow: SlowFolder, hanging, undisturbed):
    running = hanging(IMPATIENT)
    _, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == 1, said.decode()[-3000:]
    sentence = (
        r"error chunk \d+ \(events \d+ to \d+\) failed: it took \d minutes, .* its thread was left behind in .*\. "
    )
    assert re.fullmatch(
        sentence + r"Look for what hangs there .* resume the run: finished chunks are kept\n", said.decode()
    )
    goes_on(tmp_path, slow, undisturbed)


@needs_compiler
def test_ctrl_c_ends_a_run_whose_folder_hangs(tmp_path: Path, slow: SlowFolder, hanging, undisturbed):
    running = hanging()
    time.sleep(1)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert (running.returncode, said.decode()) == (
        130,
        "\nStopped. Finished chunks are kept: the same command goes on from there.\n",
    )
    goes_on(tmp_path, slow, undisturbed)


@pytest.fixture
def proxy(bucket: str, s3_server: str, monkeypatch: pytest.MonkeyPatch):
    """The emulated S3, for new clients, behind a proxy."""
    import s3fs

    with slow_proxy(s3_server) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.address)
        s3fs.S3FileSystem.clear_instance_cache()
        yield made
    s3fs.S3FileSystem.clear_instance_cache()


def executed(folder: Path, parts_url: str = "") -> tuple[dict[str, bytes], int]:
    """The tables of the demonstration, and how many chunks were there already."""
    files = replace(load_plugins().demonstration("toy-wind"), samples=5)
    analysis, _ = load_analysis(files, load_plugins())
    resources = Resources(workers=2, memory_bytes=2**32, store=folder / "store", chunks=6, parts_url=parts_url)
    found = execute(analysis, folder / "out", resources, lambda progress: None)
    return tables(folder / "out"), found.reused_chunks


def test_object_storage_that_is_slow(bucket: str, proxy: SlowProxy, tmp_path: Path):
    expected, _ = executed(tmp_path / "here")
    proxy.delay = 0.2
    assert executed(tmp_path / "there", f"{bucket}/parts") == (expected, 0)


def test_object_storage_that_does_not_answer_for_seconds(bucket: str, proxy: SlowProxy, tmp_path: Path):
    expected, _ = executed(tmp_path / "here")
    proxy.stuck.set()
    threading.Timer(3.0, proxy.stuck.clear).start()
    assert executed(tmp_path / "there", f"{bucket}/parts") == (expected, 0)


def test_object_storage_that_does_not_answer_any_more(bucket: str, proxy: SlowProxy, tmp_path: Path, monkeypatch):
    expected, _ = executed(tmp_path / "here")
    url = f"{bucket}/parts"
    monkeypatch.setattr("s3fs.S3FileSystem.read_timeout", 0.3)  # 15 seconds, and up to 25 tries
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 2)
    proxy.stuck.set()
    with pytest.raises(StorageFailed, match=r"s3://test-.* cannot be (reached|used): .*[Tt]ime"):
        executed(tmp_path / "there", url)
    assert not (tmp_path / "there" / "out").exists()
    proxy.stuck.clear()
    assert executed(tmp_path / "there", url)[0] == expected
    assert Place(url).entries()
