"""A run's chunks on a Ray cluster: ``oasis run --ray``."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oasis_kernel.dispatch import Executor
    from oasis_kernel.engine.analysis import Resources


@contextmanager
def workers_of(
    address: str | None, threads: int, resources: "Resources"
) -> "Iterator[tuple[Executor | None, Resources]]":
    """What computes the chunks, and the resources that they are planned for; without an address, this process."""
    if address is None:
        yield None, resources
        return
    from oasis_kernel.dispatch.ray import RayExecutor
    from oasis_kernel.dispatch.ray_cluster import LOCAL, RayCluster

    cluster = RayCluster(address, cpus=resources.workers)
    try:
        if address != LOCAL:  # a local one is opened only once the inputs have passed their checks
            cluster.open()
            resources = replace(resources, workers=max(cluster.cpus(), 1), memory_bytes=cluster.memory_bytes() // 2)
        yield RayExecutor(cluster, threads_per_task=threads), resources
    finally:
        cluster.close()
