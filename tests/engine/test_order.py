"""A work order holds all that its chunks depend on: another process makes the same bytes of it, or refuses."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from oasis_kernel.engine.analysis import Resources
from oasis_kernel.engine.execute import Begun, begin, chunk_task, kept_ground_up, plan_run
from oasis_kernel.engine.inputs import load_analysis
from oasis_kernel.engine.order import load_order, ordered_task
from oasis_kernel.engine.progress import Clock
from oasis_kernel.errors import DamagedFile, OasisError
from oasis_kernel.plugins import load_plugins


def begun(samples: int = 3) -> Begun:
    files = replace(load_plugins().demonstration("toy-wind"), samples=samples)
    analysis, _ = load_analysis(files, load_plugins())
    return begin(analysis, Clock(lambda progress: None))


def resources(folder: Path) -> Resources:
    return Resources(workers=1, memory_bytes=2**32, store=folder, chunks=9)


@pytest.fixture(scope="module")
def run() -> Begun:
    return begun()


def order_of(run: Begun, folder: Path) -> tuple[str, Path]:
    """The address of a run's order, and its folder."""
    url = str(chunk_task(run, resources(folder), None).reference().arguments["order"])
    return url, folder / "orders" / run.prepared.key


def test_an_order_taken_over_gives_the_same_part(run: Begun, tmp_path: Path):
    here, there = resources(tmp_path / "here"), resources(tmp_path / "there")
    task = chunk_task(run, here, None)
    reference = task.reference()
    assert (reference.entry, reference.model) == ("oasis_kernel.engine.order:ordered_task", "toy-wind")
    elsewhere = ordered_task(**{**reference.arguments, "parts": there.parts_address})
    chunk = plan_run(run, here, None).plan.chunks[4]
    receipts = [task(chunk), elsewhere(chunk)]
    assert receipts[0].address == receipts[1].address
    assert not receipts[1].reused
    parts = [place.parts().path(receipts[0].address).read_bytes() for place in (here, there)]
    assert parts[0] == parts[1]
    assert receipts[0].rows > 0


def test_kept_ground_up_losses_go_where_the_order_says(run: Begun, tmp_path: Path):
    here = resources(tmp_path)
    kept = kept_ground_up(here, run.prepared)
    arguments = chunk_task(run, here, kept).reference().arguments
    assert arguments["keep"] is True
    chunk = plan_run(run, here, None).plan.chunks[4]
    receipt = ordered_task(**arguments)(chunk)
    assert kept.has(chunk.event_id)
    assert receipt.ground_up == kept.address(chunk.event_id)


def test_an_order_is_plain_json_and_arrays_and_is_written_once(run: Begun, tmp_path: Path):
    url, folder = order_of(run, tmp_path)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["analysis.json", "manifest.json", "prepared.arrays", "prepared.json"]
    written = {path: path.stat().st_mtime_ns for path in folder.glob("prepared.*")}
    assert order_of(run, tmp_path)[0] == url
    assert {path: path.stat().st_mtime_ns for path in folder.glob("prepared.*")} == written
    assert load_order(url) is load_order(url)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"engine": "9.9"}, "this worker has version .* of the engine, and the run was planned with 9.9. Give all"),
        ({"model.fingerprint": "other"}, "model toy-wind on this worker .* differs from the one that the run was"),
        ({"key": "00ff"}, "holds what was prepared for another run .* its own is 00ff"),
    ],
)
def test_a_worker_that_would_compute_something_else_refuses(run: Begun, tmp_path: Path, change, message):
    url, folder = order_of(run, tmp_path)
    content = json.loads((folder / "analysis.json").read_text())
    for name, value in change.items():
        *route, last = name.split(".")
        (content[route[0]] if route else content)[last] = value
    (folder / "analysis.json").write_text(json.dumps(content))
    with pytest.raises(OasisError, match=message):
        load_order(url)


@pytest.mark.parametrize("name", ["prepared.arrays", "prepared.json"])
@pytest.mark.parametrize("keep", [0, 40, -64])
def test_an_order_cut_short_is_named(run: Begun, tmp_path: Path, name: str, keep: int):
    url, folder = order_of(run, tmp_path)
    (folder / name).write_bytes((folder / name).read_bytes()[:keep])
    with pytest.raises(DamagedFile, match="must hold"):
        load_order(url)


def test_an_order_that_a_worker_cannot_reach_is_named(run: Begun, tmp_path: Path):
    url, folder = order_of(run, tmp_path)
    shutil.rmtree(folder)
    with pytest.raises(OasisError, match=r"order file:.* is not there for this worker. Workers must reach the store"):
        load_order(url)
