"""Compiled kernels of runs side by side: a folder each, with what others have compiled."""

from pathlib import Path

import pytest

from oasis_kernel.service.kernels import kernel_folder


def compiled(folder: Path, function: str, code: bytes) -> None:
    """Leave a compiled function as numba does."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{function}.1.nbc").write_bytes(code)
    (folder / f"{function}.nbi").write_bytes(b"index of " + code)


def test_a_slot_begins_with_what_others_have_and_keeps_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OASIS_KERNEL_CACHE", str(tmp_path))
    compiled(tmp_path / "abc" / "kernels_1", "damage.draw-12.py311", b"first")
    first = kernel_folder(0)
    assert (first / "abc" / "kernels_1" / "damage.draw-12.py311.1.nbc").read_bytes() == b"first"
    compiled(first / "def" / "kernels_1", "terms.layer-7.py311", b"second")
    compiled(first / "abc" / "kernels_1", "damage.draw-12.py311", b"third")
    second = kernel_folder(1)
    assert first != second
    assert (second / "def" / "kernels_1" / "terms.layer-7.py311.nbi").read_bytes() == b"index of second"
    assert kernel_folder(0) == first
    assert (first / "abc" / "kernels_1" / "damage.draw-12.py311.1.nbc").read_bytes() == b"third"
    assert not list(tmp_path.rglob(".*"))
