"""A service as its client sees it: answers prepared by path, and what was asked."""

from collections.abc import Callable
from pathlib import Path

import httpx

from oasis_kernel.client.service import Patience, Service
from oasis_kernel.client.workbench import Workbench

Answer = httpx.Response | Exception
HASTY = Patience(tries=3, first=0.0, most=0.0)
RUN = "01JD9Z8Q3N5V7X1A2B3C4D5E6F"


class Double:
    """Answers each request with the next answer for its method and path; the last one stays."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer | Callable[[httpx.Request], httpx.Response]]] = {}
        self.asked: list[httpx.Request] = []

    def on(self, call: str, *answers: Answer | Callable[[httpx.Request], httpx.Response]) -> "Double":
        self.answers[call] = list(answers)
        return self

    def handle(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        answers = self.answers[f"{request.method} {request.url.path}"]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return answer(request)

    def calls(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.asked]

    def service(self, url: str = "http://127.0.0.1:8765", token: str = "secret-token") -> Service:
        return Service(url, token, patience=HASTY, transport=httpx.MockTransport(self.handle))

    def workbench(self, folder: Path) -> Workbench:
        return Workbench(self.service(), folder)


def json_answer(value: object, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=value, headers=headers)


def problem(status: int, detail: str, kind: str = "conflict", **more: object) -> httpx.Response:
    body = {"type": f"urn:oasis-workbench:problem:{kind}", "status": status, "detail": detail, **more}
    return httpx.Response(status, json=body, headers={"Content-Type": "application/problem+json"})


def view(state: str = "completed", **more: object) -> dict[str, object]:
    progress = {"stage": "", "done": 0, "total": 0}
    url = f"/v1/analyses/{RUN}"
    common = {"id": RUN, "url": url, "name": "Q4", "model": "toy-wind", "owner": "me", "created": "2026-11-22"}
    return {**common, "state": state, "progress": progress, "error": None, **more}
