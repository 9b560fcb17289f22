"""A changed portfolio takes what did not change from an earlier run, and has the bytes of a run from the beginning."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from what_if_cases import Row, demo_files, differing, edited, resources, settings

import oasis_kernel as ok
from oasis_kernel import api
from oasis_kernel.api import LocalRun
from oasis_kernel.engine.analysis import Resources
from oasis_kernel.engine.earlier import earlier_for
from oasis_kernel.engine.execute import begin, chunk_task, plan_run
from oasis_kernel.engine.inputs import load_analysis
from oasis_kernel.engine.order import ordered_task
from oasis_kernel.engine.progress import Clock
from oasis_kernel.model.inputs import InputFiles
from oasis_kernel.plugins import load_plugins

Files = Mapping[str, Path]
Edit = Callable[[list[Row]], list[Row]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("earlier")


@pytest.fixture(scope="module")
def files(folder: Path) -> Files:
    """The demonstration, but that one account has places in one town only, which some storms do not reach."""

    def few(rows: list[Row]) -> list[Row]:
        return [row for row in rows if row["AccNumber"] != "PARKS" or row["LocName"] == "Fort Myers"]

    found = demo_files(folder)
    return found | {"location": edited(found["location"], folder / "few.csv", few)}


def run_of(files: Files, chosen: Path, out: Path, used: Resources) -> LocalRun:
    return api.run("toy-wind", ok.read_portfolio(**files), settings=chosen, out=out, resources=used)


def compared(files: Files, changed: Files, folder: Path, chosen: Path, after: Path | None = None) -> LocalRun:
    """The run of the changed portfolio in the store of the first one's: its tables are those of a fresh one."""
    used = resources(folder)
    run_of(files, chosen, folder / "before", used)
    later = run_of(changed, after or chosen, folder / "after", replace(used, chunks=5))
    fresh = run_of(changed, after or chosen, folder / "fresh", replace(used, store=folder / "elsewhere"))
    assert differing(later, fresh) == []
    assert fresh.record.reused_events == fresh.record.reused_chunks == 0
    return later


def with_location(files: Files, folder: Path, edit: Edit) -> Files:
    return dict(files) | {"location": edited(files["location"], folder / "changed.csv", edit)}


def new_account(files: Files, folder: Path, *, first: bool) -> Files:
    """One more account, with one place."""
    place = {"AccNumber": "NEW", "LocNumber": "N-1", "Latitude": "26.17", "Longitude": "-81.74", "LocName": "Naples"}

    def locations(rows: list[Row]) -> list[Row]:
        added = [rows[0] | place]
        return added + rows if first else rows + added

    def accounts(rows: list[Row]) -> list[Row]:
        added = [rows[0] | {"AccNumber": "NEW", "PolNumber": "N-1"}]
        return added + rows if first else rows + added

    changed = with_location(files, folder, locations)
    return dict(changed) | {"account": edited(files["account"], folder / "accounts.csv", accounts)}


@pytest.mark.parametrize("first", [False, True])
def test_an_account_that_is_added(files: Files, tmp_path: Path, first: bool):
    later = compared(files, new_account(files, tmp_path, first=first), tmp_path, settings(tmp_path))
    assert 0 < later.record.reused_events < later.record.events


def test_an_account_that_is_taken_away(files: Files, tmp_path: Path):
    changed = with_location(files, tmp_path, lambda rows: [row for row in rows if row["AccNumber"] != "PARKS"])
    later = compared(files, changed, tmp_path, settings(tmp_path))
    assert 0 < later.record.reused_events < later.record.events


def test_a_place_that_is_added_to_an_account(files: Files, tmp_path: Path):
    def more(rows: list[Row]) -> list[Row]:
        at = next(number for number, row in enumerate(rows) if row["AccNumber"] == "PARKS")
        return [*rows[:at], rows[at] | {"LocNumber": "P-new", "BuildingTIV": "7000"}, *rows[at:]]

    later = compared(files, with_location(files, tmp_path, more), tmp_path, settings(tmp_path))
    assert 0 < later.record.reused_events < later.record.events


@pytest.mark.parametrize("field", ["BuildingTIV", "LocDed6All", "OccupancyCode"])
def test_a_place_that_is_changed(files: Files, tmp_path: Path, field: str):
    values = {"BuildingTIV": "123456", "LocDed6All": "0.07", "OccupancyCode": "1101"}

    def other(rows: list[Row]) -> list[Row]:
        at = next(number for number, row in enumerate(rows) if row["AccNumber"] == "PARKS")
        return [*rows[:at], rows[at] | {field: values[field]}, *rows[at + 1 :]]

    later = compared(files, with_location(files, tmp_path, other), tmp_path, settings(tmp_path))
    assert 0 < later.record.reused_events < later.record.events


def test_terms_of_an_account(files: Files, tmp_path: Path):
    def dearer(rows: list[Row]) -> list[Row]:
        return [row | ({"LayerLimit": "12345"} if row["AccNumber"] == "PARKS" else {}) for row in rows]

    changed = dict(files) | {"account": edited(files["account"], tmp_path / "accounts.csv", dearer)}
    later = compared(files, changed, tmp_path, settings(tmp_path))
    assert 0 < later.record.reused_events < later.record.events


def test_more_events_take_those_that_there_were(files: Files, tmp_path: Path):
    few = settings(tmp_path, event_ranges="1-200")
    first = few.rename(tmp_path / "few.json")
    later = compared(files, files, tmp_path, first, settings(tmp_path))
    assert later.record.reused_events >= 0.5 * later.record.events


def test_other_reinsurance_takes_nothing(files: Files, tmp_path: Path):
    half = edited(files["ri_info"], tmp_path / "i.csv", lambda rows: [row | {"PlacedPercent": "0.5"} for row in rows])
    assert compared(files, dict(files) | {"ri_info": half}, tmp_path, settings(tmp_path)).record.reused_events == 0


def test_another_order_takes_nothing(files: Files, tmp_path: Path):
    changed = with_location(files, tmp_path, lambda rows: rows[::-1])
    assert compared(files, changed, tmp_path, settings(tmp_path)).record.reused_events == 0


def test_summaries_by_row_number_take_nothing_of_rows_that_moved(files: Files, tmp_path: Path):
    by_row = {"gul_summaries": [{"id": 1, "oed_fields": ["loc_id"], "ord_output": {"elt_moment": True}}]}
    chosen = settings(tmp_path, **by_row, il_output=False, ri_output=False)
    later = compared(files, new_account(files, tmp_path, first=True), tmp_path, chosen)
    assert later.record.reused_events == 0


def test_terms_do_not_matter_to_ground_up_losses_alone(files: Files, tmp_path: Path):
    def dearer(rows: list[Row]) -> list[Row]:
        return [row | {"LocDed6All": "0.07"} for row in rows]

    chosen = settings(tmp_path, il_output=False, ri_output=False)
    later = compared(files, with_location(files, tmp_path, dearer), tmp_path, chosen)
    assert later.record.reused_events == later.record.events or later.record.reused_chunks == later.record.chunks


def test_damaged_parts_are_computed_again(files: Files, tmp_path: Path):
    used, chosen = resources(tmp_path), settings(tmp_path)
    run_of(files, chosen, tmp_path / "before", used)
    for part in (used.store / "parts").glob("??/*.part"):
        part.write_bytes(part.read_bytes()[:-9])
    changed = new_account(files, tmp_path, first=False)
    later = run_of(changed, chosen, tmp_path / "after", used)
    fresh = run_of(changed, chosen, tmp_path / "fresh", replace(used, store=tmp_path / "elsewhere"))
    assert differing(later, fresh) == []


def test_a_damaged_ledger_is_no_ledger(files: Files, tmp_path: Path):
    used, chosen = resources(tmp_path), settings(tmp_path)
    run_of(files, chosen, tmp_path / "before", used)
    (ledger,) = (used.store / "parts").glob("??/*.ledger")
    ledger.write_bytes(ledger.read_bytes()[:50])
    assert run_of(new_account(files, tmp_path, first=False), chosen, tmp_path / "out", used).record.reused_events == 0


def test_a_worker_takes_the_same(files: Files, tmp_path: Path):
    used, chosen = resources(tmp_path), settings(tmp_path)
    run_of(files, chosen, tmp_path / "before", used)
    changed = new_account(files, tmp_path, first=True)
    analysis, _ = load_analysis(InputFiles(model="toy-wind", settings=chosen, **changed), load_plugins())
    begun = begin(analysis, Clock(lambda progress: None))
    earlier = earlier_for(begun.prepared, used)
    assert earlier is not None
    task = chunk_task(begun, used, None, earlier)
    arguments = {**task.reference().arguments, "reuse": False}
    chunk = plan_run(begun, used, None).plan.chunks[1]
    assert earlier.has(chunk.event_id).any()
    receipt = ordered_task(**arguments)(chunk)
    theirs = used.parts().path(receipt.address).read_bytes()
    used.parts().discard(receipt.address)
    assert task(chunk).address == receipt.address
    assert used.parts().path(receipt.address).read_bytes() == theirs
    assert receipt.events_reused > 0
    gone = ordered_task(**{**arguments, "earlier": "0" * 64})(chunk)
    assert (gone.address, gone.events_reused) == (receipt.address, 0)
    assert used.parts().path(receipt.address).read_bytes() == theirs


def test_random_changes_one_after_another(files: Files, tmp_path: Path):
    """Each portfolio of a chain takes what it can of the one before: errors would add up."""
    draw, chosen, used = random.Random(7), settings(tmp_path, event_ranges="1-120"), resources(tmp_path)
    rows = json.loads(json.dumps(_rows(files["location"])))
    taken = 0
    for turn in range(6):
        for _ in range(draw.randint(1, 3)):
            _change(rows, draw)
        changed = with_location(files, tmp_path, lambda _, rows=rows: rows)
        later = run_of(changed, chosen, tmp_path / f"out-{turn}", used)
        fresh = run_of(changed, chosen, tmp_path / f"fresh-{turn}", replace(used, store=tmp_path / f"store-{turn}"))
        assert differing(later, fresh) == []
        taken += later.record.reused_events
    assert taken > 0


def _rows(path: Path) -> list[Row]:
    import csv

    with path.open(newline="") as file:
        return [dict(row) for row in csv.DictReader(file)]


def _change(rows: list[Row], draw: random.Random) -> None:
    """One place of a small account is added, taken away, or changed."""
    small = [number for number, row in enumerate(rows) if row["AccNumber"] in ("PARKS", "HOTELS")]
    at = draw.choice(small)
    what = draw.choice(["add", "remove", "value", "place"])
    if what == "add":
        rows.insert(at, rows[at] | {"LocNumber": f"L-{draw.random()}"})
    elif what == "remove" and len(small) > 4:
        del rows[at]
    elif what == "value":
        rows[at]["ContentsTIV"] = str(draw.randint(1, 10**6))
    else:
        rows[at]["Latitude"], rows[at]["Longitude"] = "28.5", f"-8{draw.choice('12')}.{draw.randint(0, 9)}"
