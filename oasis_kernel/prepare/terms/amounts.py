"""Shares of insured value and days of interruption, turned into amounts of one node."""

import numpy as np
import pandas as pd

from oasis_kernel.model.exposure import Float64
from oasis_kernel.prepare.terms.levels import DEDUCTIBLE, DEDUCTIBLE_TYPE, LIMIT, LIMIT_TYPE, OF_DAYS, OF_VALUE

DAYS_OF_A_YEAR = 365.0
_TYPE_OF = {DEDUCTIBLE: DEDUCTIBLE_TYPE, LIMIT: LIMIT_TYPE}


def needs_value(terms: pd.DataFrame) -> np.ndarray:
    """Which rows have a deductible or limit that depends on the insured value."""
    needs = np.zeros(len(terms), bool)
    for amount, type_ in _TYPE_OF.items():
        needs |= (terms[amount].to_numpy() != 0) & terms[type_].isin((OF_VALUE, OF_DAYS)).to_numpy()
    return needs


def as_amounts(terms: pd.DataFrame, value: Float64) -> dict[str, Float64]:
    """The terms of each row for a node of the given insured value.

    A share of value becomes an amount (type 0). Days become the amount of that many days and stay days (type 3),
    because rules for days differ. Minimum and maximum deductibles are amounts already.
    """
    amounts = {name: terms[name].to_numpy(dtype=np.float64) for name in terms.columns}
    for amount, type_ in _TYPE_OF.items():
        given, kind = amounts[amount], amounts[type_]
        scale = np.where(kind == OF_VALUE, value, np.where(kind == OF_DAYS, value / DAYS_OF_A_YEAR, 1.0))
        amounts[amount] = given * scale
        amounts[type_] = np.where(kind == OF_VALUE, 0.0, kind)
    return amounts
