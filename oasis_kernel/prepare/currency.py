"""A portfolio's amounts in one reporting currency."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Float64


@dataclass(frozen=True)
class Rates:
    """Rates of exchange: ``roe[(a, b)]`` units of b for one unit of a."""

    roe: Mapping[tuple[str, str], float]

    def rate(self, origin: str, target: str) -> float | None:
        """One unit of ``origin`` in ``target``: the listed rate, else the inverse of its opposite, else None."""
        if origin == target:
            return 1.0
        direct = self.roe.get((origin, target))
        if direct is not None:
            return direct
        opposite = self.roe.get((target, origin))
        return None if opposite is None else 1.0 / opposite


@dataclass(frozen=True)
class _Amounts:
    """A family of OED fields that hold amounts: always, or where the field called ``type_field`` is 0 (blank is 0)."""

    pattern: str
    type_field: str | tuple[str, str] | None = None  # a name, or what to replace in the field's own by what
    currency: f.Field | None = None  # the currency, when the row gives it one of its own


_COVERAGES = "(Building|Contents|BuildingContents)"
_CYBER = "(NPBI|CBI|DIAS|EXT|FIN|INRE|LIA|REG|ENO)"
_AMOUNTS = (
    _Amounts("(Building|Other|Contents|BI|Minimum)TIV"),
    _Amounts("AnnualRevenue", currency=f.ANNUAL_REVENUE_CURRENCY),
    _Amounts("(Loc|Pol)(GrossPremium|Tax|Brokerage|NetPremium)|ReinsPremium|NonCatGroundUpLoss"),
    _Amounts(r"(Loc|Acc|Pol|Cond)M(in|ax)Ded\d\w+"),
    _Amounts(r"(Loc|Acc|Pol|Cond)Ded\d\w+", ("Ded", "DedType")),
    _Amounts(r"(Loc|Acc|Pol|Cond)Limit\d\w+", ("Limit", "LimitType")),
    _Amounts(f"Layer(Agg)?(Limit|Attachment)|PolSIR|ExtraExpenseLimit|Deductible{_COVERAGES}"),
    _Amounts(f"PolLimit{_CYBER}", currency=f.LIMIT_CURRENCY),
    _Amounts(f"PolDed{_CYBER}?", currency=f.DEDUCTIBLE_CURRENCY),
    _Amounts(f"Trigger{_COVERAGES}(Start|End)", f.TRIGGER_TYPE),
    _Amounts(f"PayOut{_COVERAGES}(Start|End)|PayOutLimit{_COVERAGES}", f.PAY_OUT_TYPE),
    _Amounts("(Risk|Occ|Agg)(Limit|Attachment)|OccFranchiseDed|OccReverseFranchise"),
)


def is_amount(name: str) -> bool:
    """Whether the OED field holds an amount of money, for some rows at least."""
    return any(re.fullmatch(amounts.pattern, name) for amounts in _AMOUNTS)


def currencies_without_rate(
    table: pa.Table, currency: f.Field, reporting: str, rates: Rates
) -> list[tuple[f.Field, str]]:
    """The currencies in the table that cannot be converted, with the field where each stands."""
    without = []
    for name in _currency_fields(table, currency):
        for held in table[name].unique().to_pylist():
            if held is not None and rates.rate(held, reporting) is None:
                without.append((name, held))
    return without


def converted(table: pa.Table, currency: f.Field, reporting: str, rates: Rates) -> pa.Table:
    """The table with its amounts in the reporting currency.

    ``OriginalCurrency`` and ``RateOfExchange`` keep where they came from; a file that brings its own rate of an
    earlier conversion has it multiplied. Terms that are shares of loss or of value (type 1 or 2) and days (3) are
    left alone; minimum and maximum deductibles are amounts whatever the deductible's type.
    """
    factors = {name: _factor(table[name], reporting, rates) for name in _currency_fields(table, currency)}
    own = factors[currency]
    for position, name in enumerate(table.column_names):
        amounts = next((family for family in _AMOUNTS if re.fullmatch(family.pattern, name)), None)
        if amounts is None or not pa.types.is_floating(table.schema.field(position).type):
            continue
        factor = factors.get(amounts.currency or currency, own)
        if amounts.currency in factors:
            factor = np.where(pc.is_valid(table[amounts.currency]).to_numpy(), factor, own)
        factor = np.where(_is_amount(table, name, amounts), factor, 1.0)
        table = table.set_column(position, table.schema.field(position), pc.multiply(table[name], pa.array(factor)))
    return _labelled(table, currency, reporting, own)


def _currency_fields(table: pa.Table, currency: f.Field) -> Sequence[f.Field]:
    others = (amounts.currency for amounts in _AMOUNTS if amounts.currency is not None)
    return [name for name in (currency, *others) if name in table.column_names]


def _factor(column: pa.ChunkedArray, reporting: str, rates: Rates) -> Float64:
    encoded = column.combine_chunks().dictionary_encode()
    known = [rates.rate(held, reporting) or 1.0 for held in encoded.dictionary.to_pylist()]
    code = pc.fill_null(encoded.indices, len(known)).to_numpy(zero_copy_only=False)
    return np.array([*known, 1.0])[code]


def _is_amount(table: pa.Table, name: str, amounts: _Amounts) -> np.ndarray:
    type_field = amounts.type_field
    if isinstance(type_field, tuple):
        type_field = name.replace(*type_field)
    if type_field is None or type_field not in table.column_names:
        return np.ones(table.num_rows, dtype=bool)
    return pc.equal(pc.fill_null(table[type_field], 0), 0).to_numpy()


def _labelled(table: pa.Table, currency: f.Field, reporting: str, factor: Float64) -> pa.Table:
    origin = table[currency]
    if f.ORIGINAL_CURRENCY in table.column_names:
        origin = pc.coalesce(table[f.ORIGINAL_CURRENCY], origin)
    rate = pa.chunked_array([pa.array(factor)])
    if f.RATE_OF_EXCHANGE in table.column_names and f.ORIGINAL_CURRENCY in table.column_names:
        rate = pc.multiply(pc.fill_null(table[f.RATE_OF_EXCHANGE], 1.0), rate)
    for name in _currency_fields(table, currency):
        same = pc.if_else(pc.is_valid(table[name]), reporting, None)
        table = table.set_column(table.column_names.index(name), table.schema.field(name), same.cast(pa.string()))
    for name, column in ((f.ORIGINAL_CURRENCY, origin), (f.RATE_OF_EXCHANGE, rate)):
        if name in table.column_names:
            table = table.drop_columns(name)
        table = table.append_column(pa.field(name, f.ARROW[name.dtype]), column)
    return table
