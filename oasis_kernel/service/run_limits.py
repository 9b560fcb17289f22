"""What one run may use of the machine: the least of what was asked for and what the operator allows."""

import os
from dataclasses import dataclass

from oasis_kernel.engine.analysis import usable_memory
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.tables import Run

#: The part of the machine's memory that all runs together may use: the rest is the service's and the system's.
SHARE_OF_MEMORY = 0.8
#: The part of a run's memory that its chunks are planned for: the rest is libraries, tables and the allocator's.
SHARE_OF_CHUNKS = 0.5


@dataclass(frozen=True)
class RunLimits:
    """The limits of a run's process."""

    workers: int
    memory_bytes: int
    deadline_seconds: float | None

    @property
    def chunk_bytes(self) -> int:
        """What the chunks at work may need together."""
        return int(self.memory_bytes * SHARE_OF_CHUNKS)

    @staticmethod
    def of(run: Run, settings: ServiceSettings) -> "RunLimits":
        """The limits of a run; each time it died for lack of memory halves its threads."""
        asked = run.request.get("resources") or {}
        cores = len(os.sched_getaffinity(0))
        allowed_workers = settings.run_workers or max(1, cores // settings.workers)
        allowed_memory = settings.run_memory_bytes or int(usable_memory() * SHARE_OF_MEMORY / settings.workers)
        workers = min(asked.get("workers") or allowed_workers, settings.run_workers or cores)
        deadlines = [asked.get("deadline_seconds"), settings.run_deadline_seconds]
        return RunLimits(
            workers=max(1, workers >> run.memory_kills),
            memory_bytes=min(asked.get("memory_bytes") or allowed_memory, allowed_memory),
            deadline_seconds=min((seconds for seconds in deadlines if seconds), default=None),
        )
