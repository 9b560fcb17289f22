"""Machines asked for ahead of the work: a cluster's autoscaler hears at once how much is planned, not task by task."""

import logging
import math
import time
from collections.abc import Mapping

from oasis_kernel.dispatch.ray_cluster import RayCluster

#: Seconds between two requests, at least.
ASK_SECONDS = 2.0
#: A processor that would be busy for less is not asked for: a machine takes about as long to come.
WORTH_SECONDS = 20.0

log = logging.getLogger(__name__)


def worthwhile(chunks: int, chunk_seconds: float) -> int:
    """On how many processors so many chunks of so many seconds are worth computing at once; 0 seconds: unknown."""
    if not chunk_seconds:
        return chunks
    return min(chunks, math.ceil(chunks * chunk_seconds / WORTH_SECONDS))


class Capacity:
    """What one driver asks a cluster's autoscaler for: room for ``threads`` chunks at once, so many times.

    ``most`` is how many processors the cluster may have for each model. Nothing is asked for other models: a request
    beyond what the cluster may become is ignored by Ray as a whole. Ray keeps the last request until another one
    replaces it, also when who asked is gone: so the first one is always sent, and the last one is for nothing.
    """

    def __init__(self, cluster: RayCluster, threads: int, most: Mapping[str, int]):
        self._cluster = cluster
        self._threads = threads
        self._most = dict(most)
        self._asked: dict[str, int] | None = None
        self._at = -ASK_SECONDS

    def want(self, processors: Mapping[str, int]) -> None:
        """Ask for so many processors for each model, up to the most; less than before lets machines go."""
        if not self._most or time.monotonic() - self._at < ASK_SECONDS:
            return
        wanted = {model: min(count, self._most.get(model, 0)) for model, count in sorted(processors.items())}
        tasks = {model: count // self._threads or 1 for model, count in wanted.items() if count > 0}
        if tasks != self._asked:
            self._ask(tasks)

    def withdraw(self) -> None:
        """Ask for nothing any more."""
        if self._asked:
            self._ask({})

    def _ask(self, tasks: dict[str, int]) -> None:
        bundles, selectors = [], []
        for model, count in tasks.items():
            placed = self._cluster.placement(model, self._threads)
            bundles += [{"CPU": placed["num_cpus"], **placed.get("resources", {})}] * count
            selectors += [placed.get("label_selector", {})] * count
        self._at = time.monotonic()
        if _request(bundles, selectors):
            self._asked = tasks
            log.info("asked the cluster for room for %s", tasks or "nothing")


def _request(bundles: list[dict[str, float]], selectors: list[dict[str, str]]) -> bool:
    """Whether the cluster has heard that there should be room for all of these at once."""
    from ray.autoscaler.sdk import request_resources
    from ray.exceptions import RayError

    try:
        request_resources(bundles=bundles, bundle_label_selectors=selectors)
    except RayError as error:  # only a hint: chunks are sent all the same, and it is sent again
        log.warning("the cluster does not hear what it is asked for: %s", error)
        return False
    return True
