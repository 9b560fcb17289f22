"""Tasks in flight on a cluster, for one run or for several: what they say as it happens, and how they are stopped."""

import time
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from oasis_kernel.dispatch import ray_worker
from oasis_kernel.dispatch.ray_cluster import OWN_PART, RayCluster
from oasis_kernel.dispatch.waiting import Attempt, Setback, Trouble, WaitingChunks, too_long
from oasis_kernel.errors import OasisError
from oasis_kernel.model.work import Receipt, TaskReference

#: Tasks that wait at the cluster for each that runs: enough that no processor idles, few enough to be fair.
IN_FLIGHT = 2
#: Chunks of a task for each of its threads, so that threads seldom wait for the last of them.
CHUNKS_PER_THREAD = 4
#: A task that has not stopped by itself after so many seconds loses its worker.
FORCE_SECONDS = 3.5
#: A worker that cannot even be ended after so many seconds is given up with its task: its machine hangs.
GIVE_UP_SECONDS = 20.0
POLL = 0.2


class WorkerRefused(OasisError):
    """A worker that cannot do the run's work: another version, other model data, no access to the store."""


@dataclass
class _Flight:
    """A task that was submitted, and its chunks that are not finished."""

    owner: Hashable
    pin: str  # the model whose machines it needs; "" for any machine
    open: dict[tuple[int, str], Attempt]
    begun: dict[tuple[int, str], str] = field(default_factory=dict)  # the worker
    cancelled: float = 0.0  # when it was asked to stop
    lost: bool = False  # a copy of one of its chunks was faster: it is stopped when nothing else in it is open
    overdue: dict[tuple[int, str], float] = field(default_factory=dict)  # it is ended because of these; their seconds
    struck: bool = False  # its machine was told to end its worker, which did not hear Ray


@dataclass(frozen=True)
class News:
    """What became of an attempt."""

    owner: Hashable
    attempt: Attempt
    worker: str = ""
    receipt: Receipt | None = None
    setback: Setback | None = None
    returned: bool = False  # nothing was done, through no fault of the chunk
    refused: str = ""  # the worker's reason
    beside: bool = False  # another attempt at the chunk is under way


class RayTasks:
    """Tasks on a cluster, ``threads`` chunks at once in each."""

    def __init__(self, cluster: RayCluster, threads: int = 1):
        self._cluster = cluster
        self._threads = threads
        self._flights: dict[Any, _Flight] = {}
        self._remote: Any = None

    def __len__(self) -> int:
        return len(self._flights)

    def of(self, owner: Hashable) -> int:
        """How many tasks of an owner are in flight."""
        return sum(flight.owner == owner for flight in self._flights.values())

    def unfinished(self, owner: Hashable) -> bool:
        """Whether tasks of an owner are in flight, other than such as are stopped because a copy was faster."""
        return any(flight.open or not flight.cancelled for flight in self._flights.values() if flight.owner == owner)

    def room(self, model: str) -> int:
        """How many more tasks of a model may be submitted: never less than two in all, for which a cluster may grow."""
        pin = self._cluster.pin(model)
        return IN_FLIGHT * self._slots(pin) - sum(flight.pin == pin for flight in self._flights.values())

    def batch(self, waiting: int) -> int:
        """How many chunks the next task should take when so many wait."""
        if self._threads == 1:
            return 1
        fair = -(-waiting // (IN_FLIGHT * self._slots("")))
        return min(max(fair, self._threads), CHUNKS_PER_THREAD * self._threads)

    def _slots(self, pin: str) -> int:
        """Tasks that machines for a model (or all of them) compute at once."""
        nodes = self._cluster.nodes()
        cpus = sum(node.cpus for node in nodes if not node.refused and (not pin or pin in node.models))
        return max(cpus // self._threads, 1)

    def copy_late(self, owner: Hashable, reference: TaskReference, waiting: WaitingChunks) -> None:
        """Send a run's late chunks out once more, elsewhere, as far as processors are free. Nothing else may wait."""
        late = waiting.late()
        if not late:
            return
        pin = self._cluster.pin(reference.model)
        free = self._slots(pin) - sum(flight.pin == pin for flight in self._flights.values())
        for begun in late[: max(free, 0)]:
            machine = begun.worker.rpartition(":")[0]
            self.submit(owner, reference, [waiting.copied(begun.attempt)], avoid=machine)

    def submit(
        self, owner: Hashable, reference: TaskReference, attempts: Sequence[Attempt], *, avoid: str = ""
    ) -> None:
        """Send attempts of one run as one task; ClusterUnusable when no worker is for its model.

        ``avoid`` names a machine that is not to compute them, if there is another.
        """
        import ray

        avoid = avoid or attempts[0].avoid
        if self._remote is None:
            # Ray tries nothing again: it would do so behind our back, at the end of the queue, perhaps without end.
            self._remote = ray.remote(max_retries=0, num_returns="streaming")(ray_worker.compute)
        placed = self._remote.options(**self._cluster.placement(reference.model, self._threads, avoid))
        chunks = [ray_worker.packed(attempt.chunk) for attempt in attempts]
        stream = placed.remote(reference.entry, dict(reference.arguments), chunks, self._threads)
        self._flights[stream] = _Flight(
            owner, self._cluster.pin(reference.model), {attempt.key: attempt for attempt in attempts}
        )

    def news(self, timeout: float = POLL) -> Iterator[News]:
        """What happened since the last call; waits for something up to ``timeout`` seconds."""
        import ray

        if not self._flights:
            return
        # The stream of a cancelled task ends at once, but reading its end waits for the task's own.
        heard_by = {
            stream.completed() if flight.cancelled else stream: stream for stream, flight in self._flights.items()
        }
        ready, _ = ray.wait(list(heard_by), num_returns=1, timeout=timeout, fetch_local=False)
        if ready:  # whatever else is there already
            ready, _ = ray.wait(list(heard_by), num_returns=len(heard_by), timeout=0, fetch_local=False)
        for sign in ready:
            flight = self._flights[heard_by[sign]]
            if flight.cancelled and sign is heard_by[sign]:
                continue  # a moment ago, because of what another one said
            for news in self._heard(heard_by[sign]):
                yield self._raced(news)
        for stream, flight in self._flights.items():
            if flight.lost and not flight.open and not flight.cancelled:
                _cancel(stream, flight)
        for news in self._given_up():
            yield self._raced(news)

    def cancel(self, owner: Hashable, *, force: bool = False) -> None:
        """Ask an owner's tasks to stop, which takes half a second; ``force`` ends their workers."""
        for stream, flight in self._flights.items():
            if flight.owner == owner and (force or not flight.cancelled):
                _cancel(stream, flight, force=force)

    def force_late(self) -> None:
        """End the workers of tasks that were asked to stop and did not."""
        now = time.monotonic()
        for stream, flight in self._flights.items():
            if flight.cancelled and now - flight.cancelled > FORCE_SECONDS:
                _cancel(stream, flight, force=True)
                if flight.overdue and not flight.struck:
                    flight.struck = True
                    for worker in {flight.begun[key] for key in flight.overdue}:
                        self._cluster.end_worker(worker)

    def end_overdue(self, owner: Hashable, waiting: WaitingChunks) -> None:
        """End the workers of a run's chunks that have reached their limit, so that others can take them up."""
        now = time.monotonic()
        overdue = {begun.attempt.key: now - begun.at for begun in waiting.overdue()}
        for stream, flight in self._flights.items():
            if flight.owner == owner and not flight.cancelled:
                hanging = overdue.keys() & flight.begun.keys() & flight.open.keys()
                if hanging:
                    flight.overdue = {key: overdue[key] for key in hanging}
                    _cancel(stream, flight, force=True)

    def _given_up(self) -> Iterator[News]:
        """The news of tasks that hang so that their workers cannot be ended either."""
        late = time.monotonic() - GIVE_UP_SECONDS
        for stream, flight in list(self._flights.items()):
            if flight.overdue and flight.cancelled < late:
                del self._flights[stream]
                yield from _ended(flight)

    def stop(self, owner: Hashable) -> None:
        """Stop an owner's tasks, and wait until they have: their workers are ended where they do not."""
        self.cancel(owner)
        end = time.monotonic() + 2 * FORCE_SECONDS
        while self.of(owner) and time.monotonic() < end:
            for _ in self.news():
                continue
            self.force_late()

    def _heard(self, stream: Any) -> Iterator[News]:
        import ray

        flight = self._flights[stream]
        try:
            message = ray.get(next(stream))
        except StopIteration:
            del self._flights[stream]
            yield from _ended(flight)
        except ray.exceptions.LocalRayletDiedError as error:
            raise self._cluster.lost(OWN_PART) from error
        except ray.exceptions.RayError as error:
            del self._flights[stream]
            yield from _lost(flight, error)
        else:
            if (message["chunk"], message["part"]) in flight.open:  # else another attempt was faster
                yield _said(flight, message)

    def _raced(self, news: News) -> News:
        """The news, with whether other attempts at the chunk are under way; they have lost if this one finished it."""
        key = news.attempt.key
        others = [
            flight
            for flight in self._flights.values()
            if flight.owner == news.owner and flight.open.get(key, news.attempt) is not news.attempt
        ]
        if news.receipt is None:
            return replace(news, beside=bool(others))
        for flight in others:
            del flight.open[key]
            flight.lost = True
        return news


def _cancel(stream: Any, flight: _Flight, *, force: bool = False) -> None:
    import ray

    flight.cancelled = flight.cancelled or time.monotonic()
    ray.cancel(stream, force=force)


def _said(flight: _Flight, message: ray_worker.Message) -> News:
    """The news in a worker's message."""
    key, worker = (message["chunk"], message["part"]), message["worker"]
    attempt = flight.open[key]
    if message["kind"] == "started":
        flight.begun[key] = worker
        return News(flight.owner, attempt, worker)
    del flight.open[key]
    if message["kind"] == "finished":
        return News(flight.owner, attempt, worker, receipt=Receipt(**message["receipt"]))
    if message["kind"] == "refused":
        return News(flight.owner, attempt, worker, refused=message["cause"])
    setback = Setback(Trouble(message["trouble"]), message["cause"], worker, message["log_tail"])
    return News(flight.owner, attempt, worker, setback=setback)


def _ended(flight: _Flight) -> Iterator[News]:
    """The news of a task that was stopped: its chunks wait again, but for those that it was stopped for."""
    for key, attempt in flight.open.items():
        if key in flight.overdue:
            cause, worker = f"{too_long(flight.overdue[key])}, and its worker was ended", flight.begun.get(key, "")
            yield News(flight.owner, attempt, worker, setback=Setback(Trouble.TIME, cause, worker))
        else:
            yield News(flight.owner, attempt, returned=True)


def _lost(flight: _Flight, error: Exception) -> Iterator[News]:
    """The news of a task whose worker is gone: those of its chunks that it had begun have failed."""
    if flight.cancelled:
        yield from _ended(flight)
        return
    trouble, cause = _trouble(error)
    for key, attempt in flight.open.items():
        worker = flight.begun.get(key, "")
        # A chunk that is alone in its task is the cause even where its worker died before it could say so.
        if not worker and len(flight.open) > 1:
            yield News(flight.owner, replace(attempt, alone=True), returned=True)
        else:
            yield News(flight.owner, attempt, worker, setback=Setback(trouble, cause, worker))


def _trouble(error: Exception) -> tuple[Trouble, str]:
    import ray.exceptions as kinds

    if isinstance(error, kinds.OutOfMemoryError):
        return Trouble.MEMORY, "the worker was ended because its machine ran out of memory"
    if isinstance(error, kinds.RayTaskError):
        return Trouble.CODE, str(error).strip().splitlines()[-1]
    if isinstance(error, kinds.WorkerCrashedError):
        return Trouble.WORKER, "the worker process died"
    return Trouble.WORKER, f"the worker or its machine was lost: {type(error).__name__}"


def applied(waiting: WaitingChunks, news: News) -> Receipt | None:
    """The receipt, if the news is one, after a run's waiting chunks have heard it; raises what ends the run."""
    attempt = news.attempt
    if news.beside and (news.refused or news.returned):
        return None
    if news.refused:
        waiting.put_back([attempt])
        raise WorkerRefused(f"worker {news.worker} cannot compute this run: {news.refused}")
    if news.returned:
        waiting.put_back([attempt])
    elif news.setback is not None:
        waiting.failed(attempt, news.setback, beside=news.beside)
    elif news.receipt is not None:
        return waiting.finished(attempt, news.receipt, news.worker)
    else:
        waiting.started(attempt, news.worker)
    return None
