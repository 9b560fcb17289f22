"""What an interruption leaves is whole: the same command goes on from there, and gives the same bytes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from standard_folder import AnalysisFolder

OASIS = [sys.executable, "-c", "from oasis_kernel.cli import main; main()"]
CHUNKS = 20
PATIENCE = 900  # seconds: kernels may have to be compiled first


def demonstration(out: Path, samples: int) -> list[str]:
    """The demonstration as a run of many chunks on one worker."""
    from oasis_kernel.plugins import load_plugins

    files = load_plugins().demonstration("toy-wind")
    given = ["--model", "toy-wind", "--location", str(files.location), "--account", str(files.account)]
    return ["run", *given, "--samples", str(samples), "--chunks", str(CHUNKS), "--workers", "1", "--out", str(out)]


def started(store: Path, arguments: list[str]) -> "subprocess.Popen[bytes]":
    """The command in a process of its own, on a store of its own."""
    environment = {**os.environ, "OASIS_STORE": str(store)}
    return subprocess.Popen([*OASIS, *arguments], stdout=subprocess.DEVNULL, env=environment)


def parts(store: Path) -> list[Path]:
    return sorted(store.glob("parts/??/*.part"))


def tables(out: Path) -> dict[str, bytes]:
    """Every result file but the record of the run, which holds times."""
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name != "run.json"}


def record(out: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((out / "run.json").read_text())
    return content


def killed_after_the_first_part(store: Path, arguments: list[str]) -> None:
    """Start the command and kill it, without a chance to clean up, as soon as one chunk is finished."""
    running = started(store, arguments)
    end = time.monotonic() + PATIENCE
    while not parts(store) and running.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL, "the run was over before it could be killed"


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path):
    undisturbed = tmp_path / "undisturbed"
    assert started(tmp_path / "other", demonstration(undisturbed, samples=10)).wait(PATIENCE) == 0
    assert record(undisturbed)["reused_chunks"] == 0
    store, out = tmp_path / "store", tmp_path / "out"
    arguments = demonstration(out, samples=10)
    killed_after_the_first_part(store, arguments)
    kept = {part: part.read_bytes() for part in parts(store)}
    assert 0 < len(kept) < CHUNKS
    assert not out.exists()
    assert started(store, arguments).wait(PATIENCE) == 0
    found = record(out)
    assert (found["chunks"], found["reused_chunks"]) == (CHUNKS, len(kept))
    assert {part: part.read_bytes() for part in kept} == kept
    assert tables(out) == tables(undisturbed)


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "truncated": truncated,
    "one bit flipped": flipped,
    "longer": lambda content: content + b"\0",
    "empty": lambda content: b"",
    "something else": lambda content: b"PK\x03\x04",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_part_is_computed_again(damage: str, analysis: AnalysisFolder, oasis, tmp_path: Path):
    first, second = tmp_path / "first", tmp_path / "second"
    arguments = [*analysis.arguments, "--chunks", "2"]
    assert oasis("run", *arguments, "--out", str(first)).code == 0
    whole = {part: part.read_bytes() for part in parts(tmp_path / "store")}
    assert len(whole) == 2
    spoilt = next(iter(whole))
    spoilt.write_bytes(DAMAGES[damage](whole[spoilt]))
    again = oasis("run", *arguments, "--out", str(second))
    assert (again.code, again.err) == (0, "")
    assert record(second)["reused_chunks"] == 1
    assert {part: part.read_bytes() for part in parts(tmp_path / "store")} == whole
    assert tables(second) == tables(first)


def test_afresh_computes_every_chunk_again(analysis: AnalysisFolder, oasis, tmp_path: Path):
    out = tmp_path / "out"
    for mode, reused in (("--resume", 0), ("--resume", 2), ("--afresh", 0)):
        assert oasis("run", *analysis.arguments, "--chunks", "2", mode, "--out", str(out)).code == 0
        assert record(out)["reused_chunks"] == reused


def test_another_number_of_samples_reuses_nothing(analysis: AnalysisFolder, oasis, tmp_path: Path):
    out = tmp_path / "out"
    for samples in ("10", "11"):
        assert oasis("run", *analysis.arguments, "--chunks", "2", "--samples", samples, "--out", str(out)).code == 0
        assert record(out)["reused_chunks"] == 0
