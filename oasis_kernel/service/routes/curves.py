"""Exceedance curves of an analysis: the points, and a picture."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from oasis_kernel.errors import OasisError
from oasis_kernel.model.results import Basis
from oasis_kernel.questions.curve_image import curve_png
from oasis_kernel.questions.exceedance import NAMES, ExceedanceCurve
from oasis_kernel.service.context import Service
from oasis_kernel.service.finished import Finished, finished
from oasis_kernel.service.problems import Problem, Responses, answers, not_found
from oasis_kernel.service.table_answers import etag_of, json_answer, unchanged
from oasis_kernel.service.views import ROOT

router = APIRouter(prefix=f"{ROOT}/analyses/{{analysis_id}}", tags=["results"])

Perspective = Annotated[Literal["gul", "il", "ri", "rl"], Query(description="ground-up, insured, net, ceded")]
Level = Annotated[int | None, Query(ge=0, le=2**31 - 1, description="summary level; default: the first")]
Summary = Annotated[int, Query(ge=1, le=2**31 - 1, description="summary of the level")]
_PNG: Responses = {200: {"content": {"image/png": {}}}}


class CurveView(BaseModel):
    """One curve: a loss is exceeded once in the return period's years on average."""

    calculation: str = Field(description="ORD's EPCalc, in words", examples=["full uncertainty"])
    basis: str = Field(description="OEP: the largest event of a year; AEP: the sum of its events", examples=["OEP"])
    tail: bool = Field(description="tail value at risk: the mean of the losses beyond")
    return_period: list[float]
    loss: list[float]


class ExceedanceView(BaseModel):
    """All curves of one summary."""

    perspective: str
    level: int
    summary: int
    calculation: str = Field(description="the calculation that speaks for the curve")
    curves: list[CurveView]


@router.get("/ep", summary="Exceedance curves", response_model=ExceedanceView, responses=answers(404, 409))
def show_curves(
    request: Request,
    result: Annotated[Finished, Depends(finished)],
    perspective: Perspective = "gul",
    level: Level = None,
    summary: Summary = 1,
) -> Response:
    """The curves of a summary, by calculation and basis, as the analysis' EPT table has them."""
    etag = etag_of(result.tag, "ep", perspective, level, summary)
    if (known := unchanged(request, etag)) is not None:
        return known
    chosen, curve = _curve(result, perspective, level, summary)
    view = {
        "perspective": perspective,
        "level": chosen,
        "summary": summary,
        "calculation": _words(curve.calculation.name),
        "curves": [*_views(curve, tail=False), *_views(curve, tail=True)],
    }
    return json_answer(view, etag)


@router.get(
    "/ep.png",
    summary="Exceedance curve as a picture",
    response_class=Response,
    responses=answers(404, 409) | _PNG,
)
async def show_picture(
    parts: Service,
    request: Request,
    result: Annotated[Finished, Depends(finished)],
    perspective: Perspective = "gul",
    level: Level = None,
    summary: Summary = 1,
) -> Response:
    """OEP and AEP of a summary over return periods, as a PNG."""
    etag = etag_of(result.tag, "ep.png", perspective, level, summary)
    if (known := unchanged(request, etag)) is not None:
        return known
    picture = await parts.calls.run(_picture, result, perspective, level, summary)
    return Response(picture, media_type="image/png", headers={"ETag": etag})


def _picture(result: Finished, perspective: str, level: int | None, summary: int) -> bytes:
    chosen, curve = _curve(result, perspective, level, summary)
    name = result.row.name or result.row.model
    return curve_png(curve, f"{name}: {perspective}, level {chosen}, summary {summary}")


def _curve(result: Finished, perspective: str, level: int | None, summary: int) -> tuple[int, ExceedanceCurve]:
    """The level and its curve; 404 when the analysis has none of it."""
    levels = result.run.levels(perspective)
    chosen = level if level is not None else next(iter(levels), 1)
    try:
        curve = result.run.ep(perspective, chosen, summary)
    except OasisError as error:
        raise Problem(404, str(error)) from error
    if curve is None:
        remedy = f"Its tables are {', '.join(result.run.tables)}; set ept_full_uncertainty_oep for a curve"
        raise not_found("exceedance curve", f"of {perspective}, level {chosen}", remedy)
    return chosen, curve


def _views(curve: ExceedanceCurve, *, tail: bool) -> list[dict[str, Any]]:
    curves = curve.tails if tail else curve.values
    return [
        {
            "calculation": _words(calculation.name),
            "basis": NAMES[Basis(basis)],
            "tail": tail,
            "return_period": points.return_period.tolist(),
            "loss": points.loss.tolist(),
        }
        for (calculation, basis), points in curves.items()
    ]


def _words(name: str) -> str:
    return name.replace("_", " ").lower()
