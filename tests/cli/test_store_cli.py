"""``oasis store``: what is kept, and what goes when room is asked for."""

import json
import os
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oasis_kernel.cli import app

DAY = 24 * 3600.0


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Three pieces of a mebibyte, used 0, 10 and 40 days ago."""
    monkeypatch.setenv("OASIS_STORE", str(tmp_path))
    made = []
    for number, days in enumerate((0, 10, 40)):
        address = f"{number}{number}" + "0" * 62
        path = tmp_path / "parts" / address[:2] / f"{address}.part"
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(2**20))
        used = time.time() - days * DAY
        os.utime(path, (used, used))
        made.append(path)
    return made


def told(*arguments: str) -> dict[str, float]:
    answer = CliRunner().invoke(app, ["store", *arguments, "--json"])
    assert answer.exit_code == 0, answer.output
    found: dict[str, float] = json.loads(answer.output)
    return found


def test_what_is_kept_is_shown_and_stays(parts: list[Path]):
    found = told()
    assert (found["parts"], found["bytes"], found["unused_days"], found["freed_bytes"]) == (3, 3 * 2**20, 40.0, 0)
    assert "3 pieces, 3.0 MiB in" in CliRunner().invoke(app, ["store"]).output
    assert all(part.exists() for part in parts)


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (["--keep-days", "30"], [0, 1]),
        (["--keep-days", "5"], [0]),
        (["--keep-gib", str(1.5 / 1024)], [0]),
        (["--keep-gib", "1"], [0, 1, 2]),
        (["--keep-gib", "0"], []),
        (["--keep-gib", "1", "--keep-days", "30"], [0, 1]),
    ],
)
def test_what_nobody_used_longest_goes_first(parts: list[Path], asked: list[str], left: list[int]):
    found = told(*asked)
    assert [number for number, part in enumerate(parts) if part.exists()] == left
    assert (found["parts"], found["freed_bytes"]) == (len(left), (3 - len(left)) * 2**20)


def test_an_empty_store_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OASIS_STORE", str(tmp_path))
    assert told()["parts"] == 0
    assert "0 pieces" in CliRunner().invoke(app, ["store"]).output
