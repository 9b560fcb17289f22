"""Threads against a local Ray on the same chunks: processor seconds and wall seconds of the losses, as ratios.

    python -m bench.executors [--locations 50000] [--events 300] [--samples 20] [--workers 1 2] [--repeat 3]

A national portfolio is prepared once and planned as a run would be; then its chunks are computed by each executor in
turns, after a round that does not count: it loads compiled kernels and, on Ray, lets workers map what was prepared.
No chunk is taken from an earlier round. Processor seconds are those of this process and all it has started (Ray's own
processes and workers), and, beside it, those of the threads that computed chunks alone. The least of the rounds counts.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.national.make import Size, make
from oasis_kernel.dispatch import Executor
from oasis_kernel.dispatch.ray import RayExecutor
from oasis_kernel.dispatch.ray_cluster import RayCluster
from oasis_kernel.dispatch.threads import ThreadExecutor
from oasis_kernel.engine.analysis import Resources
from oasis_kernel.engine.execute import Begun, begin, chunk_task, plan_run
from oasis_kernel.engine.inputs import InputFiles, load_analysis
from oasis_kernel.engine.progress import Clock
from oasis_kernel.plugins import load_plugins


@dataclass(frozen=True)
class Round:
    """What the losses took once, in seconds."""

    chunks: int
    wall: float
    processor: float  # of all processes
    computing: float  # of the threads that computed chunks


def main() -> None:
    """Measure what the command line asks for, and print the table."""
    given = _asked()
    size = Size(given.locations, given.events, given.samples)
    with tempfile.TemporaryDirectory(prefix="executors-") as scratch:
        configuration = make(Path(scratch) / "country", size)
        plugins = load_plugins()
        begun = begin(load_analysis(InputFiles(mdk=configuration), plugins)[0], Clock(lambda progress: None))
        print(_HEADER)
        for workers in given.workers:
            resources = Resources.of_this_machine(workers, store=Path(scratch) / "store", reuse=False)
            rounds = _compared(begun, resources, given.repeat)
            print(_row(workers, rounds), flush=True)


def _compared(begun: Begun, resources: Resources, repeat: int) -> dict[str, list[Round]]:
    """The rounds of each executor, in turns, without the first."""
    rounds: dict[str, list[Round]] = {"threads": [], "ray": []}
    with RayCluster(cpus=resources.workers) as cluster:
        for turn in range(repeat + 1):
            made: dict[str, Executor] = {"threads": ThreadExecutor(resources.workers), "ray": RayExecutor(cluster)}
            for name, executor in made.items():
                found = _round(begun, resources, executor)
                print(f"{resources.workers} workers, round {turn}, {name}: {found}", file=sys.stderr)
                if turn:
                    rounds[name].append(found)
    return rounds


def _round(begun: Begun, resources: Resources, executor: Executor) -> Round:
    plan = plan_run(begun, resources, None).plan
    task = chunk_task(begun, resources, None)
    began, before = time.perf_counter(), _processor_seconds()
    receipts = list(executor.run(task, plan.chunks))
    wall, after = time.perf_counter() - began, _processor_seconds()
    spent = sum(seconds - before.get(process, 0.0) for process, seconds in after.items())
    return Round(len(receipts), wall, spent, sum(receipt.cpu_seconds for receipt in receipts))


def _processor_seconds() -> dict[tuple[int, float], float]:
    """User and system seconds of this process and of all it has started, by process."""
    this = psutil.Process()
    found = {}
    for process in (this, *this.children(recursive=True)):
        try:
            times = process.cpu_times()
            found[process.pid, process.create_time()] = times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return found


_HEADER = (
    "| workers | chunks | processor s, threads | Ray | times | of computing, threads | Ray | times "
    "| wall s, threads | Ray | times |\n" + "| ---: " * 11 + "|"
)


def _row(workers: int, rounds: dict[str, list[Round]]) -> str:
    cells = [f"{workers}", f"{rounds['ray'][0].chunks}"]
    for name in ("processor", "computing", "wall"):
        threads, ray = (min(getattr(found, name) for found in rounds[which]) for which in ("threads", "ray"))
        cells += [f"{threads:.2f}", f"{ray:.2f}", f"{ray / threads:.3f}"]
    return f"| {' | '.join(cells)} |"


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.executors", description="Threads against a local Ray.")
    for name, default in (("locations", 50_000), ("events", 300), ("samples", 20), ("repeat", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    return parser.parse_args()


if __name__ == "__main__":
    main()
