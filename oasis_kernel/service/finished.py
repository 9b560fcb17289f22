"""A completed analysis with its results at hand: what the routes about results begin with."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path as InPath

from oasis_kernel.questions.result import Run
from oasis_kernel.service import tables
from oasis_kernel.service.access import Viewer, find_visible
from oasis_kernel.service.context import Context, Service
from oasis_kernel.service.problems import Problem, conflict
from oasis_kernel.service.runs import ENDED, State
from oasis_kernel.service.table_answers import etag_of
from oasis_kernel.service.views import ROOT

AnalysisId = Annotated[str, InPath(max_length=64, description="an analysis' id")]


@dataclass(frozen=True)
class Finished:
    """A completed analysis and its results."""

    row: tables.Run
    run: Run

    @property
    def url(self) -> str:
        """The analysis' URL."""
        return f"{ROOT}/analyses/{self.row.id}"

    @property
    def made(self) -> datetime:
        """When the results were whole."""
        return self.row.finished or self.row.created

    @property
    def tag(self) -> str:
        """What changes when the results could: a run's results are never written twice under one finish."""
        return etag_of(self.row.id, self.row.attempt, self.made.isoformat(), self.row.results_url)

    def headline(self) -> dict[str, Any]:
        """The headline of the results; their folder is the service's affair, so that it is their URL here."""
        return {**self.run.as_dict(), "folder": f"{self.url}/results", "analysis": self.row.id}


def finished(parts: Service, user: Viewer, analysis_id: AnalysisId) -> Finished:
    """The completed analysis of an id; 404 where there is none to see, 409 before it is completed."""
    with parts.database.read() as session:
        row = find_visible(session, user, tables.Run, analysis_id)
    return results_of(parts, row)


def results_of(parts: Context, row: tables.Run) -> Finished:
    """The results of an analysis; 409 before it is completed, 410 when they were removed."""
    if row.state != State.COMPLETED or row.results_url is None:
        remedy = f"POST {ROOT}/analyses/{row.id}/run" if row.state in ENDED else "Follow its events until it is"
        raise conflict(f"Analysis {row.id} is {row.state}: it has no results", remedy)
    if row.purged is not None:
        raise Problem(410, f"The results of analysis {row.id} were removed", remedy="Run it again")
    return Finished(row, Run(parts.results_folder(row.results_url)))
