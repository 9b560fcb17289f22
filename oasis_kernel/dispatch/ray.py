"""Workers of a Ray cluster as an executor: chunks go out as a reference and event ids, receipts come back."""

import threading
from collections.abc import Iterable, Iterator

from oasis_kernel.dispatch import Observer
from oasis_kernel.dispatch.ray_cluster import RayCluster
from oasis_kernel.dispatch.ray_tasks import RayTasks, applied
from oasis_kernel.dispatch.threads import CANCELLED
from oasis_kernel.dispatch.waiting import Lateness, Limit, Patience, WaitingChunks
from oasis_kernel.errors import Cancelled
from oasis_kernel.model.work import Chunk, Receipt, Task


class RayExecutor:
    """Runs chunks on a cluster, twice as many in flight as it computes at once.

    A chunk whose code fails is tried once more, one whose worker died three times more, one that does not fit a
    worker's memory twice more and is then halved. With ``keep_going`` a chunk that fails for good is set aside;
    otherwise it ends the run. ``threads_per_task`` makes fat tasks: so many chunks at once in one worker process,
    which share the model's data. When nothing waits any more, a chunk that takes much longer than others (``lateness``)
    is sent out once more; whichever attempt ends first counts, and the other is stopped. A chunk that reaches its
    ``limit`` is ended and tried once more elsewhere, also while no processor is free.
    """

    def __init__(
        self,
        cluster: RayCluster,
        *,
        threads_per_task: int = 1,
        keep_going: bool = False,
        observer: Observer | None = None,
        lateness: Lateness | None = None,
        limit: Limit | None = None,
    ):
        self._cluster = cluster
        self._threads = threads_per_task
        self._patience = Patience(keep_going=keep_going)
        self._observer = observer
        self._lateness = lateness
        self._limit = limit
        self._cancelled = threading.Event()

    def run(self, task: Task, chunks: Iterable[Chunk]) -> Iterator[Receipt]:
        """Receipts as chunks finish; ClusterUnusable when no worker is for the model. Opens the cluster if need be."""
        reference = task.reference()
        self._cluster.open()
        self._cluster.placement(reference.model, self._threads)  # refuses before anything is sent
        waiting = WaitingChunks(chunks, self._patience, self._observer, self._lateness, self._limit)
        tasks = RayTasks(self._cluster, self._threads)
        try:
            while not self._cancelled.is_set():
                for _ in range(tasks.room(reference.model)):
                    if attempts := waiting.take_several(tasks.batch(len(waiting))):
                        tasks.submit(self, reference, attempts)
                if not len(waiting):
                    tasks.copy_late(self, reference, waiting)
                    if not tasks.unfinished(self):
                        break
                for news in tasks.news():
                    receipt = applied(waiting, news)
                    if receipt is not None:
                        yield receipt
                tasks.end_overdue(self, waiting)
                tasks.force_late()
        finally:
            tasks.stop(self)
        if self._cancelled.is_set():
            raise Cancelled(CANCELLED)
        waiting.close()

    def cancel(self) -> None:
        """Send no more chunks; those under way stop within half a second, or lose their workers."""
        self._cancelled.set()
