"""The cluster: who computes, what waits, how busy the machine is."""

import os
import platform
from datetime import datetime
from typing import Any

import psutil
from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from oasis_kernel import __version__
from oasis_kernel.service import cluster_reports, runs
from oasis_kernel.service.access import Viewer, visible_to
from oasis_kernel.service.chunks import ChunkState
from oasis_kernel.service.context import Service
from oasis_kernel.service.identity import Identity
from oasis_kernel.service.problems import answers, plain
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.tables import ChunkRow, Run
from oasis_kernel.service.views import ROOT

router = APIRouter(prefix=f"{ROOT}/cluster", tags=["cluster"])

MOST_LISTED = 100


class WorkerView(BaseModel):
    """A process or machine that computes."""

    name: str
    analyses: int = Field(description="analyses it works on")
    chunks: int = Field(description="chunks it computes at this moment")
    seen: datetime | None = None
    engine: str | None = None


class QueueView(BaseModel):
    """What waits and what is at work, over all users; `items` are those that the user may see."""

    waiting: int
    at_work: int
    chunks_waiting: int
    chunks_running: int
    by_state: dict[str, int]
    items: list["QueuedView"]


class QueuedView(BaseModel):
    """An analysis that waits or is at work."""

    url: str
    name: str
    owner: str
    state: str
    priority: int
    done: int
    total: int
    created: datetime


class LoadView(BaseModel):
    """How busy the service's machine is."""

    cpus: int
    load_1_minute: float
    load_5_minutes: float
    memory_bytes: int
    memory_available_bytes: int


class RayView(BaseModel):
    """A Ray cluster as its dispatcher sees it."""

    state: str = Field(description="starting, ready or unusable; silent when nothing was heard lately")
    address: str | None = None
    error: str | None = None
    slots: int = 0
    in_flight: int = Field(0, description="chunks that are given out")
    concurrent_analyses: int = Field(description="analyses that share the cluster at the same time")
    reported: datetime
    workers: list[dict[str, Any]] = Field(default_factory=list, description="machines, with their versions")


class ClusterView(BaseModel):
    """Workers, queue and load."""

    executor: str = Field(description="threads, or the address of the Ray cluster", examples=["threads"])
    concurrent_analyses: int = Field(description="analyses that run at the same time on this machine")
    ray: RayView | None = Field(None, description="what the dispatcher last said of its cluster")
    workers: list[WorkerView]
    queue: QueueView
    load: LoadView


@router.get("", summary="Workers, queue and load", responses=answers())
def show_cluster(parts: Service, user: Viewer) -> ClusterView:
    """Who computes, what waits (numbers over all users, names only of what the user may see), how busy it is."""
    with parts.database.read() as session:
        queue, workers = _queue(session, user), _workers(session)
        report = cluster_reports.latest(session)
    settings = parts.settings
    return ClusterView(
        executor="threads" if settings.ray == "none" else f"ray {settings.ray}",
        concurrent_analyses=settings.workers,
        ray=_ray(report, settings) if report is not None and settings.ray != "none" else None,
        workers=workers,
        queue=queue,
        load=_load(),
    )


def _ray(report: cluster_reports.Reported, settings: ServiceSettings) -> RayView:
    data: dict[str, Any] = plain(report.data)
    known = {name: data[name] for name in ("address", "error", "slots", "in_flight", "workers") if name in data}
    state = str(data.get("state")) if report.fresh else "silent"
    return RayView(state=state, concurrent_analyses=settings.cluster_runs, reported=report.at, **known)


def _queue(session: Session, user: Identity) -> QueueView:
    here = Run.deleted.is_(None)
    counted = session.execute(select(Run.state, func.count()).where(here).group_by(Run.state))
    by_state = {str(state): int(number) for state, number in counted}
    busy = Run.state.in_([*runs.WAITING, *runs.ACTIVE])
    query = select(Run).where(here, busy, visible_to(user, Run)).order_by(Run.priority.desc(), Run.id)
    chunks = dict(_chunk_states(session))
    return QueueView(
        waiting=sum(by_state.get(state, 0) for state in runs.WAITING),
        at_work=sum(by_state.get(state, 0) for state in runs.ACTIVE),
        chunks_waiting=chunks.get(ChunkState.WAITING, 0),
        chunks_running=chunks.get(ChunkState.RUNNING, 0),
        by_state=by_state,
        items=[_queued(run) for run in session.scalars(query.limit(MOST_LISTED))],
    )


def _chunk_states(session: Session) -> list[tuple[str, int]]:
    query = (
        select(ChunkRow.state, func.count())
        .join(Run, Run.id == ChunkRow.run_id)
        .where(Run.state.in_(runs.ACTIVE), ChunkRow.state.in_([ChunkState.WAITING, ChunkState.RUNNING]))
        .group_by(ChunkRow.state)
    )
    return [(state, int(number)) for state, number in session.execute(query)]


def _queued(run: Run) -> QueuedView:
    names = ("name", "owner", "state", "priority", "done", "total", "created")
    values: dict[str, Any] = {name: getattr(run, name) for name in names}
    return QueuedView(url=f"{ROOT}/analyses/{run.id}", **values)


def _workers(session: Session) -> list[WorkerView]:
    """This machine, every other host with a run at work, and the cluster's workers with a chunk in hand."""
    found = {platform.node(): WorkerView(name=platform.node(), analyses=0, chunks=0, engine=__version__)}
    at_work = select(Run.host, func.count(), func.max(Run.heartbeat)).where(Run.state.in_(runs.ACTIVE))
    for host, number, seen in session.execute(at_work.group_by(Run.host)):
        if host is not None:
            worker = found.setdefault(host, WorkerView(name=host, analyses=0, chunks=0))
            worker.analyses, worker.seen = number, seen
    computing = (
        select(ChunkRow.worker, func.count(), func.max(ChunkRow.started))
        .join(Run, Run.id == ChunkRow.run_id)
        .where(Run.state.in_(runs.ACTIVE), ChunkRow.state == ChunkState.RUNNING, ChunkRow.worker.is_not(None))
        .group_by(ChunkRow.worker)
    )
    for name, number, seen in session.execute(computing):
        worker = found.setdefault(str(name), WorkerView(name=str(name), analyses=0, chunks=0, seen=seen))
        worker.chunks = number
    return list(found.values())


def _load() -> LoadView:
    memory = psutil.virtual_memory()
    one, five, _ = os.getloadavg()
    return LoadView(
        cpus=os.cpu_count() or 1,
        load_1_minute=one,
        load_5_minutes=five,
        memory_bytes=memory.total,
        memory_available_bytes=memory.available,
    )
