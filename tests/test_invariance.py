"""One law: the same analysis gives the same bytes whatever the chunks and the number of workers."""

from dataclasses import replace
from pathlib import Path

import pytest

from oasis_kernel.engine.analysis import Resources
from oasis_kernel.engine.execute import Planned, begin, execute, finish, plan_run
from oasis_kernel.engine.inputs import load_analysis
from oasis_kernel.engine.progress import Clock
from oasis_kernel.plugins import load_plugins


def result_bytes(folder: Path, workers: int, chunks: int | None) -> dict[str, bytes]:
    """Every result file of the demonstration but the record of the run, which holds times."""
    files = replace(load_plugins().demonstration("toy-wind"), samples=7)
    analysis, _ = load_analysis(files, load_plugins())
    resources = Resources(workers=workers, memory_bytes=2**32, store=folder / "store", chunks=chunks, reuse=False)
    execute(analysis, folder / "out", resources, lambda progress: None)
    return {path.name: path.read_bytes() for path in (folder / "out").iterdir() if path.name != "run.json"}


def windowed_bytes(folder: Path) -> dict[str, bytes]:
    """The same of a run in which every event is larger than a block, and comes two samples at a time."""
    files = replace(load_plugins().demonstration("toy-wind"), samples=7)
    analysis, _ = load_analysis(files, load_plugins())
    resources = Resources(workers=2, memory_bytes=2**32, store=folder / "store", reuse=False, block_bytes=1)
    begun = begin(analysis, Clock(lambda progress: None))
    plan = plan_run(begun, resources, None).plan
    small = replace(plan, chunks=tuple(replace(chunk, samples_at_once=2) for chunk in plan.chunks))
    finish(begun, folder / "out", resources, None, planned=Planned(small))
    return {path.name: path.read_bytes() for path in (folder / "out").iterdir() if path.name != "run.json"}


@pytest.fixture(scope="module")
def one_chunk(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return result_bytes(tmp_path_factory.mktemp("one"), 1, 1)


@pytest.mark.parametrize(("workers", "chunks"), [(1, 7), (2, 7), (1, 64), (2, 64), (2, None)])
def test_bytes_do_not_depend_on_chunks_or_workers(tmp_path: Path, one_chunk: dict[str, bytes], workers: int, chunks):
    found = result_bytes(tmp_path, workers, chunks)
    assert set(found) == set(one_chunk)
    assert [name for name in found if found[name] != one_chunk[name]] == []
    assert any(name.endswith("ept.csv") for name in found)


def test_bytes_do_not_depend_on_how_many_samples_are_computed_at_once(tmp_path: Path, one_chunk: dict[str, bytes]):
    found = windowed_bytes(tmp_path)
    assert set(found) == set(one_chunk)
    assert [name for name in found if found[name] != one_chunk[name]] == []
