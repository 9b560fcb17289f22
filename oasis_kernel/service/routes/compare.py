"""Two analyses beside each other."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from oasis_kernel.questions.comparison import compare
from oasis_kernel.service.access import Viewer, find_visible
from oasis_kernel.service.context import Service
from oasis_kernel.service.finished import results_of
from oasis_kernel.service.problems import answers, plain
from oasis_kernel.service.tables import Run
from oasis_kernel.service.views import ROOT

router = APIRouter(prefix=f"{ROOT}/compare", tags=["results"])

Id = Annotated[str, Query(max_length=64, description="an analysis' id")]


class ChangeView(BaseModel):
    """One thing that is not the same in both."""

    what: str = Field(examples=["settings.number_of_samples"])
    a: Any = None
    b: Any = None


class DifferenceView(BaseModel):
    """One loss of both; null where an analysis does not have it."""

    a: float | None
    b: float | None
    difference: float | None = Field(description="b - a")
    ratio: float | None = Field(description="b / a")


class ExceedanceDifference(DifferenceView):
    """A point of both curves."""

    perspective: str
    basis: str
    return_period: int


class ComparisonView(BaseModel):
    """What differs: what the analyses were made of, average annual losses, exceedance losses."""

    a: str = Field(description="URL of the first")
    b: str = Field(description="URL of the second")
    same_inputs: bool = Field(description="both were made of the same, so that their losses must be the same")
    changes: list[ChangeView]
    average_annual_loss: dict[str, DifferenceView]
    exceedance: list[ExceedanceDifference]


@router.get("", summary="Compare two analyses", responses=answers(404, 409))
def compare_analyses(
    parts: Service,
    user: Viewer,
    a: Id,
    b: Id,
    level: Annotated[int | None, Query(ge=0, le=2**31 - 1, description="summary level; default: the first")] = None,
) -> ComparisonView:
    """What the analyses were made of that is not the same, and how their losses differ."""
    with parts.database.read() as session:
        rows = [find_visible(session, user, Run, name) for name in (a, b)]
    first, second = (results_of(parts, row) for row in rows)
    found = compare(first.run, second.run, level)
    return ComparisonView.model_validate({"a": first.url, "b": second.url, **plain(found.as_dict())})
