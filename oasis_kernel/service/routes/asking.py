"""What an analysis would take, and whether anything is wrong with it: asked with the body that makes it."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from oasis_kernel.engine.analysis import Analysis, Resources
from oasis_kernel.engine.check import CheckReport, check_whole
from oasis_kernel.engine.estimate import estimate
from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.service.access import Viewer
from oasis_kernel.service.asked import Asked, resolved
from oasis_kernel.service.context import Context, Service
from oasis_kernel.service.problems import answers, plain
from oasis_kernel.service.requests import AnalysisRequest, analysis_of
from oasis_kernel.service.views import ROOT, CheckView, FindingsView

router = APIRouter(prefix=f"{ROOT}/analyses", tags=["analyses"])


class BandView(BaseModel):
    """A number as it is expected, between the lowest and the highest that would not surprise."""

    low: float
    likely: float
    high: float


class EstimateView(BaseModel):
    """What a run is expected to take."""

    seconds: BandView
    peak_bytes: BandView
    output_bytes: BandView
    events: int = Field(description="that touch the portfolio")
    item_events: int
    samples: int
    chunks: int
    workers: int
    trial_events: int = Field(description="computed to learn how fast this model, portfolio and machine are")
    trial_seconds: float


@router.post("/estimate", summary="Estimate time, memory and size", responses=answers(403, 404, 413, 503))
async def estimate_analysis(parts: Service, user: Viewer, asked: AnalysisRequest) -> EstimateView:
    """Seconds, memory and bytes of results with a band, and the number of chunks: learned from a few of the events.

    Takes the body of POST /v1/analyses. Nothing is kept.
    """
    found = await parts.calls.run(_estimated, parts, resolved(parts, user, asked))
    return EstimateView.model_validate(found)


@router.post("/check", summary="Check everything before a run", responses=answers(403, 404, 413, 503))
async def check_analysis(parts: Service, user: Viewer, asked: AnalysisRequest) -> CheckView:
    """Portfolio, settings, options, model data and keys, together; findings with file, row, field and remedy.

    Takes the body of POST /v1/analyses. The answer is 200 with `passed` false when something stops a run.
    """
    report = await parts.calls.run(_checked, parts, resolved(parts, user, asked))
    return check_view(report)


def check_view(report: CheckReport) -> CheckView:
    """The view of a check."""
    found = report.as_dict()
    base = FindingsView.of(found["findings"])
    return CheckView(**base.model_dump(), locations=plain(found["locations"]))


@dataclass(frozen=True)
class _Loaded:
    analysis: Analysis
    noticed: list[Finding]


def _load(parts: Context, asked: Asked) -> _Loaded:
    portfolio = parts.portfolio(asked.version)
    return _Loaded(*analysis_of(parts.plugins, asked.model, asked.kept, portfolio))


def _checked(parts: Context, asked: Asked) -> CheckReport:
    try:
        loaded = _load(parts, asked)
    except InvalidInput as error:
        return CheckReport(error.findings, None)
    return check_whole(loaded.analysis, loaded.noticed)


def _estimated(parts: Context, asked: Asked) -> dict[str, Any]:
    loaded = _load(parts, asked)
    given = asked.kept["resources"]
    settings = parts.settings
    resources = Resources.of_this_machine(
        workers=given["workers"] or settings.run_workers,
        memory_bytes=given["memory_bytes"] or settings.run_memory_bytes,
        store=settings.parts_folder,
        chunks=asked.kept["chunks"],
    )
    return estimate(loaded.analysis, resources, loaded.noticed).as_dict()
