"""How cost grows with locations, events and samples: the same synthetic country, doubled three times along each.

    python -m bench.scaling [--locations 20000] [--events 500] [--samples 10] [--doublings 3] [--axes events]

Every point is ``oasis run`` as a command of its own, gross and net, with nothing kept from earlier runs. Processor
seconds are those of the command, less those of a run of next to nothing (imports, loading of compiled kernels); the
least of the repeats counts, because a busy machine only ever adds. Memory is what the run's own record tells: the
highest resident memory, and that of the process itself, without pages of mapped files, which the system takes back
when it needs them. The last column says what is not as promised: that seconds grow as the work does, give or take a
tenth, and that own memory stays within a tenth of the first when events or samples double, and double again. Work is
locations, events or samples; as storms differ, twice the events may touch more than twice the items, and then that
counts.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.measure import measure
from bench.national.make import Size, make

AXES = ("locations", "events", "samples")
NOTHING = Size(locations=20, events=20, samples=1, periods=100)
MOST_GROWTH = 1.1  # of processor seconds, beyond the growth of the work
MOST_MEMORY = 1.1  # of own memory, beyond that of the first point, when events or samples double
NOISE = 0.5  # seconds that a run takes more or less for no reason
MIB = 2.0**20


@dataclass(frozen=True)
class Point:
    """What a run of one size took."""

    axis: str
    size: Size
    cpu: float  # seconds, less those of a run of nothing
    memory: float  # bytes
    own: float  # bytes of it without mapped files
    item_events: int  # items that the events touch
    chunks: int = 1


@dataclass(frozen=True)
class Study:
    """What is measured, and with what."""

    base: Size
    doublings: int = 3
    repeat: int = 2
    workers: int = 1
    memory: float = 8.0  # GiB that a run may use
    axes: tuple[str, ...] = AXES

    def sizes(self) -> Iterator[tuple[str, Size]]:
        """Each axis with its sizes, the base first."""
        for axis in self.axes:
            for doubling in range(self.doublings + 1):
                yield axis, replace(self.base, **{axis: getattr(self.base, axis) << doubling})


def main() -> None:
    """Measure what the command line asks for, and print the table; exit code 1 when something is not as promised."""
    study = _asked()
    with tempfile.TemporaryDirectory(prefix="scaling-") as scratch:
        points = measured(study, Path(scratch))
    print(table(points))
    sys.exit(1 if any(complaints(points)) else 0)


def measured(study: Study, scratch: Path) -> list[Point]:
    """A point for each size of each axis, in order; the base is run once and stands on every axis."""
    start = _run(replace(study, repeat=max(study.repeat, 2)), NOTHING, "", scratch).cpu  # the first may compile
    known: dict[Size, Point] = {}
    points = []
    for axis, size in study.sizes():
        if size not in known:
            known[size] = _run(study, size, axis, scratch)
        points.append(replace(known[size], axis=axis, cpu=max(known[size].cpu - start, 0.0)))
        print(f"{axis}: {points[-1]}", file=sys.stderr)
    return points


def _run(study: Study, size: Size, axis: str, scratch: Path) -> Point:
    """What a run of one size takes, start included: the least of the repeats."""
    found = []
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        configuration = make(folder / "country", size)
        out = folder / "out"
        command = [str(Path(sys.executable).with_name("oasis")), "run", "--afresh", "--mdk", str(configuration)]
        command += ["--out", str(out), "--workers", str(study.workers), "--memory", str(study.memory)]
        for turn in range(study.repeat):
            environment = os.environ | {"OASIS_STORE": str(folder / f"store-{turn}")}
            cost = measure(command, environment, folder / f"turn-{turn}")
            record = json.loads((out / "run.json").read_text(encoding="utf-8"))
            expected = record.get("expected") or {}
            memory, own = float(record["peak_bytes"]), float(record["own_bytes"])
            item_events = int(expected.get("item_events", 0))
            found.append(Point(axis, size, cost.cpu, memory, own, item_events, int(record["chunks"])))
    least = {name: min(getattr(point, name) for point in found) for name in ("cpu", "memory", "own")}
    return replace(found[0], **least)


def more_work(before: Point, point: Point) -> float:
    """How many times the work of a point twice as large is: twice, or what its events touch if that is more."""
    touched = point.item_events * point.size.samples
    return max(2.0, touched / max(before.item_events * before.size.samples, 1))


def pairs(points: Sequence[Point]) -> list[tuple[Point | None, Point]]:
    """Each point with the one before it on its axis; None for the first."""
    before = [None, *points[:-1]]
    return [
        (one if one is not None and one.axis == other.axis else None, other)
        for one, other in zip(before, points, strict=True)
    ]


def complaint(before: Point | None, point: Point, base: Point | None = None) -> str:
    """What is not as promised of a point that is twice the one before it; "" when all is well.

    ``base`` is the first of its axis, if that is not the one before.
    """
    if before is None:
        return ""
    found = []
    if point.cpu > MOST_GROWTH * more_work(before, point) * before.cpu + NOISE:
        found.append(f"seconds grow {point.cpu / max(before.cpu, 1e-9):.2f} times")
    first = base or before
    if point.axis != "locations" and point.own > MOST_MEMORY * first.own:
        found.append(f"own memory grows {point.own / first.own:.2f} times")
    return ", ".join(found)


def complaints(points: Sequence[Point]) -> list[str]:
    """The complaint about each point, in order; memory is compared with that of the first of its axis."""
    first = {point.axis: point for point in reversed(points)}
    return [complaint(before, point, first[point.axis]) for before, point in pairs(points)]


def table(points: Sequence[Point]) -> str:
    """The points as a Markdown table."""
    lines = [
        "| doubled | locations | events | samples | item-events | chunks | CPU s | times | own MiB | times | peak | |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for (before, point), said in zip(pairs(points), complaints(points), strict=True):
        size = point.size
        growth, memory = ("", "") if before is None else (_times(point, before, "cpu"), _times(point, before, "own"))
        lines.append(
            f"| {point.axis} | {size.locations:,} | {size.events:,} | {size.samples:,} | {point.item_events:,} "
            f"| {point.chunks:,} | {point.cpu:.2f} | {growth} | {point.own / MIB:,.0f} | {memory} "
            f"| {point.memory / MIB:,.0f} | {said} |"
        )
    return "\n".join(lines)


def _times(point: Point, before: Point, name: str) -> str:
    return f"{getattr(point, name) / max(getattr(before, name), 1e-9):.2f}"


def _asked() -> Study:
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description="How cost grows with size.")
    for name, default in (("locations", 20_000), ("events", 500), ("samples", 10), ("periods", 10_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name in ("doublings", "repeat", "workers"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Study, name))
    parser.add_argument("--memory", type=float, default=Study.memory, help="GiB")
    parser.add_argument("--axes", nargs="+", choices=AXES, default=AXES, help="what to double")
    given = parser.parse_args()
    base = Size(given.locations, given.events, given.samples, given.periods)
    return Study(base, given.doublings, given.repeat, given.workers, given.memory, tuple(given.axes))


if __name__ == "__main__":
    main()
