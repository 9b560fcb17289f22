"""How a run fares, from its events and chunks: speed, time left, memory, failures with what to do. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from oasis_kernel.client.events import FINAL, RunEvent
from widgets import markup, words

LOSSES = "losses"
#: Speed is measured over this many seconds before the newest progress: old chunks say little about the present.
WINDOW_SECONDS = 30.0
STAGES = {"check": "Checking", "prepare": "Preparing", "plan": "Planning", "losses": "Events", "results": "Tables"}
MARKS = {"waiting": "□", "running": "▶", "done": "■", "failed": "!", "quarantined": "✖", "split": "÷", "cancelled": "—"}
_MOST_MARKS = 400


@dataclass(frozen=True)
class Board:
    """Where a run stands."""

    state: str = "queued"
    stage: str = ""
    done: int = 0
    total: int = 0
    progressed: tuple[tuple[float, int], ...] = ()  # (seconds, events) of the losses stage, oldest first
    peak_bytes: int | None = None
    expected: Mapping[str, Any] | None = None  # the estimate made when the run was planned
    seconds: float | None = None  # from start to end, of a run that has ended
    chunks: tuple[Mapping[str, Any], ...] = ()
    failures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # the latest of each chunk
    error: Mapping[str, Any] | None = None
    lost: str = ""  # why the service does not answer; empty when it does

    @property
    def ended(self) -> bool:
        """Whether nothing more happens unless somebody asks."""
        return self.state in FINAL

    @property
    def events_per_second(self) -> float | None:
        """Speed over the last half minute; None before it can be told."""
        if len(self.progressed) < 2:
            return None
        (began, first), (ended, last) = self.progressed[0], self.progressed[-1]
        return (last - first) / (ended - began) if ended > began and last > first else None

    @property
    def remaining_seconds(self) -> float | None:
        """Seconds until all events are done, at the present speed; None before it can be told."""
        speed = self.events_per_second
        return (self.total - self.done) / speed if speed and self.stage == LOSSES and not self.ended else None

    def after(self, event: RunEvent) -> "Board":
        """The board after one more thing happened."""
        data = event.data
        if event.kind == "state":
            stage = str(data.get("stage") or self.stage)
            return replace(self, state=str(data["state"]), stage=stage, error=data.get("error") or self.error)
        if event.kind == "progress" and "stage" in data:
            return self._progressed(data)
        if event.kind == "chunk":
            name = chunk_name(data.get("chunk"), data.get("part"))
            return replace(self, failures={**self.failures, name: data})
        return self

    def read(self, view: Mapping[str, Any], chunks: Iterable[Mapping[str, Any]]) -> "Board":
        """The board with the service's own view of the run and its chunks, which count."""
        found = replace(
            self,
            state=str(view["state"]),
            peak_bytes=view.get("peak_bytes"),
            error=view.get("error"),
            expected=view.get("estimate") or self.expected,
            seconds=_seconds(view),
        )
        progress = view.get("progress") or {}
        if progress.get("total") and not self.total:
            found = replace(found, stage=progress["stage"], done=progress["done"], total=progress["total"])
        return replace(found, chunks=tuple(chunks), lost="")

    def _progressed(self, data: Mapping[str, Any]) -> "Board":
        stage, done, total = str(data["stage"]), int(data.get("done") or 0), int(data.get("total") or 0)
        progressed: tuple[tuple[float, int], ...] = ()
        if stage == LOSSES and "at" in data:
            at = datetime.fromisoformat(str(data["at"])).timestamp()
            kept = self.progressed if self.stage == LOSSES and done >= self.done else ()
            progressed = (*(point for point in kept if point[0] >= at - WINDOW_SECONDS), (at, done))
        return replace(self, stage=stage, done=done, total=total, progressed=progressed)


def chunk_name(number: Any, part: Any) -> str:
    """``7``, or ``7/01`` for a part of a chunk that was halved."""
    return f"{number}/{part}" if part else str(number)


def as_html(board: Board) -> str:
    """The board: progress, speed, time left, memory; chunks as marks and as words; failures with what to do."""
    stage = STAGES.get(board.stage, board.stage or board.state)
    lines = [markup.progress(stage, board.done, board.total) if not board.ended else ""]
    speed = board.events_per_second
    facts = {
        "State": board.state,
        "Events per second": "—" if speed is None else f"{speed:,.0f}",
        "Time left": words.duration(board.remaining_seconds),
        "Time": _beside(board.seconds, board.expected, "seconds", words.duration),
        "Peak memory": _beside(board.peak_bytes, board.expected, "peak_bytes", words.size),
        "Chunks": ", ".join(f"{number} {state}" for state, number in _counts(board.chunks).items())
        or "not planned yet",
    }
    lines.append(markup.definitions("Run", facts))
    if board.lost:
        again = "The run goes on in the service; this page comes back to it by itself."
        lines.append(markup.paragraph(f"{board.lost}. {again}", "warning"))
    lines += [_marks(board.chunks), _failed(board)]
    return "".join(lines)


def _beside(
    taken: float | None, expected: Mapping[str, Any] | None, name: str, shown: Callable[[float | None], str]
) -> str:
    """What was taken beside what was expected, where either is known."""
    band = (expected or {}).get(name)
    if not band:
        return shown(taken)
    told = f"expected {shown(band['likely'])} ({shown(band['low'])} to {shown(band['high'])})"
    return told if taken is None else f"{shown(taken)}; {told}"


def _seconds(view: Mapping[str, Any]) -> float | None:
    """How long a run took; None of one that has not ended."""
    started, finished = view.get("started"), view.get("finished")
    if not started or not finished:
        return None
    return (datetime.fromisoformat(str(finished)) - datetime.fromisoformat(str(started))).total_seconds()


def _counts(chunks: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for chunk in chunks:
        found[str(chunk["state"])] = found.get(str(chunk["state"]), 0) + 1
    return found


def _marks(chunks: tuple[Mapping[str, Any], ...]) -> str:
    """One mark for each chunk; for the ear the counts above say the same."""
    if not chunks:
        return ""
    marks = "".join(MARKS.get(str(chunk["state"]), "?") for chunk in chunks[:_MOST_MARKS])
    legend = ", ".join(f"{MARKS.get(state, '?')} {state}" for state in _counts(chunks))
    more = f" (the first {_MOST_MARKS} of {len(chunks)})" if len(chunks) > _MOST_MARKS else ""
    return f'<p aria-hidden="true" class="chunks">{marks}</p><p>{legend}{more}</p>'


def _failed(board: Board) -> str:
    """Why it failed, which chunk and events, and what to do."""
    parts = []
    if board.error and board.state == "failed":
        error = board.error
        said = [str(error[name]).rstrip(".") for name in ("what", "cause") if error.get(name)]
        parts.append(markup.paragraph(". ".join(dict.fromkeys(said)) or "It ended without saying why", "error"))
        action = error.get("remedy") or "Press Resume: finished chunks are kept, and only what is missing is computed."
        parts.append(markup.paragraph(f"What to do: {action}"))
    if board.failures:
        columns = ("Chunk", "Events", "What became of it", "Cause", "What to do")
        rows = [_failure_row(name, data) for name, data in board.failures.items()]
        parts.append(markup.table("Chunks that failed", columns, rows, 20))
    return "".join(parts)


def _failure_row(name: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    events = f"{data['first_event']} to {data['last_event']}" if data.get("first_event") is not None else ""
    fates = {"failed": "tried again", "quarantined": "set aside", "split": "halved, goes on as its halves"}
    state = str(data.get("state"))
    cause = str(data.get("cause") or data.get("error") or "")
    return (name, events, fates.get(state, state), cause, str(data.get("remedy") or ""))
