"""Terms become numbered profiles: rows of the programme's profile table, each with its calculation rule."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.exposure import Float64, Int64
from oasis_kernel.model.terms import PROFILE_DTYPE
from oasis_kernel.prepare.terms.amounts import as_amounts
from oasis_kernel.prepare.terms.extraction import TermRows
from oasis_kernel.prepare.terms.keys import codes, spans
from oasis_kernel.prepare.terms.layers import Offers
from oasis_kernel.prepare.terms.levels import (
    AMOUNTS,
    DEDUCTIBLE,
    DEDUCTIBLE_CODE,
    DEDUCTIBLE_TYPE,
    LAYER,
    LIMIT,
    LIMIT_TYPE,
    OF_DAYS,
    Level,
)
from oasis_kernel.prepare.terms.matching import Match
from oasis_kernel.prepare.terms.rules import NO_RULE, PASS_THROUGH, base_rules, layer_rules, step_rules

#: Where a term goes in the profile table.
COLUMN = {
    "deductible": "deductible1",
    "minimum_deductible": "deductible2",
    "maximum_deductible": "deductible3",
    "attachment": "attachment1",
    "limit": "limit1",
    "share": "share1",
}
STEP_COLUMN = {
    "step_deductible": "deductible1",
    "step_limit": "limit1",
    **{name: name for name in ("trigger_start", "trigger_end", "payout_start", "payout_end")},
    **{name: name for name in ("limit2", "scale1", "scale2")},
}
LISTED = 20


@dataclass(frozen=True)
class Profiled:
    """The terms of a level as profiles, and what each combination of join key and insured value offers."""

    offers: Offers
    profile: npt.NDArray[np.void]  # PROFILE_DTYPE
    record: Int64  # [offers] the record behind each offer


def pass_through_profile(profile_id: int = 1) -> npt.NDArray[np.void]:
    """The profile without terms, which every programme has."""
    profile = np.zeros(1, PROFILE_DTYPE)
    profile["profile_id"], profile["calcrule_id"] = profile_id, PASS_THROUGH
    return profile


def make_profiles(level: Level, terms: TermRows, match: Match, key: Int64, value: Float64, after: int) -> Profiled:
    """Profiles, numbered from ``after`` + 1, of the combinations that items have.

    key    [combinations] join key of the match
    value  [combinations] insured value of the nodes

    Terms that no item has are checked as well. Raises InvalidInput for those that no calculation rule covers.
    """
    unused = np.setdiff1d(np.arange(len(match.start) - 1), key)
    combination, place = spans(np.diff(match.start)[np.concatenate([key, unused])])
    row = match.start[:-1][np.concatenate([key, unused])][combination] + place
    table = match.rows.iloc[row]
    amounts = as_amounts(table[list(terms.terms)], np.concatenate([value, np.zeros(len(unused))])[combination])
    stepped = table["stepped"].to_numpy(dtype=bool)
    rule = _rules(level, amounts, stepped)
    _check_rules(level, terms, table, rule, stepped)
    used = combination < len(key)
    table, combination, rule, stepped = table[used], combination[used], rule[used], stepped[used]
    amounts = {name: column[used] for name, column in amounts.items()}
    profile_id = after + 1 + _profile_numbers(terms, table, amounts, rule, stepped)
    offers, record = _offers(table, combination, profile_id, len(key))
    return Profiled(offers, _profile_rows(amounts, rule, stepped, profile_id), record)


def _rules(level: Level, amounts: dict[str, Float64], stepped: npt.NDArray[np.bool_]) -> Int64:
    if level.family == LAYER:
        return layer_rules(amounts)
    rule = base_rules(amounts)
    return np.where(stepped, step_rules(amounts), rule) if stepped.any() else rule


def _profile_numbers(
    terms: TermRows, table: pd.DataFrame, amounts: dict[str, Float64], rule: Int64, stepped: npt.NDArray[np.bool_]
) -> Int64:
    """The 0-based profile of each row: the same terms are one profile; the steps of a node's layer are one profile."""
    if not len(table):
        return np.zeros(0, np.int64)
    plain = codes(rule, *(amounts[name] for name in AMOUNTS))
    if not stepped.any():
        return plain
    node = [*terms.join, "layer", "group", *(["filter"] if "filter" in table else [])]
    steps = codes(*(table[name].to_numpy() for name in node))
    return codes(np.where(stepped, -1 - steps, plain))


def _offers(table: pd.DataFrame, combination: Int64, profile_id: Int64, count: int) -> tuple[Offers, Int64]:
    """One offer per distinct (combination, layer, policy, profile), by combination, in record order."""
    offers = pd.DataFrame(
        {
            "combination": combination,
            "layer": table["layer"].to_numpy(),
            "policy": table["policy"].to_numpy(),
            "profile": profile_id,
        }
    ).drop_duplicates()
    record = table["record"].to_numpy()[offers.index.to_numpy()]
    start = np.searchsorted(offers["combination"].to_numpy(), np.arange(count + 1))
    return Offers(start, *(offers[name].to_numpy() for name in ("layer", "policy", "profile"))), record


def _profile_rows(
    amounts: dict[str, Float64], rule: Int64, stepped: npt.NDArray[np.bool_], profile_id: Int64
) -> npt.NDArray[np.void]:
    """The rows of the profile table, by profile, then step."""
    profile = np.zeros(len(rule), PROFILE_DTYPE)
    profile["profile_id"], profile["calcrule_id"] = profile_id, rule
    for term, column in COLUMN.items():
        profile[column] = np.where(stepped, 0.0, amounts[term])
    if stepped.any():
        for term, column in STEP_COLUMN.items():
            profile[column] = np.where(stepped, amounts[term], profile[column])
        profile["step_id"] = np.where(stepped, np.maximum(amounts["step_id"], 1), 0)
        rows = np.unique(profile)
        return rows[np.lexsort((rows["step_id"], rows["profile_id"]))]
    return profile[np.unique(profile_id, return_index=True)[1]]


def _check_rules(
    level: Level, terms: TermRows, table: pd.DataFrame, rule: Int64, stepped: npt.NDArray[np.bool_]
) -> None:
    wrong = np.flatnonzero(rule == NO_RULE)
    if not len(wrong):
        return
    records = table["record"].to_numpy()
    wrong = wrong[np.unique(records[wrong], return_index=True)[1]][:LISTED]
    raise InvalidInput(
        _step_finding(terms, int(records[at])) if stepped[at] else _base_finding(level, terms, table.iloc[at])
        for at in wrong
    )


def _step_finding(terms: TermRows, record: int) -> Finding:
    records = terms.source.records
    types = {name: f"{records.number(name)[record]:g}" for name in ("TriggerType", "PayOutType")}
    given = ", ".join(f"{name} {value}" for name, value in types.items())
    remedy = f"Give the pay-outs, limits and deductibles that go with {given}, or correct the types"
    return records.finding(record, "StepNumber", f"has no rule for {given} with its other terms", None, remedy)


def _base_finding(level: Level, terms: TermRows, row: pd.Series) -> Finding:
    """The term that no rule goes with, under the name of its OED field."""
    fields = level.groups[int(row["group"])].fields if int(row["group"]) < len(level.groups) else level.groups[0].fields
    term, message, remedy = _culprit(row)
    given = ", ".join(f"{fields[name]} {row[name]:g}" for name in terms.terms if name in fields and row[name])
    field = fields.get(term, next(iter(fields.values())))
    amount = float(row[term])
    value = (int(amount) if amount.is_integer() else amount) if amount else None  # 0 is not given
    message = f"{message} (level {level.name}: {given})"
    return terms.source.records.finding(int(row["record"]), field, message, value, remedy)


def _culprit(row: pd.Series) -> tuple[str, str, str]:
    """The term to blame, what must hold, and what to do."""
    if row[DEDUCTIBLE] and row[DEDUCTIBLE_TYPE] == OF_DAYS and not row[LIMIT]:
        return LIMIT, "must be given with a deductible in days", "Give the period of indemnity in days"
    if row[DEDUCTIBLE] and row[DEDUCTIBLE_CODE]:
        return DEDUCTIBLE_CODE, "has no calculation rule with these other terms", "Use a regular deductible (0)"
    if row[DEDUCTIBLE]:
        return DEDUCTIBLE_TYPE, "has no calculation rule with these other terms", "Give deductible and limit one type"
    return LIMIT_TYPE, "has no calculation rule with these other terms", "Give a limit of type 0 or 1"
