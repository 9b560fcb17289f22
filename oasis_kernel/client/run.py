"""A run in a service: the questions of a local run, asked there."""

import time
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oasis_kernel.client.events import FINAL, Follower, RunEvent
from oasis_kernel.client.files import ResultFiles
from oasis_kernel.client.problems import failure_of
from oasis_kernel.client.service import Service
from oasis_kernel.engine.progress import Progress, Report
from oasis_kernel.errors import Cancelled, OasisError
from oasis_kernel.questions.result import Run

if TYPE_CHECKING:
    from oasis_kernel.client.workbench import Workbench

COMPLETED, FAILED, CANCELLED = "completed", "failed", "cancelled"


class RemoteRun(Run):
    """A run in a service, finished or not. Its files are fetched when a question needs them, and are the run's own."""

    def __init__(self, workbench: "Workbench", view: Mapping[str, Any]):
        """``view`` is the analysis as the service shows it."""
        self.workbench = workbench
        self.view = dict(view)
        self._files = ResultFiles(self._service, str(view["url"]), workbench.cache / str(view["id"]))
        super().__init__(self._files.folder)

    def __repr__(self) -> str:
        return f"<RemoteRun {self.id} of {self.model}: {self.view['state']} in {self._service.address}>"

    @property
    def id(self) -> str:
        """The run's id in the service."""
        return str(self.view["id"])

    @property
    def name(self) -> str:
        """The name that its owner gave it."""
        return str(self.view["name"])

    @property
    def model(self) -> str:
        """The model's name."""
        return str(self.view["model"])

    @property
    def url(self) -> str:
        """Where it is in the service; nothing secret is in it."""
        return self._service.address + str(self.view["url"])

    @property
    def place(self) -> str:
        """Where the results are, for people."""
        return self.url

    @property
    def state(self) -> str:
        """queued, checking, preparing, planning, running, writing, interrupted, completed, failed or cancelled."""
        if self.view["state"] not in FINAL:
            self.refresh()
        return str(self.view["state"])

    @property
    def ended(self) -> bool:
        """Whether nothing more happens unless somebody asks."""
        return self.state in FINAL

    def refresh(self) -> "RemoteRun":
        """The run as it stands now in the service."""
        self.view = self._service.get(str(self.view["url"]))
        return self

    def share(self, *groups: str) -> "RemoteRun":
        """Let these groups see the run, and no others; none: its owner alone. OasisError for groups that are not yours.

        Analysts of these groups may cancel and resume it too; only its owner, or an administrator, may delete it.
        """
        self.view = self._service.patch(str(self.view["url"]), {"groups": list(groups)})
        return self

    def file(self, name: str) -> Path:
        """A result file, fetched if it is not here yet; OasisError while the run has no results."""
        self._need_results()
        return self._files.fetched(name)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The names of all files of the results."""
        self._need_results()
        return self._files.names()

    @property
    def title(self) -> str:
        """What the run is called."""
        return self.name

    def picture(self, perspective: str = "gul", level: int | None = None, summary: int = 1) -> bytes:
        """The exceedance curve of one summary as a PNG, drawn by the service."""
        self._need_results()
        asked = {"perspective": perspective, "summary": summary, **({} if level is None else {"level": level})}
        return self._service.call("GET", f"{self.view['url']}/ep.png", params=asked).content

    def download(self, out: str | Path) -> Path:
        """All files of the results in a folder of this machine, as a local run writes them; returns the folder."""
        self._need_results()
        self._files.download(Path(out))
        return Path(out)

    def as_dict(self) -> dict[str, Any]:
        """The headline as plain values: that of the results, and where the run is."""
        place: dict[str, Any] = {"id": self.id, "name": self.name, "url": self.url, "state": self.state}
        place |= {name: self.view.get(name) for name in ("created", "started", "cancel_requested", "finished", "error")}
        return {**(super().as_dict() if self.state == COMPLETED else {"model": self.model}), **place}

    def events(self, after: str | None = None) -> Iterator[RunEvent]:
        """What happens to the run until it ends, from its beginning, or after the event of an id.

        A broken connection is taken up again where it broke. ServiceLost when the service stays away.
        """
        yield from Follower(self._service, f"{self.view['url']}/events", after)

    def wait(self, progress: Report | None = None) -> "RemoteRun":
        """The run when it has completed.

        Otherwise what it ended with is raised: InvalidInput with findings, RunFailed with chunk, cause and remedy, or
        Cancelled. ServiceLost when the service stays away; the run goes on there, and can be waited for again.
        """
        if not self.ended:
            follow(self.events(), progress)
            self.refresh()
        self._need_results()
        return self

    def finished(self, out: str | Path | None = None, progress: Report | None = None) -> "RemoteRun":
        """The run when it has completed, its files in the folder ``out`` when there is one; see ``wait``."""
        self.wait(progress)
        if out is not None:
            self.download(out)
        return self

    def cancel(self) -> "RemoteRun":
        """The run, asked to stop; finished chunks are kept, and ``resume`` goes on from there."""
        self._service.post(f"{self.view['url']}/cancel")
        return self.refresh()

    def resume(self) -> "RemoteRun":
        """A failed or cancelled run, queued again: only what is missing is computed."""
        self._service.post(f"{self.view['url']}/resume")
        return self.refresh()

    def delete(self) -> None:
        """Delete the run and its results, in the service and what is kept of it here."""
        self._service.delete(str(self.view["url"]))
        self._files.forget()

    def chunks(self, state: str | None = None) -> list[dict[str, Any]]:
        """The run's chunks: state, worker, times, memory, error of each."""
        return list(self._service.items(f"{self.view['url']}/chunks", state=state))

    def log(self) -> str:
        """The end of what the run's processes wrote."""
        return "\n".join(self._service.get(f"{self.view['url']}/log")["lines"])

    def what_if(self, **change: Any) -> "RemoteRun":
        """The run with other terms, on the ground-up losses it kept; see ``Workbench.what_if``."""
        return self.workbench.what_if(self, **change)

    @property
    def _service(self) -> Service:
        return self.workbench.service

    def _need_results(self) -> None:
        """What a run ended with instead of results; OasisError too while it is at work."""
        state = self.state
        if state == COMPLETED:
            return
        if state == FAILED:
            raise failure_of(self.id, self.refresh().view)
        if state == CANCELLED:
            raise Cancelled(f"run {self.id} was cancelled; `oasis resume {self.id}` goes on from its finished chunks")
        raise OasisError(f"run {self.id} has no results yet, it is {state}: wait for it, or follow its events")


def follow(events: Iterator[RunEvent], progress: Report | None) -> None:
    """Report the progress in a run's events, until they end."""
    stage, began = "", time.perf_counter()
    for event in events:
        if progress is None or event.kind != "progress" or "stage" not in event.data:
            continue
        if event.data["stage"] != stage:
            stage, began = event.data["stage"], time.perf_counter()
        done, total = int(event.data.get("done") or 0), int(event.data.get("total") or 0)
        seconds = float(event.data.get("seconds") or time.perf_counter() - began)
        progress(Progress(stage, done, total, seconds, int(event.data.get("peak_bytes") or 0)))
