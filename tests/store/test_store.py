"""Parts and folders are whole or absent."""

from pathlib import Path

import numpy as np
import pytest

from oasis_kernel.errors import OasisError
from oasis_kernel.store.folders import whole_folder
from oasis_kernel.store.parts import PartStore, content_hash


def test_content_hash_frames_each_value():
    assert content_hash(["ab", "c"]) != content_hash(["a", "bc"])
    assert content_hash([np.arange(4, dtype="i4")]) != content_hash([np.arange(4, dtype="i8")])
    assert content_hash([np.zeros((2, 3))]) != content_hash([np.zeros((3, 2))])


def test_a_failed_write_leaves_no_part(tmp_path: Path):
    store = PartStore(tmp_path)

    def fails(path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("disk")

    with pytest.raises(RuntimeError):
        store.publish("ab" * 32, fails)
    assert not store.has("ab" * 32)
    assert not list(tmp_path.rglob("*.part")) + list(tmp_path.rglob(".*-*"))


def test_prune_removes_the_oldest_but_keeps_what_is_in_use(tmp_path: Path):
    import os

    store = PartStore(tmp_path)
    for age, name in enumerate(["a", "b", "c"]):
        store.publish(name * 64, lambda path: path.write_bytes(b"x" * 100) and None)
        os.utime(store.path(name * 64), (age, age))
    assert store.prune(frozenset({"a" * 64}), limit_bytes=200) == 100
    assert store.has("a" * 64)
    assert not store.has("b" * 64)
    assert store.has("c" * 64)


def test_prune_counts_every_kind_of_part_and_clears_what_was_abandoned(tmp_path: Path):
    import os

    parts, kept = PartStore(tmp_path), PartStore(tmp_path, ".parquet")
    for store in (parts, kept):
        store.publish("a" * 64, lambda path: path.write_bytes(b"x" * 100) and None)
    os.utime(kept.path("a" * 64), (9, 9))
    parts.touch("a" * 64)
    young, old = tmp_path / "aa" / ".young", tmp_path / "aa" / ".old"
    for temporary in (young, old):
        temporary.write_bytes(b"half")
    os.utime(old, (9, 9))
    assert parts.prune(frozenset(), limit_bytes=150) == 104
    assert parts.has("a" * 64)
    assert not kept.has("a" * 64)
    assert young.exists()
    assert not old.exists()
    assert parts.prune(frozenset({"a" * 64}), limit_bytes=0) == 0, "what is in use stays"


def test_whole_folder_appears_only_when_done(tmp_path: Path):
    final = tmp_path / "out"
    with pytest.raises(ValueError, match="stop"), whole_folder(final, "run.json") as folder:
        (folder / "table.csv").write_text("half")
        raise ValueError("stop")
    assert list(tmp_path.iterdir()) == []
    with whole_folder(final, "run.json") as folder:
        (folder / "run.json").write_text("{}")
    assert [path.name for path in final.iterdir()] == ["run.json"]


def test_whole_folder_never_replaces_what_is_not_a_run(tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.doc").write_text("years of work")
    with pytest.raises(OasisError, match="holds no earlier run"), whole_folder(tmp_path / "out", "run.json"):
        pass
    assert (tmp_path / "out" / "thesis.doc").read_text() == "years of work"
