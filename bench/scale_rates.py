"""The rates of the scale model that one machine can tell: a loss, and a task of Ray."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from oasis_kernel.dispatch.ray_cluster import RayCluster
from oasis_kernel.engine.analysis import Resources
from oasis_kernel.engine.execute import begin, chunk_task, plan_run
from oasis_kernel.engine.inputs import load_analysis
from oasis_kernel.engine.progress import Clock
from oasis_kernel.plugins import load_plugins

SAMPLES, TASKS = 100, 2_000


def loss_rate() -> float:
    """Processor seconds for each touched item and sample of the demonstration: all perspectives, code compiled."""
    files = replace(load_plugins().demonstration("toy-wind"), samples=SAMPLES)
    analysis, _ = load_analysis(files, load_plugins())
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        resources = replace(Resources.of_this_machine(workers=1, store=Path(folder)), reuse=False)
        begun = begin(analysis, Clock(lambda progress: None))
        plan = plan_run(begun, resources, None).plan
        task = chunk_task(begun, resources, None)
        task(plan.chunks[0])
        seconds = sum(task(chunk).cpu_seconds for chunk in plan.chunks)
    return seconds / (sum(chunk.item_events for chunk in plan.chunks) * (SAMPLES + 20))


def task_seconds() -> float:
    """Seconds for each of many tasks that do nothing, with two workers of this machine."""
    with RayCluster(cpus=2):
        import ray

        nothing = ray.remote(_nothing)
        ray.get([nothing.remote() for _ in range(10)])
        began = time.perf_counter()
        ray.get([nothing.remote() for _ in range(TASKS)])
        return (time.perf_counter() - began) / TASKS


def _nothing() -> None:
    """Return at once."""
