"""What a service refuses, as the errors that the same call raises locally."""

from collections.abc import Mapping
from typing import Any

import httpx

from oasis_kernel.errors import Finding, InvalidInput, OasisError, PlanRefused, PluginError, Severity

MEDIA_TYPE = "application/problem+json"
UNAUTHORISED = 401


class ServiceProblem(OasisError):
    """A request that the service refused; ``status`` is HTTP's."""

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


class ServiceLost(OasisError):
    """A service that does not answer, after all patience. Runs in it go on."""


class RunFailed(OasisError):
    """A run that ended without results; ``error`` says what, which chunk, why and what to do."""

    def __init__(self, message: str, error: Mapping[str, Any]):
        super().__init__(message)
        self.error = dict(error)


def findings_of(values: list[dict[str, Any]]) -> list[Finding]:
    """Findings from plain values; what this version does not know of them is left out."""
    known = Finding.__dataclass_fields__
    return [
        Finding(**{name: item[name] for name in item if name in known} | {"severity": Severity(item["severity"])})
        for item in values
    ]


def is_problem(response: httpx.Response) -> bool:
    """Whether the service itself refuses, rather than something on the way to it."""
    return response.headers.get("content-type", "").partition(";")[0] == MEDIA_TYPE


def error_of(response: httpx.Response) -> OasisError:
    """The error that a refused request is; its body must have been read."""
    status = response.status_code
    if not is_problem(response):
        return ServiceProblem(f"{response.url.host} answered {status} {response.reason_phrase}", status)
    body = response.json()
    kind = str(body.get("type", "")).rpartition(":")[2]
    detail = str(body.get("detail") or body.get("title") or status)
    if findings := findings_of(body.get("findings") or []):
        return InvalidInput(findings)
    if kind == "plan-refused":
        return PlanRefused(detail)
    if kind == "plugin-failed":
        return PluginError(detail)
    remedy = body.get("remedy") or ("Give a token, or `oasis login --host URL`" if status == UNAUTHORISED else "")
    return ServiceProblem(f"{detail.rstrip('.')}. {remedy}" if remedy else detail, status)


def failure_of(name: str, view: Mapping[str, Any]) -> OasisError:
    """The error that a failed run is, from what the service knows of it."""
    error = view.get("error") or {}
    found = findings_of((view.get("findings") or {}).get("findings") or [])
    if any(finding.severity == Severity.ERROR for finding in found):
        return InvalidInput(found)
    what = str(error.get("what") or "it ended without saying why")
    where = []
    if error.get("chunk") is not None:
        where.append(f"chunk {error['chunk']}")
    if error.get("first_event") is not None:
        where.append(f"events {error['first_event']} to {error.get('last_event')}")
    if error.get("row") is not None:
        where.append(str(error["row"]))
    place = f" ({', '.join(where)})" if where else ""
    cause = f": {error['cause']}" if error.get("cause") and error["cause"] not in what else ""
    remedy = f". {error['remedy']}" if error.get("remedy") else ""
    return RunFailed(f"run {name} failed: {what.rstrip('.')}{place}{cause}{remedy}", error)
