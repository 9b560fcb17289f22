"""Asking something that may never answer."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def answered(question: Callable[[], T], seconds: float) -> T:
    """What a function returns, or raises; TimeoutError when it does neither in time, and it is then left behind."""
    answer: Future[T] = Future()

    def ask() -> None:
        try:
            answer.set_result(question())
        except Exception as error:
            answer.set_exception(error)

    Thread(target=ask, name="question", daemon=True).start()
    return answer.result(seconds)
