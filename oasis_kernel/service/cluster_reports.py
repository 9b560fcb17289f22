"""What a dispatcher says of its cluster, for whoever asks: one row, written every few seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from oasis_kernel.service.tables import ClusterReport, now

CLUSTER = "cluster"
#: A report older than this is of a dispatcher that is gone, or held up.
FRESH_SECONDS = 15.0


@dataclass(frozen=True)
class Reported:
    """A report: ``data`` has state (starting, ready, unusable), address, error, workers, slots and in_flight."""

    at: datetime
    data: Mapping[str, Any]

    @property
    def fresh(self) -> bool:
        """Whether the dispatcher is still at work."""
        return now() - self.at < timedelta(seconds=FRESH_SECONDS)


def write(session: Session, data: Mapping[str, Any]) -> None:
    """Replace the report."""
    session.merge(ClusterReport(name=CLUSTER, at=now(), data=dict(data)))


def latest(session: Session) -> Reported | None:
    """The last report; None when there never was a dispatcher."""
    row = session.get(ClusterReport, CLUSTER)
    return None if row is None else Reported(row.at, row.data)
