"""Conditions: which condition a location is subject to at each stage, and what a layer without the condition does.

A location may be under several conditions, told apart by priority: the inner ones are applied first, so that the
levels of conditions are repeated, stage by stage. Source: Open Exposure Data (CondTag, CondPriority, CondClass).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Int64
from oasis_kernel.prepare.terms.keys import shared_codes
from oasis_kernel.prepare.terms.levels import OF_LOSS
from oasis_kernel.prepare.terms.records import Records
from oasis_kernel.prepare.terms.sources import Source, Sources

DEFAULT_TAG = "0"
EVERY_PERIL = "AA1"
EXCLUSION = 1  # CondClass
NO_CONDITION = -1
LISTED = 20


@dataclass(frozen=True)
class Stage:
    """One pass over the levels of conditions."""

    source: Source  # records of the stage's conditions, keyed by CondTag (a code unique across accounts)
    loc_id: Int64  # the locations under a condition of this stage ...
    condition: Int64  # ... and the code of that condition


def condition_stages(sources: Sources) -> tuple[Stage, ...]:
    """The stages of a portfolio's conditions, innermost first; none when no account record has a CondTag.

    Raises InvalidInput for a CondTag of a location that its account does not have, and for two conditions of one
    location with the same priority.
    """
    location, account = sources.location, sources.account
    if location is None:
        return ()
    tags = account.records.text(f.CONDITION_TAG, DEFAULT_TAG)
    mine, theirs = shared_codes(
        [location.keys[f.ACC_ID], location.records.text(f.CONDITION_TAG, DEFAULT_TAG)],
        [account.keys[f.ACC_ID], tags],
    )
    _check_tags(location.records, mine, theirs)
    if (tags == DEFAULT_TAG).all():
        return ()
    _check_numbers(account.records, tags)
    priority = _priorities(account, theirs, max(mine.max(initial=-1), theirs.max(initial=-1)) + 1)
    chain = _chains(location, mine, priority)
    stage_of = _stages(chain, len(priority))
    whole = _with_fillers(account.with_keys(**{f.CONDITION_TAG: theirs}), _owners(location, mine, account, theirs))
    return tuple(_make_stages(whole, chain, stage_of))


def _check_tags(location: Records, mine: Int64, theirs: Int64) -> None:
    tags = location.text(f.CONDITION_TAG, DEFAULT_TAG)
    unknown = np.flatnonzero((tags != DEFAULT_TAG) & ~np.isin(mine, theirs))
    if len(unknown):
        raise InvalidInput(
            location.finding(
                int(record), f.CONDITION_TAG, "must be a CondTag of the location's account", str(tags[record]),
                "Add the condition to the account, or clear the tag",
            )
            for record in unknown[:LISTED]
        )  # fmt: skip


def _check_numbers(account: Records, tags: np.ndarray) -> None:
    """CondTag says nothing without CondNumber: the reference would apply the terms to the whole account."""
    if f.CONDITION_NUMBER not in account.names:
        record = int(np.flatnonzero(tags != DEFAULT_TAG)[0])
        remedy = "Add the column CondNumber"
        raise InvalidInput(account.finding(record, f.CONDITION_TAG, "needs a CondNumber", str(tags[record]), remedy))


def _priorities(account: Source, condition: Int64, count: int) -> np.ndarray:
    """The priority of each condition: that of its first record, blank or 0 counting as 1."""
    given = account.records.number(f.CONDITION_PRIORITY, 1.0)
    priority = np.ones(count)
    first = np.unique(condition, return_index=True)[1]
    priority[condition[first]] = np.where(given[first] == 0, 1.0, given[first])
    return priority


def _chains(location: Source, condition: Int64, priority: np.ndarray) -> pd.DataFrame:
    """Each location's conditions by priority: columns loc_id, condition, priority."""
    chain = pd.DataFrame(
        {
            "loc_id": location.keys[f.LOC_ID],
            "condition": condition,
            "priority": priority[condition],
            "record": np.arange(len(condition)),
        }
    )
    chain = chain.drop_duplicates(["loc_id", "condition"])
    repeated = chain[chain.duplicated(["loc_id", "priority"])]
    if len(repeated):
        raise InvalidInput(_same_priority(location.records, chain, record) for record in repeated["record"][:LISTED])
    return chain.sort_values(["loc_id", "priority"], kind="stable")


def _same_priority(location: Records, chain: pd.DataFrame, record: int) -> Finding:
    this = chain[chain["record"] == record].iloc[0]
    other = chain[(chain["loc_id"] == this["loc_id"]) & (chain["priority"] == this["priority"])].iloc[0]
    tags = location.text(f.CONDITION_TAG, DEFAULT_TAG)
    return location.finding(
        int(record),
        f.CONDITION_TAG,
        f"must not have the CondPriority of the location's condition {tags[int(other['record'])]!r}",
        str(tags[record]),
        "Give the conditions of a location different priorities in the account file",
    )


def _stages(chain: pd.DataFrame, count: int) -> Int64:
    """The stage of each condition, from 1: one more than the latest of the conditions that must precede it."""
    location, condition = chain["loc_id"].to_numpy(), chain["condition"].to_numpy()
    follows = location[1:] == location[:-1]
    inner, outer = condition[:-1][follows], condition[1:][follows]
    stage = np.ones(count, np.int64)
    # Priorities order the conditions, so that no chain is longer than there are conditions.
    while True:
        later = stage.copy()
        np.maximum.at(later, outer, stage[inner] + 1)
        if (later == stage).all():
            return stage
        stage = later


def _owners(location: Source, mine: Int64, account: Source, theirs: Int64) -> Int64:
    """The acc_id of each condition."""
    owner = np.zeros(max(mine.max(initial=-1), theirs.max(initial=-1)) + 1, np.int64)
    owner[mine] = location.keys[f.ACC_ID]
    owner[theirs] = account.keys[f.ACC_ID]
    return owner


def _with_fillers(account: Source, owner: Int64) -> Source:
    """The account records, and one more for each layer that lacks one of its account's conditions.

    Such a record has no terms, so that the layer sees the condition's locations as they are; unless some condition of
    the layer is an exclusion: then what is outside the layer's conditions is excluded from it.
    """
    acc_id, layer = account.keys[f.ACC_ID], account.layer
    excludes = account.records.number(f.CONDITION_CLASS) == EXCLUSION
    layers = pd.DataFrame({"acc_id": acc_id, "layer": layer, "excludes": excludes, "record": np.arange(len(layer))})
    layers = layers.groupby(["acc_id", "layer"], sort=False).agg({"excludes": "max", "record": "last"}).reset_index()
    conditions = pd.DataFrame({"acc_id": owner, "condition": np.arange(len(owner))})
    wanted = conditions.merge(layers, on="acc_id")
    present = pd.MultiIndex.from_arrays([account.keys[f.CONDITION_TAG], layer])
    lacking = wanted[~pd.MultiIndex.from_frame(wanted[["condition", "layer"]]).isin(present)]
    filler = _fillers(account, lacking)
    return Source(
        _stacked(account.records, filler.records),
        {name: np.concatenate([column, filler.keys[name]]) for name, column in account.keys.items()},
        np.concatenate([account.layer, filler.layer]),
        np.concatenate([account.policy, filler.policy]),
    )


def _fillers(account: Source, lacking: pd.DataFrame) -> Source:
    beside = account.take(lacking["record"].to_numpy())
    excludes = lacking["excludes"].to_numpy(dtype=bool)
    blank = np.full(len(lacking), np.nan)
    numbers = dict.fromkeys(beside.records.numbers, blank)
    if excludes.any():  # a deductible of the whole loss
        numbers |= {"CondDed6All": np.where(excludes, 1.0, np.nan)}
        numbers |= {"CondDedType6All": np.where(excludes, float(OF_LOSS), np.nan)}
    texts = {name: np.full(len(lacking), None, dtype=object) for name in beside.records.texts}
    texts[f.CONDITION_PERIL] = _perils(account, lacking["condition"].to_numpy())
    keys: dict[str, Int64] = {
        f.ACC_ID: beside.keys[f.ACC_ID],
        f.CONDITION_TAG: lacking["condition"].to_numpy().astype(np.int64),
    }
    return Source(Records(beside.records.file, beside.records.index, numbers, texts), keys, beside.layer, beside.policy)


def _perils(account: Source, condition: Int64) -> np.ndarray:
    """The peril filter of each of some conditions: that of its first record, or every peril."""
    first = (
        pd.Series(account.records.text(f.CONDITION_PERIL, EVERY_PERIL)).groupby(account.keys[f.CONDITION_TAG]).first()
    )
    return first.reindex(condition).fillna(EVERY_PERIL).to_numpy(dtype=object)


def _stacked(first: Records, second: Records) -> Records:
    """Two tables under each other; a column that one of them lacks is blank there."""
    numbers = {
        name: np.concatenate([first.numbers.get(name, _blank(first)), second.numbers.get(name, _blank(second))])
        for name in {**first.numbers, **second.numbers}
    }
    texts = {name: np.concatenate([first.text(name), second.text(name)]) for name in {**first.texts, **second.texts}}
    return Records(first.file, np.concatenate([first.index, second.index]), numbers, texts)


def _blank(records: Records) -> np.ndarray:
    return np.full(len(records), np.nan)


def _make_stages(source: Source, chain: pd.DataFrame, stage_of: Int64) -> Iterator[Stage]:
    location, condition = chain["loc_id"].to_numpy(), chain["condition"].to_numpy()
    for stage in range(1, int(stage_of.max()) + 1):
        of_stage = stage_of[condition] == stage
        records = stage_of[source.keys[f.CONDITION_TAG]] == stage
        yield Stage(source.take(records), location[of_stage], condition[of_stage])
