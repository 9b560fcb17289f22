"""A run without one of its accounts, from the ground-up losses that were kept of all of them."""

from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.engine.execute import Begun, begin
from oasis_kernel.engine.kept import KeptGroundUp
from oasis_kernel.errors import OasisError
from oasis_kernel.formats.oed_accounts import account_named, without_account
from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Int32, Items, PreparedExposure

#: Fields of items that follow from how items are numbered, and not from what they are.
NUMBERED = ("coverage_id", "source_item_id", "section_id")


def begin_without_account(whole: Begun, kept: KeptGroundUp, name: str) -> tuple[Begun, KeptGroundUp]:
    """The run that has begun, without an account, and what is kept of the rest of the portfolio.

    InvalidInput when there is no such account. OasisError when the rest would draw other random numbers.
    """
    key = account_named(whole.given.portfolio, name)
    given = replace(whole.given, portfolio=without_account(whole.given.portfolio, key))
    rest = begin(given, whole.clock)
    rows = rows_of_the_rest(whole.prepared.exposure, rest.prepared.exposure, key)
    if rows is None:
        raise OasisError(
            f"the losses of the other accounts change when {name} is not there: the model groups its random numbers "
            f"by a field that depends on the whole portfolio. Run the portfolio without it"
        )
    return replace(rest, started=whole.started, began=whole.began), replace(kept, rows=rows)


def rows_of_the_rest(whole: PreparedExposure, rest: PreparedExposure, key: tuple[str, str]) -> Int32 | None:
    """The row in ``rest`` of each item of ``whole``, -1 for those of the account; None when they are not the same."""
    columns = [whole.item_map[name].cast(pa.string()) for name in f.ACCOUNT_KEY]
    mine = pc.and_(*(pc.equal(column, value) for column, value in zip(columns, key, strict=True)))
    stays = ~pc.fill_null(mine, False).to_numpy()
    if stays.sum() != len(rest.items) or not _same(whole, rest, stays):
        return None
    return np.where(stays, np.cumsum(stays) - 1, -1).astype(np.int32)


def _same(whole: PreparedExposure, rest: PreparedExposure, stays: np.ndarray) -> bool:
    """Whether the items of the rest are, one by one, those that stay of the whole."""
    names = [item.name for item in fields(Items) if item.name not in NUMBERED]
    alike = all(np.array_equal(getattr(whole.items, name)[stays], getattr(rest.items, name)) for name in names)
    values = [side.coverages.tiv[side.items.coverage_id - 1] for side in (whole, rest)]
    return alike and np.array_equal(values[0][stays], values[1])
