"""What becomes of chunks that fail, on threads: tried again, halved, set aside, or the end of the run."""

import logging
import threading
import time
from dataclasses import replace

import pytest
from trial_tasks import Heard, Trial, chunks, events_of

from oasis_kernel.dispatch.threads import ThreadExecutor
from oasis_kernel.errors import Cancelled, ChunkFailed, ChunksFailed, OasisError
from oasis_kernel.model.work import Receipt


def run(task, *, keep_going: bool = False, count: int = 4, workers: int = 2) -> tuple[list[Receipt], Heard]:
    heard = Heard()
    return list(ThreadExecutor(workers, keep_going=keep_going, observer=heard).run(task, chunks(count))), heard


def test_every_chunk_is_finished_and_heard_of(tmp_path):
    receipts, heard = run(Trial(str(tmp_path)))
    assert sorted(receipt.chunk for receipt in receipts) == [0, 1, 2, 3]
    assert (heard.count("started"), heard.count("finished"), heard.count("retried")) == (4, 4, 0)
    assert all(receipt.worker and receipt.attempt == 1 for receipt in receipts)


def test_code_that_fails_once_is_tried_again(tmp_path):
    receipts, heard = run(Trial(str(tmp_path), "fails once"))
    assert len(receipts) == 4
    assert heard.count("retried") == 1
    assert {receipt.chunk: receipt.attempt for receipt in receipts} == {0: 1, 1: 2, 2: 1, 3: 1}
    [failure] = heard.failures
    assert failure.cause == "KeyError: 'region'"
    assert "_behave" in failure.log_tail


def test_code_that_fails_twice_ends_the_run_with_the_chunk_named(tmp_path):
    with pytest.raises(ChunkFailed, match=r"chunk 1 \(events 5 to 8\) failed: KeyError: 'region'\. .*resume"):
        run(Trial(str(tmp_path), "fails"))


def test_an_error_of_ours_is_not_tried_again(tmp_path):
    with pytest.raises(OasisError, match=r"^model trial: will not$"):
        run(Trial(str(tmp_path), "refuses"))
    assert len(list((tmp_path / "1-").iterdir())) == 1


@pytest.mark.parametrize(("behaviour", "cause"), [("fails", "KeyError: 'region'"), ("refuses", "model trial: will")])
def test_a_chunk_that_fails_for_good_is_set_aside_and_the_others_are_finished(tmp_path, behaviour, cause):
    heard, finished = Heard(), []
    executor = ThreadExecutor(2, keep_going=True, observer=heard)
    with pytest.raises(ChunksFailed, match=r"1 chunks failed; all others are kept") as failed:
        finished.extend(executor.run(Trial(str(tmp_path), behaviour), chunks(6)))
    assert sum(said[0] == "finished" for said in heard.said) == 5
    [failure] = failed.value.failures
    assert (failure.chunk, failure.first_event, failure.last_event, failure.attempt) == (1, 5, 8, 2)
    assert failure.cause.startswith(cause)


def test_a_chunk_too_large_for_memory_is_halved_until_it_fits(tmp_path):
    receipts, heard = run(Trial(str(tmp_path), "too large"))
    assert events_of(receipts) == 16
    assert heard.count("split") == 3
    halves = sorted((receipt for receipt in receipts if receipt.chunk == 1), key=lambda receipt: receipt.part)
    assert [receipt.part for receipt in halves] == ["00", "01", "10", "11"]


def test_an_event_too_large_for_memory_is_computed_fewer_samples_at_a_time(tmp_path):
    receipts, heard = run(Trial(str(tmp_path), "one event too large"))
    assert events_of(receipts) == 16
    assert heard.count("split") == 3 + 4 * 2, "to one event each, then to 4 and 2 samples"
    parts = sorted(receipt.part for receipt in receipts if receipt.chunk == 1)
    assert parts == ["0000", "0100", "1000", "1100"]


def test_halves_hold_the_events_of_the_whole_in_order():
    [whole] = chunks(1, events=5)
    first, second = whole.halves()
    assert [*first.event_id, *second.event_id] == [1, 2, 3, 4, 5]
    assert (first.part, second.part, second.halves()[1].part) == ("0", "1", "11")


def test_cancel_stops_chunks_under_way_within_half_a_second(tmp_path):
    executor = ThreadExecutor(2)
    timer = threading.Timer(0.3, executor.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Cancelled, match="finished chunks are kept"):
        list(executor.run(Trial(str(tmp_path), seconds=30), chunks(8)))
    assert time.monotonic() - began < 0.3 + 0.5
    timer.join()


def test_the_log_of_a_chunk_comes_with_its_receipt(tmp_path):
    class Talking(Trial):
        def __call__(self, chunk, stopped=lambda: False):
            logging.getLogger("vendor").warning("chunk %d is odd", chunk.number)
            return replace(super().__call__(chunk, stopped))

    receipts, _ = run(Talking(str(tmp_path)))
    assert all(f"WARNING vendor: chunk {receipt.chunk} is odd" in receipt.log_tail for receipt in receipts)
    assert all(receipt.log_tail.count("\n") == 0 for receipt in receipts)
