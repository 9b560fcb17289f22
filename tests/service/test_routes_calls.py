"""Engine work that requests wait for: bounded in number and time, and in nobody's way."""

import asyncio
import threading
import time

import pytest

from oasis_kernel.errors import OasisError
from oasis_kernel.service.calls import EngineCalls
from oasis_kernel.service.problems import Problem


def test_work_is_done_beside_the_event_loop() -> None:
    calls = EngineCalls(threads=2)

    async def both() -> list[object]:
        return list(await asyncio.gather(calls.run(threading.get_ident), calls.run(max, 1, 2)))

    thread, largest = asyncio.run(both())
    assert thread != threading.get_ident()
    assert largest == 2
    calls.close()


def test_errors_come_back_as_they_are() -> None:
    calls = EngineCalls(threads=1)

    def fail() -> None:
        raise OasisError("no")

    with pytest.raises(OasisError, match="no"):
        asyncio.run(calls.run(fail))
    assert asyncio.run(calls.run(lambda: 7)) == 7
    calls.close()


def test_what_takes_too_long_is_answered_and_what_still_waits_is_not_begun() -> None:
    calls, leave, begun = EngineCalls(threads=1, waiting=4, seconds=0.2), threading.Event(), []

    async def ask() -> list[object]:
        work = [calls.run(leave.wait, 30), *(calls.run(begun.append, number) for number in range(3))]
        return await asyncio.gather(*work, return_exceptions=True)

    refused = asyncio.run(ask())
    assert [(type(one), getattr(one, "kind", "")) for one in refused] == [(Problem, "too-long")] * 4
    leave.set()
    time.sleep(0.1)
    assert begun == []
    assert asyncio.run(calls.run(lambda: "free again")) == "free again"
    calls.close()


def test_only_so_much_may_wait() -> None:
    calls, leave = EngineCalls(threads=1, waiting=1, seconds=5), threading.Event()

    async def ask() -> list[object]:
        found = asyncio.gather(*(calls.run(leave.wait, 30) for _ in range(3)), return_exceptions=True)
        await asyncio.sleep(0.05)
        leave.set()
        return list(await found)

    answers = asyncio.run(ask())
    assert [answer for answer in answers if answer is True] == [True, True]
    refused = next(answer for answer in answers if isinstance(answer, Problem))
    assert (refused.status, refused.kind, refused.headers["Retry-After"]) == (503, "busy", "5")
    calls.close()
