"""A run is followed through the loss of its service, and no longer than somebody looks."""

import httpx
from panel_service import RUN, listed, run_view, stream

from oasis_kernel.client.run import RemoteRun
from widgets.background import AtOnce
from widgets.watch import RunWatch

PATH = f"/v1/analyses/{RUN}"


def watching(service, session, boards, failures=None):
    run = RemoteRun(session.workbench, run_view("running"))
    failed = failures.append if failures is not None else lambda error: None
    return RunWatch(run, AtOnce(), boards.append, failed, pauses=(0.0,))


def test_a_lost_service_is_told_and_taken_up_where_it_was_left(service, session):
    gone = httpx.ConnectError("refused")
    service.answers[f"GET {PATH}"] = [run_view("running"), run_view("running"), run_view("completed")]
    service.answers[f"GET {PATH}/chunks"] = listed({"state": "running"})
    heard = stream((7, "progress", {"stage": "losses", "done": 3, "total": 9}), end=False)
    service.answers[f"GET {PATH}/events"] = [heard, gone, gone, gone, stream((8, "state", {"state": "completed"}))]
    boards = []
    watching(service, session, boards).start()
    assert "does not answer" in next(board.lost for board in boards if board.lost)
    assert boards[-1].state == "completed"
    assert boards[-1].lost == ""
    last = [r for r in service.asked if r.url.path.endswith("/events")][-1]
    assert last.headers["Last-Event-ID"] == "7"


def test_who_stops_hears_no_more(service, session):
    service.answers[f"GET {PATH}"] = run_view("running")
    service.answers[f"GET {PATH}/chunks"] = listed()
    service.answers[f"GET {PATH}/events"] = stream((1, "progress", {"stage": "losses", "done": 1, "total": 2}))
    boards = []
    watch = watching(service, session, boards)
    watch.stop()
    watch.start()
    assert boards == []


def test_what_no_waiting_mends_is_told(service, session):
    body = {"type": "urn:oasis-workbench:problem:not-found", "status": 404, "detail": "There is no analysis"}
    service.answers[f"GET {PATH}"] = httpx.Response(
        404, json=body, headers={"Content-Type": "application/problem+json"}
    )
    failures = []
    watching(service, session, [], failures).start()
    assert [str(error) for error in failures] == ["There is no analysis"]
