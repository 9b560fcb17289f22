"""What a portfolio's items would be under a model that covers every location: for losses with given damage factors."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.keys import KEYS_SCHEMA, KeyStatus
from oasis_kernel.prepare.terms.perils import single_perils

PROPERTY_COVERAGES = (1, 2, 3, 4)
CYBER_COVERAGES = tuple(range(7, 16))


def deterministic_keys(portfolio: Portfolio, perils: Sequence[str] = ()) -> pa.Table:
    """A key for every location, peril and coverage type, by location, peril, coverage type (``model.keys``).

    perils  OED perils or peril groups; none: every peril that a location covers. A location gets the single perils of
            these that its LocPerilsCovered lists. Without locations (cyber) the accounts' PolPerilsCovered counts.

    Raises InvalidInput for a code that is no OED peril, and when no location covers any of the perils.
    """
    by_location = portfolio.location is not None
    part, field = ("location", f.LOCATION_PERILS_COVERED) if by_location else ("account", f.POLICY_PERILS_COVERED)
    table = portfolio.location if by_location else portfolio.account
    if table is None:
        raise InvalidInput(Finding("portfolio", "needs a location file, or an account file for cyber"))
    if field not in table.column_names:
        file = portfolio.sources.get(part, part)
        raise InvalidInput(Finding(file, "must be there: it says which perils to apply", field=field))
    asked = _asked(perils)
    loc_id, peril, names = _covered(table[f.LOC_ID].to_numpy(), table[field], asked)
    if not len(loc_id):
        raise InvalidInput(_nothing_covered(portfolio.sources.get(part, part), field, table[field], perils))
    coverages = PROPERTY_COVERAGES if by_location else CYBER_COVERAGES
    count = len(loc_id) * len(coverages)
    number = np.arange(1, count + 1)
    keys = {
        "loc_id": np.repeat(loc_id, len(coverages)),
        "peril_id": pa.array(names).take(pa.array(np.repeat(peril, len(coverages)))),
        "coverage_type": np.tile(coverages, len(loc_id)),
        "area_peril_id": number,
        "vulnerability_id": number,
        "status": pa.repeat(str(KeyStatus.SUCCESS), count),
        "message": pa.repeat("", count),
    }
    return pa.table(keys).cast(KEYS_SCHEMA)


def _asked(perils: Sequence[str]) -> frozenset[str] | None:
    """The single perils of the given codes; None for all."""
    for code in perils:
        if not single_perils(code):
            raise InvalidInput(
                Finding(
                    "perils",
                    "must be OED perils or peril groups",
                    value=code,
                    rule="oed_peril",
                    remedy="See OED's list of perils (WTC, WSS, WW1 ...)",
                )
            )
    return frozenset().union(*(single_perils(code) for code in perils)) if perils else None


def _covered(
    loc_id: np.ndarray, column: pa.ChunkedArray, asked: frozenset[str] | None
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The distinct (location, peril) pairs in order, as location ids and positions in the list of peril names."""
    text = pc.fill_null(column, "").combine_chunks().dictionary_encode()
    of_text = [_perils(codes, asked) for codes in text.dictionary.to_pylist()]
    names = sorted(set().union(*of_text))
    number = {name: position for position, name in enumerate(names)}
    size = np.array([len(found) for found in of_text], dtype=np.int64)
    flat = np.array([number[name] for found in of_text for name in sorted(found)], dtype=np.int64)
    code = text.indices.to_numpy(zero_copy_only=False)
    count = size[code]
    start = (np.cumsum(size) - size)[code]
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    peril = flat[np.repeat(start, count) + within]
    pair = np.unique(np.repeat(loc_id, count) * max(len(names), 1) + peril)
    return pair // max(len(names), 1), pair % max(len(names), 1), names


def _perils(codes: str, asked: frozenset[str] | None) -> frozenset[str]:
    found: frozenset[str] = frozenset().union(*(single_perils(code.strip()) for code in codes.split(";")))
    return found if asked is None else found & asked


def _nothing_covered(file: str, field: str, column: pa.ChunkedArray, perils: Sequence[str]) -> Finding:
    there = ", ".join(sorted(text for text in column.unique().to_pylist() if text)) or "nothing"
    wanted = ", ".join(perils) or "a peril"
    return Finding(
        file,
        f"must cover {wanted} somewhere, and lists {there}",
        field=field,
        rule="peril_covered",
        remedy="Choose among the perils that the portfolio covers",
    )
