"""What a request is answered with when it cannot be served: problem+json with a remedy and findings (RFC 9457)."""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from oasis_kernel.errors import Finding, InvalidInput, OasisError, PlanRefused, PluginError, StorageFailed, StorageFull
from oasis_kernel.service.ids import new_id

MEDIA_TYPE = "application/problem+json"
KIND = "urn:oasis-workbench:problem:"
log = logging.getLogger(__name__)

#: Descriptions of responses by status, as FastAPI takes them.
Responses = dict[int | str, dict[str, Any]]


class FindingView(BaseModel):
    """One thing that is wrong, or worth knowing, with an input."""

    file: str = Field(description="the file, or the part of the request", examples=["location.csv"])
    message: str = Field(examples=["must not be negative"])
    row: int | None = Field(None, description="row as a spreadsheet shows it: the header is row 1")
    field: str | None = Field(None, examples=["BuildingTIV"])
    value: Any = None
    rule: str = ""
    remedy: str = ""
    severity: str = Field("error", description="error, warning or note")


class ProblemView(BaseModel):
    """The body of every error response."""

    type: str = Field(examples=[f"{KIND}not-found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no analysis 01JD9Z8Q3N5V7X1A2B3C4D5E6F"])
    remedy: str = ""
    instance: str = Field("", description="the path that was asked for")
    findings: list[FindingView] = Field(default_factory=list)


class Problem(Exception):
    """A request that is refused: raised anywhere below a route, answered as problem+json."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str = "",
        remedy: str = "",
        findings: Sequence[Finding] = (),
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.title = HTTPStatus(status).phrase
        self.kind = kind or self.title.lower().replace(" ", "-")
        self.remedy = remedy
        self.findings = tuple(findings)
        self.headers = dict(headers or {})

    def response(self, path: str = "") -> Response:
        """The problem as a response."""
        body = {
            "type": KIND + self.kind,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "remedy": self.remedy,
            "instance": path,
            "findings": [finding.as_dict() for finding in self.findings],
        }
        return Response(json_bytes(body), self.status, self.headers, MEDIA_TYPE)


def not_found(what: str, name: str, remedy: str = "") -> Problem:
    """404: it does not exist, or is not for this user to see."""
    return Problem(404, f"There is no {what} {name}", remedy=remedy)


def conflict(detail: str, remedy: str) -> Problem:
    """409: the state it is in does not allow this now."""
    return Problem(409, detail, remedy=remedy)


def invalid(*findings: Finding, detail: str = "The request cannot be used") -> Problem:
    """422: the request's own values cannot be used."""
    return Problem(422, detail, kind="invalid-input", findings=findings)


def plain(value: Any) -> Any:
    """A value as JSON can hold it: numbers that are not finite become null, unknown objects their text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value if isinstance(value, str | int | bool | None) else str(value)


def json_bytes(value: Any) -> bytes:
    """A value as UTF-8 JSON; see ``plain``."""
    return json.dumps(plain(value), allow_nan=False, separators=(",", ":")).encode()


def answers(*statuses: int) -> Responses:
    """The error responses of a route, for its OpenAPI description; any route may answer 400, 401, 422 and 429."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemView"}}},
        }
        for status in sorted({400, 401, 422, 429, *statuses})
    }


def install(app: FastAPI) -> None:
    """Answer every error of the application as a problem."""
    app.add_exception_handler(Problem, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OasisError, _oasis)
    app.add_exception_handler(DataError, _not_storable)
    app.add_exception_handler(UnicodeEncodeError, _not_storable)
    app.add_exception_handler(Exception, _unexpected)


def problem_of(error: OasisError) -> Problem:
    """The problem that an error of the engine is."""
    if isinstance(error, InvalidInput):
        count = len(error.findings)
        return invalid(*error.findings, detail=f"{count} finding{'s' if count != 1 else ''}: {error.findings[0]}")
    if isinstance(error, PlanRefused):
        return Problem(422, str(error), kind="plan-refused", remedy="Change what the message names, and ask again")
    if isinstance(error, PluginError):
        return Problem(
            502, str(error), kind="plugin-failed", remedy="Tell the model's supplier, or use another version"
        )
    if isinstance(error, StorageFull):
        return Problem(507, str(error), kind="storage-full", remedy="Tell the operator; then ask again")
    if isinstance(error, StorageFailed):
        return Problem(503, str(error), kind="storage-failed", remedy="Ask again; tell the operator when it stays so")
    return Problem(409, str(error))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response(request.url.path)


async def _oasis(request: Request, error: Exception) -> Response:
    assert isinstance(error, OasisError)
    return problem_of(error).response(request.url.path)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = str(error.detail) if error.status_code != 404 else f"There is nothing at {request.url.path}"
    return Problem(error.status_code, detail, headers=error.headers).response(request.url.path)


async def _malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    findings = [_of_validation(item) for item in error.errors()]
    detail = f"The request is not valid: {findings[0]}" if findings else "The request is not valid"
    return invalid(*findings, detail=detail).response(request.url.path)


def _of_validation(item: Mapping[str, Any]) -> Finding:
    place, *rest = [str(part) for part in item["loc"]] or ["request"]
    message = str(item["msg"])
    shown = item.get("input")
    return Finding(
        place,
        message[:1].lower() + message[1:],
        field=".".join(rest) or None,
        value=shown if isinstance(shown, str | int | float | bool) else None,
        rule=str(item["type"]),
        remedy="See /docs for what this request takes",
    )


async def _not_storable(request: Request, error: Exception) -> Response:
    """Text that no database keeps: NUL characters, halves of surrogate pairs."""
    remedy = "Leave out NUL characters and unpaired surrogates"
    found = Finding("request", "must not hold characters that cannot be stored", rule="characters", remedy=remedy)
    return invalid(found, detail=str(found)).response(request.url.path)


async def _unexpected(request: Request, error: Exception) -> Response:
    incident = new_id()
    log.error("incident %s at %s %s", incident, request.method, request.url.path, exc_info=error)
    detail = f"The service failed; its log has incident {incident}"
    return Problem(500, detail, remedy="Try again; tell the operator the incident's number").response(request.url.path)
