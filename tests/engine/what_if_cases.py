"""A run that keeps its ground-up losses, on part of toy-wind's events, and what is compared of its what-ifs."""

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import oasis_kernel as ok
from model_plugins.toy_wind import demo_portfolio, demo_settings
from oasis_kernel import api
from oasis_kernel.api import LocalRun
from oasis_kernel.engine.analysis import Resources

SAMPLES = 8
Row = dict[str, str]


def resources(folder: Path) -> Resources:
    return Resources(workers=2, memory_bytes=2**31, store=folder / "store", chunks=3)


def settings(folder: Path, **changes: object) -> Path:
    """The demo's settings, with fewer samples and events."""
    content = json.loads(demo_settings().read_text())
    content |= {"number_of_samples": SAMPLES, "event_ranges": "1-300", **changes}
    path = folder / "settings.json"
    path.write_text(json.dumps(content))
    return path


def demo_files(folder: Path) -> dict[str, Path]:
    """The demo portfolio in a folder of its own, where a test may change it."""
    files = demo_portfolio()._asdict()
    return {name: edited(path, folder / path.name, lambda rows: rows) for name, path in files.items()}


def edited(source: Path, target: Path, edit: Callable[[list[Row]], list[Row]]) -> Path:
    """A copy of a CSV file with its rows edited."""
    with source.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with target.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(edit([dict(row) for row in rows]))
    return target


def full_run(files: Mapping[str, Path], settings: Path, folder: Path, *, keep: bool = False) -> LocalRun:
    """A run from the beginning, in a store of its own."""
    used = replace(resources(folder), keep_ground_up=keep)
    portfolio = ok.read_portfolio(**files)
    return api.run("toy-wind", portfolio, settings=settings, out=folder / "out", resources=used)


def tables(run: LocalRun) -> dict[str, bytes]:
    """Every result file but the record."""
    return {path.name: path.read_bytes() for path in run.folder.iterdir() if path.name != "run.json"}


def differing(left: LocalRun, right: LocalRun) -> list[str]:
    """The files that are not the same, byte for byte."""
    mine, theirs = tables(left), tables(right)
    return sorted(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name))
