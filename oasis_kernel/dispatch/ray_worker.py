"""What runs in a Ray worker: several chunks of one task on threads, told as plain values one by one.

Nothing here imports Ray, and only this module's one function is known to it. The main thread waits, so that a cancel,
which Ray raises there as KeyboardInterrupt, is seen at once; the threads then stop between two blocks of losses.
"""

import importlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from oasis_kernel.dispatch.attempts import attempt, cause_of, this_worker
from oasis_kernel.dispatch.waiting import Setback
from oasis_kernel.errors import Cancelled, OasisError
from oasis_kernel.model.work import Chunk, Task

POLL = 0.2
Message = dict[str, Any]
#: A chunk as it travels: number, part, event ids (int32, little-endian), items touched, bytes, samples at once.
ChunkMessage = tuple[int, str, bytes, int, int, int]


def packed(chunk: Chunk) -> ChunkMessage:
    """A chunk as plain values."""
    ids = np.ascontiguousarray(chunk.event_id, dtype="<i4").tobytes()
    return chunk.number, chunk.part, ids, chunk.item_events, chunk.peak_bytes, chunk.samples_at_once


def unpacked(message: ChunkMessage) -> Chunk:
    """The chunk of plain values."""
    number, part, ids, item_events, peak_bytes, samples_at_once = message
    return Chunk(number, np.frombuffer(ids, "<i4").astype(np.int32), item_events, peak_bytes, part, samples_at_once)


def named(entry: str) -> Callable[..., Any]:
    """The function of a name such as ``package.module:function``."""
    module, _, name = entry.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


@dataclass(frozen=True)
class _Work:
    """What the threads of one call share."""

    entry: str
    arguments: Mapping[str, Any]
    messages: "SimpleQueue[Message | None]"  # None: a chunk has said all
    stop: threading.Event


def compute(
    entry: str, arguments: Mapping[str, Any], chunks: Sequence[ChunkMessage], threads: int
) -> Iterator[Message]:
    """Messages as chunks begin, finish and fail: ``kind`` is started, finished, failed or refused.

    ``entry`` and ``arguments`` make the task. A worker that cannot make it (an error of ours says why) refuses.
    """
    work = _Work(entry, arguments, SimpleQueue(), threading.Event())
    with ThreadPoolExecutor(threads, thread_name_prefix="chunk") as pool:
        try:
            for chunk in chunks:
                pool.submit(_one, work, unpacked(chunk)).add_done_callback(lambda _: work.messages.put(None))
            left = len(chunks)
            while left:
                try:
                    message = work.messages.get(timeout=POLL)  # not for ever, or Ray could not interrupt it
                except Empty:
                    continue
                if message is None:
                    left -= 1  # at once: a wait for the next look would be time in which no chunk is computed
                else:
                    yield message
        finally:
            work.stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def _one(work: _Work, chunk: Chunk) -> None:
    """Compute one chunk and say so."""
    from oasis_kernel._jit_cache import share_kernel_folders  # brings numba, which only a worker needs

    if work.stop.is_set():
        return
    about: Message = {"chunk": chunk.number, "part": chunk.part, "worker": this_worker()}
    work.messages.put({"kind": "started", **about})
    share_kernel_folders()  # with the other workers of this machine
    try:
        task: Task = named(work.entry)(**work.arguments)
    except OasisError as error:
        work.messages.put({"kind": "refused", **about, "cause": cause_of(error)})
        return
    except Exception as error:  # the job boundary: whatever is wrong with this worker is told with its name
        work.messages.put({"kind": "failed", **about, "trouble": "code", "cause": cause_of(error), "log_tail": ""})
        return
    try:
        outcome = attempt(task, chunk, work.stop.is_set)
    except Cancelled:
        return
    if isinstance(outcome, Setback):
        told = {"trouble": str(outcome.trouble), "cause": outcome.cause, "log_tail": outcome.log_tail}
        work.messages.put({"kind": "failed", **about, **told})
    else:
        work.messages.put({"kind": "finished", **about, "receipt": asdict(outcome)})


def end(pid: int) -> None:
    """End a worker of this machine that hears nothing any more; a process that is none of Ray's is left alone."""
    try:
        if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::"):
            os.kill(pid, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return


def answer(entry: str) -> Any:
    """What a function without arguments returns here: such as the versions of a worker."""
    return named(entry)()
