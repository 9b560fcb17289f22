"""Parts give back what was written, or say that they do not."""

from pathlib import Path

import numpy as np
import pytest

from oasis_kernel.errors import DamagedPart
from oasis_kernel.formats import parts
from oasis_kernel.formats.parts import Part, read_part, write_part
from oasis_kernel.model.losses import SPECIAL, SummaryLosses


def some_losses(rows: int, seed: int) -> SummaryLosses:
    rng = np.random.default_rng(seed)
    loss = rng.random((rows, SPECIAL + 4), np.float32)
    return SummaryLosses(np.sort(rng.integers(1, 9, rows)).astype(np.int32), np.arange(rows, dtype=np.int32), loss)


@pytest.fixture
def sets(monkeypatch: pytest.MonkeyPatch) -> dict[str, SummaryLosses]:
    monkeypatch.setattr(parts, "BATCH_ROWS", 7)
    return {"gul/1": some_losses(20, 1), "gul/2": some_losses(0, 2), "il/1": some_losses(7, 3)}


def written(folder: Path, losses: dict[str, SummaryLosses]) -> bytes:
    write_part(folder / "a.part", losses)
    return (folder / "a.part").read_bytes()


def test_round_trip(sets: dict[str, SummaryLosses], tmp_path: Path) -> None:
    write_part(tmp_path / "a.part", sets)
    assert Part(tmp_path / "a.part").names == tuple(sets)
    for name, losses in sets.items():
        found = read_part(tmp_path / "a.part", name)
        for field in ("event_id", "summary_id", "loss"):
            wanted = getattr(losses, field)
            assert getattr(found, field).dtype == wanted.dtype
            np.testing.assert_array_equal(getattr(found, field), wanted)


def test_the_same_losses_give_the_same_bytes(sets: dict[str, SummaryLosses], tmp_path: Path) -> None:
    assert written(tmp_path, sets) == written(tmp_path, {name: sets[name] for name in sets})


@pytest.mark.parametrize("place", [0, 12, 60, -1])
def test_a_changed_byte_is_noticed(sets: dict[str, SummaryLosses], tmp_path: Path, place: int) -> None:
    data = bytearray(written(tmp_path, sets))
    data[place] ^= 1
    (tmp_path / "a.part").write_bytes(data)
    with pytest.raises(DamagedPart, match=r"a\.part must (be a part|match its checksum)"):
        read_part(tmp_path / "a.part", "gul/1")


@pytest.mark.parametrize("length", [0, 5, 30, 200])
def test_a_cut_file_is_noticed(sets: dict[str, SummaryLosses], tmp_path: Path, length: int) -> None:
    (tmp_path / "a.part").write_bytes(written(tmp_path, sets)[:length])
    with pytest.raises(DamagedPart):
        read_part(tmp_path / "a.part", "gul/1")
