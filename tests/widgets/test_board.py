"""The board from events and chunks: speed, time left, failures with what to do."""

import pytest

from oasis_kernel.client.events import RunEvent
from widgets.board import Board, as_html


def progress(at, done, total=100, stage="losses"):
    return RunEvent(
        "1", "progress", {"stage": stage, "done": done, "total": total, "at": f"2026-11-22T10:00:{at:02}+00:00"}
    )


def told(*events, board=None):
    found = board or Board()
    for event in events:
        found = found.after(event)
    return found


def test_speed_and_time_left_are_those_of_the_events():
    board = told(progress(0, 0), progress(10, 20))
    assert board.events_per_second == pytest.approx(2.0)
    assert board.remaining_seconds == pytest.approx(40.0)


def test_speed_is_that_of_the_last_half_minute():
    board = told(progress(0, 0), progress(20, 60), progress(50, 90))
    assert board.events_per_second == pytest.approx(1.0)


def test_one_progress_has_no_speed_and_another_stage_none_either():
    assert told(progress(0, 10)).events_per_second is None
    assert told(progress(0, 0), progress(5, 50), progress(6, 1, 4, "results")).remaining_seconds is None


def test_a_retry_begins_its_speed_anew():
    board = told(progress(0, 0), progress(10, 80), progress(20, 0), progress(25, 10))
    assert board.events_per_second == pytest.approx(2.0)


def test_failures_are_the_latest_of_each_chunk_with_their_action():
    first = {"chunk": 3, "part": "", "state": "failed", "cause": "worker died", "first_event": 7, "last_event": 9}
    last = {**first, "state": "quarantined", "cause": "nan <loss>", "remedy": "Mend event 8"}
    board = told(RunEvent("1", "chunk", first), RunEvent("2", "chunk", last))
    page = as_html(board)
    assert "worker died" not in page
    for said in ("7 to 9", "set aside", "nan &lt;loss&gt;", "Mend event 8"):
        assert said in page


def test_what_the_service_says_counts():
    chunks = [{"state": "done"}, {"state": "done"}, {"state": "running"}]
    view = {"state": "running", "peak_bytes": 3 * 2**30, "progress": {"stage": "losses", "done": 5, "total": 9}}
    page = as_html(Board(lost="gone").read(view, chunks))
    for said in ("2 done, 1 running", "3.0 GB", "5 of 9", "<progress"):
        assert said in page
    assert "comes back" not in page


def test_what_was_expected_stands_beside_what_was_taken():
    band = {"low": 8.0, "likely": 12.0, "high": 30.0}
    estimate = {"seconds": band, "peak_bytes": {name: value * 2**20 for name, value in band.items()}}
    view = {"state": "running", "peak_bytes": 2**20, "estimate": estimate, "started": "2026-11-22T10:00:00Z"}
    page = as_html(Board().read(view, []))
    assert "expected 12 s (8.0 s to 30 s)" in page
    assert "1.0 MB; expected 12.0 MB (8.0 MB to 30.0 MB)" in page
    ended = as_html(Board().read({**view, "state": "completed", "finished": "2026-11-22T10:00:09Z"}, []))
    assert "9.0 s; expected 12 s (8.0 s to 30 s)" in ended


def test_a_lost_service_is_told_with_what_goes_on():
    page = as_html(Board(state="running", lost="the service does not answer"))
    assert "the service does not answer" in page
    assert "The run goes on in the service" in page


def test_a_failed_run_without_a_remedy_says_resume():
    page = as_html(Board(state="failed", error={"what": "it died", "cause": "it died"}))
    assert page.count("it died") == 1
    assert "Press Resume" in page
