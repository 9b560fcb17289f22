"""Orders and parts of a cluster's run in object storage: no folder is shared, and the bytes are the same."""

from dataclasses import replace
from pathlib import Path

import pytest
from local_ray import local_ray

from model_plugins.toy_wind import demo_portfolio
from oasis_kernel.dispatch import Executor
from oasis_kernel.engine.analysis import Resources
from oasis_kernel.engine.execute import execute
from oasis_kernel.engine.inputs import load_analysis
from oasis_kernel.plugins import load_plugins
from oasis_kernel.store.places import Place
from oasis_kernel.store.runs import RunRecord

pytestmark = pytest.mark.slow


Tables = dict[str, bytes]


def executed(
    out: Path, resources: Resources, executor: Executor | None = None, **files: Path
) -> tuple[Tables, RunRecord]:
    """Every result file of the demonstration, but for some of its files, and the record of the run."""
    demonstration = replace(load_plugins().demonstration("toy-wind"), samples=5, **files)
    analysis, _ = load_analysis(demonstration, load_plugins())
    record = execute(analysis, out, resources, lambda progress: None, executor=executor)
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name != "run.json"}, record


def result_bytes(out: Path, resources: Resources, executor: Executor | None = None) -> tuple[Tables, int]:
    """Every result file of the demonstration but the record of the run, which holds times; and the chunks reused."""
    tables, record = executed(out, resources, executor)
    return tables, record.reused_chunks


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


def test_a_cluster_takes_from_an_earlier_run(bucket: str, tmp_path: Path) -> None:
    """An account in one town only, some of whose storms reach it, becomes dearer."""
    lines = demo_portfolio().location.read_text().splitlines()
    elsewhere = [line for line in lines if ",PARKS," not in line]
    there = [line for line in lines if ",PARKS," in line and ",Fort Myers," in line][:1]
    before, after = tmp_path / "before.csv", tmp_path / "after.csv"
    before.write_text("\n".join([*elsewhere, *there]))
    after.write_text("\n".join([*elsewhere, *(line.replace(",WW1,", ",WW1,9", 1) for line in there)]))
    alone = Resources(workers=2, memory_bytes=2**32, store=tmp_path / "alone", chunks=6)
    shared = replace(alone, store=tmp_path / "shared", parts_url=f"{bucket}/parts")
    expected, _ = executed(tmp_path / "a", alone, location=after)
    with local_ray(tmp_path) as cluster:
        from oasis_kernel.dispatch.ray import RayExecutor

        executed(tmp_path / "b", shared, RayExecutor(cluster), location=before)
        tables, record = executed(tmp_path / "c", shared, RayExecutor(cluster), location=after)
    assert tables == expected
    assert 0 < record.reused_events < record.events
