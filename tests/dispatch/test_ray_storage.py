"""Orders and parts of a cluster's run in object storage: no folder is shared, and the bytes are the same."""

from dataclasses import replace
from pathlib import Path

import pytest
from local_ray import local_ray

from oasis_kernel.dispatch import Executor
from oasis_kernel.engine.analysis import Resources
from oasis_kernel.engine.execute import execute
from oasis_kernel.engine.inputs import load_analysis
from oasis_kernel.plugins import load_plugins
from oasis_kernel.store.places import Place

pytestmark = pytest.mark.slow


def result_bytes(out: Path, resources: Resources, executor: Executor | None = None) -> tuple[dict[str, bytes], int]:
    """Every result file of the demonstration but the record of the run, which holds times; and the chunks reused."""
    files = replace(load_plugins().demonstration("toy-wind"), samples=5)
    analysis, _ = load_analysis(files, load_plugins())
    record = execute(analysis, out, resources, lambda progress: None, executor=executor)
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name != "run.json"}, record.reused_chunks


def test_a_cluster_without_a_shared_folder(bucket: str, tmp_path: Path) -> None:
    here = Resources(workers=2, memory_bytes=2**32, store=tmp_path / "here", chunks=6)
    there = replace(here, store=tmp_path / "there", parts_url=f"{bucket}/parts")
    expected, _ = result_bytes(tmp_path / "a", here)
    with local_ray(tmp_path) as cluster:
        from oasis_kernel.dispatch.ray import RayExecutor

        assert result_bytes(tmp_path / "b", there, RayExecutor(cluster)) == (expected, 0)
    assert result_bytes(tmp_path / "c", there) == (expected, 6), "what the cluster computed is found without it"
    kinds = {entry.name.split("/")[0] for entry in Place(f"{bucket}/parts").entries()}
    assert "orders" in kinds
    assert len(kinds) > 1
    assert {path.name for path in (tmp_path / "there").iterdir()} == {"runs", "paces"}
