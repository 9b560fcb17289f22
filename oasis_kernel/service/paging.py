"""Lists a page at a time: the next page begins after the last row seen, so that none is skipped or told twice."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from oasis_kernel.errors import Finding
from oasis_kernel.service.problems import Problem, invalid

MOST = 500
T = TypeVar("T")
V = TypeVar("V", bound=BaseModel)
Column = InstrumentedAttribute[Any]


class Listed(BaseModel, Generic[V]):
    """A page of a list."""

    items: list[V]
    next: str | None = Field(None, description="URL of the next page; null on the last")
    total: int = Field(description="rows over all pages", examples=[42])


@dataclass(frozen=True)
class Page:
    """Which page is wanted: at most ``limit`` rows after the one that ``cursor`` stands for."""

    request: Request
    limit: int
    cursor: str | None

    def next_url(self, cursor: str) -> str:
        """The path and query of the page after this one."""
        url = self.request.url.include_query_params(cursor=cursor, limit=self.limit)
        return f"{url.path}?{url.query}"


def page(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MOST, description="At most so many items.")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=1000, description="Where the page before ended: its `next`.")
    ] = None,
) -> Page:
    """The page that a request asks for."""
    return Page(request, limit, cursor)


def listed(
    session: Session, query: Select[T], wanted: Page, order: Sequence[Column], *, newest: bool = True
) -> tuple[list[T], str | None, int]:
    """The rows of a page, the URL of the next one, and the number of rows over all.

    ``order`` names columns of one entity that are never null and together unique; ``newest`` is descending.
    """
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    if wanted.cursor is not None:
        kinds = [column.type.python_type for column in order]
        query = query.where(_after(order, _decoded(wanted.cursor, kinds), newest=newest))
    query = query.order_by(*(column.desc() if newest else column.asc() for column in order))
    rows = list(session.scalars(query.limit(wanted.limit + 1)))
    if len(rows) <= wanted.limit:
        return rows, None, total
    rows = rows[: wanted.limit]
    last = [getattr(rows[-1], column.key) for column in order]
    return rows, wanted.next_url(_encoded(last)), total


def listed_values(values: Sequence[T], wanted: Page) -> tuple[list[T], str | None, int]:
    """The same of rows that are all at hand, such as models."""
    first = max(_decoded(wanted.cursor, [int])[0], 0) if wanted.cursor is not None else 0
    after = first + wanted.limit
    more = wanted.next_url(_encoded([after])) if after < len(values) else None
    return list(values[first:after]), more, len(values)


def sort_order(sort: str, columns: Mapping[str, Column], unique: Column) -> tuple[list[Column], bool]:
    """The columns of ``sort`` (a name, with ``-`` before it for descending) and whether it descends."""
    name = sort.removeprefix("-")
    if name not in columns:
        remedy = f"Sort by {', '.join(columns)}, with - before it for descending"
        raise invalid(Finding("query", "must name a column to sort by", field="sort", value=sort, remedy=remedy))
    column = columns[name]
    return ([column] if column is unique else [column, unique]), sort.startswith("-")


def _after(order: Sequence[Column], last: Sequence[Any], *, newest: bool) -> ColumnElement[bool]:
    """The condition of rows that follow ``last``."""
    alternatives = []
    for place, (column, value) in enumerate(zip(order, last, strict=True)):
        equal = [before == was for before, was in zip(order[:place], last[:place], strict=True)]
        alternatives.append(and_(*equal, column < value if newest else column > value))
    return or_(*alternatives)


def _encoded(last: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(last).encode()).decode().rstrip("=")


def _decoded(cursor: str, kinds: Sequence[type]) -> list[Any]:
    """The values in a cursor, of these types; 422 for anything else."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _no_cursor() from error
    if not isinstance(values, list) or list(map(type, values)) != list(kinds):
        raise _no_cursor()
    if any(isinstance(value, int) and not 0 <= abs(value) < 2**31 for value in values):
        raise _no_cursor()
    return values


def _no_cursor() -> Problem:
    remedy = "Follow `next` of the page before, or leave the cursor out"
    return invalid(Finding("query", "must be the cursor of a page", field="cursor", remedy=remedy))
