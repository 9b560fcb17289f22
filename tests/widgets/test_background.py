"""Work is done away from the page's thread, and comes back to it."""

import asyncio
import threading

from widgets.background import Threads


def test_results_come_back_in_the_loops_thread():
    async def page() -> tuple[int, int, int]:
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        worker: list[int] = []
        Threads().start(
            lambda: worker.append(threading.get_ident()),
            lambda _: done.set_result(threading.get_ident()),
            done.set_exception,
        )
        return worker[0] if worker else 0, await asyncio.wait_for(done, 10), threading.get_ident()

    worker, came_back, here = asyncio.run(page())
    assert came_back == here
    assert worker != here


def test_errors_come_back_too_and_without_a_loop():
    failed: list[Exception] = []
    told = threading.Event()

    def heard(error: Exception) -> None:
        failed.append(error)
        told.set()

    Threads().start(lambda: 1 // 0, lambda _: None, heard)
    assert told.wait(10)
    assert isinstance(failed[0], ZeroDivisionError)


def test_nothing_is_delivered_to_a_page_that_is_gone():
    async def page() -> Threads:
        return Threads()

    delivered: list[int] = []
    asyncio.run(page()).deliver(lambda: delivered.append(1))
    assert delivered == []
