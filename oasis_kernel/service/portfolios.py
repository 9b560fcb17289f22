"""Portfolios and their versions in the database. Every function works in the session given."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from oasis_kernel.service.problems import Problem, not_found
from oasis_kernel.service.runs import ACTIVE, WAITING
from oasis_kernel.service.tables import Portfolio, PortfolioVersion, Run, now

KINDS = ("location", "account", "ri_info", "ri_scope")


def add_version(
    session: Session,
    portfolio: Portfolio,
    user: str,
    files: Mapping[str, Mapping[str, Any]],
    **values: Any,
) -> PortfolioVersion:
    """A new version of a portfolio with these files; ``values`` are other columns."""
    session.execute(select(Portfolio.id).where(Portfolio.id == portfolio.id).with_for_update())
    query = select(func.max(PortfolioVersion.number)).where(PortfolioVersion.portfolio_id == portfolio.id)
    number = (session.scalar(query) or 0) + 1
    version = PortfolioVersion(
        portfolio_id=portfolio.id,
        number=number,
        files={k: dict(f) for k, f in files.items()},
        created_by=user,
        **values,
    )
    session.add(version)
    session.flush()
    return version


def find_version(session: Session, portfolio: Portfolio, number: int | None = None) -> PortfolioVersion:
    """The version of a number, the latest without one; 404 when there is none."""
    query = select(PortfolioVersion).where(PortfolioVersion.portfolio_id == portfolio.id)
    if number is not None:
        query = query.where(PortfolioVersion.number == number)
    found = session.scalars(query.order_by(PortfolioVersion.number.desc()).limit(1)).one_or_none()
    if found is None:
        what = "version" if number is None else f"version {number}"
        raise not_found(f"{what} of portfolio", portfolio.id)
    return found


def latest_versions(session: Session, portfolios: Iterable[Portfolio]) -> dict[str, tuple[int, PortfolioVersion]]:
    """The number of versions and the latest of each portfolio, by its id: two queries for a whole page."""
    ids = [portfolio.id for portfolio in portfolios]
    newest = (
        select(
            PortfolioVersion.portfolio_id, func.max(PortfolioVersion.number).label("number"), func.count().label("n")
        )
        .where(PortfolioVersion.portfolio_id.in_(ids))
        .group_by(PortfolioVersion.portfolio_id)
        .subquery()
    )
    query = select(PortfolioVersion, newest.c.n).join(
        newest,
        (newest.c.portfolio_id == PortfolioVersion.portfolio_id) & (newest.c.number == PortfolioVersion.number),
    )
    return {version.portfolio_id: (int(count), version) for version, count in session.execute(query)}


def delete(session: Session, portfolio: Portfolio) -> None:
    """Mark a portfolio as deleted; 409 while an analysis of it waits or is at work."""
    busy: Sequence[str] = session.scalars(
        select(Run.id).where(
            Run.portfolio_id == portfolio.id, Run.state.in_([*WAITING, *ACTIVE]), Run.deleted.is_(None)
        )
    ).all()
    if busy:
        raise Problem(
            409,
            f"Portfolio {portfolio.id} is used by {len(busy)} analyses that wait or are at work, such as {busy[0]}",
            remedy="Cancel them first, or wait until they have ended",
        )
    portfolio.deleted = now()
