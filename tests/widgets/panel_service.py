"""A service as panels meet it: a real ``Workbench`` whose HTTP border answers from values. No service runs behind it.

What is real here is the client with its errors, retries and events; what the service would think is not.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx

from oasis_kernel.client.service import Patience, Service
from oasis_kernel.client.workbench import Workbench
from widgets.background import AtOnce
from widgets.session import Session

ADDRESS = "http://127.0.0.1:8765"
RUN = "01JD9Z8Q3N5V7X1A2B3C4D5E6F"
PORTFOLIO = "01JD9Z8Q3N5V7X1A2B3C4D5E60"
HASTY = Patience(tries=2, first=0.0, most=0.0)
MODEL_SETTINGS = {
    "name": "Toy Wind",
    "description": "Wind over <Florida>",
    "model_default_samples": 100,
    "model_settings": {
        "event_set": {
            "name": "Event set",
            "default": "p",
            "options": [
                {"id": "p", "desc": "Probabilistic", "number_of_events": 2000},
                {"id": "h", "desc": "Historic"},
            ],
        },
        "valid_output_perspectives": ["gul", "il"],
        "boolean_parameters": [{"name": "demand_surge", "desc": "Prices rise", "default": True}],
        "float_parameters": [{"name": "sea_level", "default": 0.5, "min": 0.0, "max": 2.0}],
    },
    "lookup_settings": {"supported_perils": [{"id": "WTC", "desc": "Tropical cyclone wind"}]},
}
FINDING = {
    "file": "location.csv",
    "row": 2,
    "field": "BuildingTIV",
    "message": "must not be negative",
    "value": -5.0,
    "rule": "range",
    "remedy": "Give a value of 0 or more",
    "severity": "error",
}
LOCATION = {"PortNumber": "1", "AccNumber": "A", "LocNumber": "1", "Latitude": 25.5, "Longitude": -80.5}
LOCATIONS = [
    {**LOCATION, "BuildingTIV": 100.0, "ContentsTIV": 20.0},
    {**LOCATION, "LocNumber": "2", "Latitude": 26.5, "Longitude": -81.0, "BuildingTIV": 300.0, "ContentsTIV": None},
]
Answer = Callable[[httpx.Request], Any]


def portfolio(name: str = "Homes", findings: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    files = {"location": {"name": "location.csv"}, "account": {"name": "account.csv"}}
    latest = {"number": 1, "files": files, "findings": {"findings": findings or []}}
    return {"id": PORTFOLIO, "name": name, "owner": "ada", "latest": latest}


def run_view(state: str = "running", **more: Any) -> dict[str, Any]:
    url = f"/v1/analyses/{RUN}"
    progress = {"stage": "losses", "done": 10, "total": 40, "fraction": 0.25}
    common = {
        "id": RUN,
        "url": url,
        "name": "Q4",
        "model": "toy-wind",
        "owner": "ada",
        "created": "2026-11-22T10:00:00",
    }
    return {**common, "state": state, "progress": progress, "error": None, "peak_bytes": 2**30, **more}


def chunk(number: int, state: str) -> dict[str, Any]:
    return {"number": number, "part": "", "state": state, "events": 10}


def listed(*items: Any, following: str | None = None, total: int | None = None, **more: Any) -> dict[str, Any]:
    return {"items": [*items], "next": following, "total": len(items) if total is None else total, **more}


def stream(*events: tuple[int, str, dict[str, Any]], end: bool = True) -> httpx.Response:
    lines = [f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n" for number, kind, data in events]
    closing = 'event: end\ndata: {"state": "completed"}\n\n' if end else ""
    return httpx.Response(200, text="".join(lines) + closing, headers={"Content-Type": "text/event-stream"})


def problem(status: int, detail: str, **more: Any) -> httpx.Response:
    body = {"type": "urn:oasis-workbench:problem:invalid-input", "status": status, "detail": detail, **more}
    return httpx.Response(status, json=body, headers={"Content-Type": "application/problem+json"})


class PanelService:
    """Answers by method and path; an answer is a value, a response, an error, a function, or a list of these."""

    def __init__(self) -> None:
        model = {"name": "toy-wind", "version": "1.0.0", "supplier": "oasis", "url": "/v1/models/toy-wind"}
        self.answers: dict[str, Any] = {
            "GET /v1/models": listed(model, broken=[]),
            "GET /v1/models/toy-wind": {**model, "settings": MODEL_SETTINGS},
            "GET /v1/portfolios": listed(portfolio()),
            "GET /v1/analyses": listed(),
            f"GET /v1/portfolios/{PORTFOLIO}/locations": {"columns": [*LOCATIONS[0]], "items": LOCATIONS, "total": 2},
        }
        self.asked: list[httpx.Request] = []

    def bodies(self, call: str) -> list[Any]:
        return [json.loads(r.content) for r in self.asked if f"{r.method} {r.url.path}" == call]

    def queries(self, call: str) -> list[dict[str, list[str]]]:
        return [parse_qs(r.url.query.decode()) for r in self.asked if f"{r.method} {r.url.path}" == call]

    def handle(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        answer = self.answers[f"{request.method} {request.url.path}"]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return httpx.Response(200, json=answer)

    def session(self, folder: Path) -> Session:
        service = Service(ADDRESS, "secret", patience=HASTY, transport=httpx.MockTransport(self.handle))
        return Session(workbench=Workbench(service, folder), background=AtOnce())
