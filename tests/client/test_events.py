"""Events of a run: read as they come, taken up where a connection broke, and who waits for a run."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some
from service_double import HASTY, RUN, Double, json_answer, problem, view

from oasis_kernel.client.events import Follower, parse_events
from oasis_kernel.client.problems import RunFailed, ServiceLost, ServiceProblem
from oasis_kernel.client.run import RemoteRun
from oasis_kernel.errors import Cancelled, InvalidInput, OasisError

EVENTS = f"GET /v1/analyses/{RUN}/events"


def stream(*events: str, ended: bool = False) -> httpx.Response:
    text = ": follow\n\n" + "".join(events) + ("event: end\ndata: {}\n\n" if ended else "")
    return httpx.Response(200, text=text, headers={"Content-Type": "text/event-stream"})


def event(number: int, kind: str = "progress", data: str = '{"stage":"losses","done":1,"total":4}') -> str:
    return f"id: {number}\nevent: {kind}\ndata: {data}\n\n"


def following(double: Double) -> list[str]:
    path = f"/v1/analyses/{RUN}/events"
    return [event.id for event in Follower(double.service(), path, patience=HASTY)]


def test_an_event_stream_is_read_as_the_standard_has_it():
    lines = [
        ": comment",
        "",
        "id: 7",
        "event: state",
        'data: {"a":',
        "data:1}",
        "",
        "data: 2",
        "retry: 3",
        "",
        "data: 3",
    ]
    found = [(event.id, event.kind, event.data) for event in parse_events(lines)]
    assert found == [("7", "state", {"a": 1}), ("7", "message", 2)]  # the last one was cut off


def test_a_broken_stream_is_taken_up_after_the_last_event_seen():
    broken = httpx.ReadError("gone")
    double = Double().on(EVENTS, stream(event(1), event(2)), broken, stream(event(3), ended=True))
    assert following(double) == ["1", "2", "3"]
    seen = [request.headers.get("last-event-id") for request in double.asked]
    assert seen == [None, "2", "2"]


def test_a_service_that_stays_away_is_lost_and_one_that_refuses_refuses():
    double = Double().on(EVENTS, stream(event(1)), httpx.ConnectError("refused"))
    with pytest.raises(ServiceLost, match="Its runs go on"):
        following(double)
    assert len(double.asked) == 1 + HASTY.tries
    with pytest.raises(ServiceProblem, match="no run"):
        following(Double().on(EVENTS, problem(404, "There is no run")))


def test_patience_begins_anew_with_each_event():
    broken = httpx.ReadError("gone")
    answers = [answer for number in range(6) for answer in (broken, broken, stream(event(number)))]
    double = Double().on(EVENTS, *answers, stream(ended=True))
    assert following(double) == [str(number) for number in range(6)]


@given(some.lists(some.tuples(some.integers(0, 10**6), some.text(max_size=30)), max_size=20), some.data())
def test_however_a_stream_is_cut_each_event_comes_once(sent, data):
    """Cut anywhere, an event is whole or not there, and the next connection begins after the last whole one."""
    texts = [event(number, "log", f'{{"text":"{value.encode("unicode_escape").hex()}"}}') for number, value in sent]
    cut = data.draw(some.integers(0, len("".join(texts))))
    whole = [found.data for found in parse_events("".join(texts).splitlines())]
    first = [found.data for found in parse_events("".join(texts)[:cut].splitlines())]
    assert first == whole[: len(first)]
    assert len(first) >= sum(len("".join(texts[: n + 1])) <= cut for n in range(len(texts)))


def test_waiting_tells_the_progress_and_returns_the_completed_run(tmp_path):
    queued, done = view("running"), view("completed")
    lines = [
        event(1, "progress", '{"stage":"check","done":0,"total":0}'),
        event(2, "progress", '{"stage":"losses","done":2,"total":4,"peak_bytes":7}'),
        event(3, "state", '{"state":"completed"}'),
    ]
    double = Double().on(EVENTS, stream(*lines, ended=True))
    double.on(f"GET /v1/analyses/{RUN}", json_answer(queued), json_answer(done))
    told = []
    run = RemoteRun(double.workbench(tmp_path), queued).wait(told.append)
    assert run.state == "completed"
    assert [(step.stage, step.done, step.total, step.peak_bytes) for step in told] == [
        ("check", 0, 0, 0),
        ("losses", 2, 4, 7),
    ]


ERROR = {
    "what": "A chunk could not be computed",
    "chunk": 3,
    "first_event": 10,
    "last_event": 20,
    "row": None,
    "cause": "OSError: disk",
    "remedy": "Resume it",
}
FINDING = {"file": "acc.csv", "message": "must be there", "severity": "error"}


@pytest.mark.parametrize(
    ("ended", "kind", "message"),
    [
        (
            view("failed", error=ERROR),
            RunFailed,
            r"failed: A chunk could not be computed \(chunk 3, events 10 to 20\): OSError: disk\. Resume it",
        ),
        (view("failed", error={"what": "x"}, findings={"findings": [FINDING]}), InvalidInput, "acc.csv: must be there"),
        (view("cancelled"), Cancelled, f"oasis resume {RUN}"),
    ],
)
def test_a_run_that_ended_otherwise_says_how(ended, kind, message, tmp_path):
    double = Double().on(f"GET /v1/analyses/{RUN}", json_answer(ended))
    run = RemoteRun(double.workbench(tmp_path), ended)
    with pytest.raises(kind, match=message):
        run.wait()
    with pytest.raises(kind, match=message):
        run.table("gul", "ept")


def test_a_run_at_work_has_no_results_and_says_so(tmp_path):
    double = Double().on(f"GET /v1/analyses/{RUN}", json_answer(view("running")))
    with pytest.raises(OasisError, match="has no results yet, it is running"):
        RemoteRun(double.workbench(tmp_path), view("running")).aal()
