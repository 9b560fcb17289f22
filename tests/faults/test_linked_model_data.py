"""A model whose data lies in object storage gives the numbers of the same data on a disk."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from standard_folder import MODEL_FILES, AnalysisFolder

from oasis_kernel.store.places import Place


def tables(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name != "run.json"}


@pytest.fixture
def stored(bucket: str, analysis: AnalysisFolder) -> Place:
    """The analysis' model data, in a bucket instead of its folder."""
    place = Place(f"{bucket}/piwind/data")
    for path in (analysis.path / MODEL_FILES).iterdir():
        place.put_file(path, path.name)
    analysis.set("oasislmf.json", "model_data_dir", value=place.url)
    return place


def test_a_model_in_a_bucket_is_copied_once_and_gives_the_same_bytes(
    bucket: str, analysis: AnalysisFolder, oasis: Callable[..., Any], tmp_path: Path
):
    local, out = tmp_path / "local", tmp_path / "linked"
    assert oasis("run", *analysis.arguments, "--out", str(local)).code == 0
    place = Place(f"{bucket}/piwind/data")
    for path in (analysis.path / MODEL_FILES).iterdir():
        place.put_file(path, path.name)
    shutil.rmtree(analysis.path / MODEL_FILES)
    analysis.set("oasislmf.json", "model_data_dir", value=place.url)
    for expected in (out, tmp_path / "again"):
        outcome = oasis("run", *analysis.arguments, "--out", str(expected))
        assert outcome.code == 0, outcome.err
        assert tables(expected) == tables(local)
    record = json.loads((tmp_path / "again" / "run.json").read_text())
    assert record["reused_chunks"] == record["chunks"]
    copies = list((tmp_path / "copies" / "models").rglob("footprint.bin"))
    assert len(copies) == 1

    place.put_bytes(b"\0" * 8 + place.read("footprint.bin")[8:], "footprint.bin")
    changed = oasis("check", *analysis.arguments)
    assert changed.code != 0
    assert len(list((tmp_path / "copies" / "models").rglob("footprint.bin"))) == 2, "another state, another copy"


def test_a_copy_has_the_times_of_what_it_copies(stored: Place):
    folder = stored.mirror()
    times = {entry.name: entry.modified for entry in stored.entries()}
    found = {path.name: path.stat().st_mtime for path in folder.iterdir()}
    assert np.allclose([found[name] for name in times], list(times.values()))


def test_a_bucket_without_the_model_is_named(bucket: str, analysis: AnalysisFolder, oasis: Callable[..., Any]):
    analysis.set("oasislmf.json", "model_data_dir", value=f"{bucket}/nothing")
    outcome = oasis("check", *analysis.arguments)
    assert outcome.code != 0
    said = " ".join((outcome.out + outcome.err).split())
    assert "model_data_dir must lie where the configuration says, and nothing does" in said
