"""Which risks a contract covers: its scope rows against the risks of a portfolio."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.prepare.reinsurance_checks import (
    DATES,
    EXACT_TYPES,
    RISK_ATTACHING,
    RISK_KEY,
    SCOPE_FIELDS,
)
from oasis_kernel.prepare.reinsurance_outputs import BLANK, Text


class Policies(NamedTuple):
    """Where policies are from, and the texts behind the numbers of their fields."""

    file: str
    texts: Mapping[str, Text]


def match_filters(nodes: pd.DataFrame, scope: pd.DataFrame, risk_level: str, policies: Policies) -> pd.DataFrame:
    """The (node, layer, contract) triples in which a scope row covers a filter node, each once.

    nodes  one row per filter node, with the scope fields and ``PolInceptionDate`` as numbers
    scope  scope rows with their contract's terms and ``layer``, scope fields as the nodes' numbers

    A scope row covers a node when every field it fills has the node's value; the risk of an exact type must be the
    node's even where it is blank. With AttachmentBasis RA the policy must incept within the contract's dates.
    Raises InvalidInput when such a policy has no inception date.
    """
    found = []
    for fields, rows in _by_filled(scope, RISK_KEY[risk_level]):
        keys = nodes[[*fields, "node", "PolInceptionDate"]]
        columns = [*fields, "layer", "contract", "AttachmentBasis", *DATES]
        how = {"on": list(fields)} if fields else {"how": "cross"}
        found.append(keys.merge(rows[columns], **how))
    pairs = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["node", "layer", "contract"])
    pairs = _in_force(pairs, nodes, policies) if len(pairs) else pairs
    return pairs[["node", "layer", "contract"]].drop_duplicates(["node", "layer"], keep="last")


def _by_filled(scope: pd.DataFrame, risk_key: Sequence[str]) -> Iterator[tuple[list[str], pd.DataFrame]]:
    """The scope rows that compare the same fields, with those fields."""
    compared = scope[list(SCOPE_FIELDS)] != BLANK
    exact = scope["ReinsType"].isin(EXACT_TYPES)
    for field in risk_key:
        compared[field] |= exact
    for pattern, rows in compared.groupby(list(SCOPE_FIELDS), sort=False):
        yield (
            [field for field, is_compared in zip(SCOPE_FIELDS, pattern, strict=True) if is_compared],
            scope.loc[rows.index],
        )


def _in_force(pairs: pd.DataFrame, nodes: pd.DataFrame, policies: Policies) -> pd.DataFrame:
    attaching = pairs["AttachmentBasis"] == RISK_ATTACHING
    if not attaching.any():
        return pairs
    undated = pairs[attaching & (pairs["PolInceptionDate"] == BLANK)]
    if len(undated):
        policy = nodes.set_index("node").loc[undated["node"].iloc[0]]
        number, account = (policies.texts[name][policy[name]] for name in ("PolNumber", "AccNumber"))
        raise InvalidInput(
            Finding(
                file=policies.file,
                row=int(policy["policy_row"]) or None,
                field="PolInceptionDate",
                message=f"must be given for policy {number!r} of account {account!r}, "
                "which a contract with AttachmentBasis RA covers",
                rule="reinsurance_dates",
                remedy="Give the policy's inception date, or use AttachmentBasis LO",
            )
        )
    incepts = pd.Series(policies.texts["PolInceptionDate"][pairs["PolInceptionDate"]], index=pairs.index).str[:10]
    start, end = (pairs[date].str[:10] for date in DATES)
    return pairs[~attaching | ((start <= incepts) & (incepts <= end))]


def match_risks(nodes: pd.DataFrame, scope: pd.DataFrame, risk_level: str) -> pd.DataFrame:
    """The (node, layer, profile) triples that give risk nodes their terms, each (node, layer) once.

    nodes  one row per risk node, with the fields of the risk level's key as numbers
    scope  scope rows, their fields as the nodes' numbers, with ``layer``, ``profile`` and their contract's type

    A scope row names a risk by the whole key. Rows of other than exact types may leave the finest fields blank, to
    name all risks of the coarser ones; of several rows the coarser and, among equals, the later one counts.
    """
    key = list(RISK_KEY[risk_level])
    exact = scope["ReinsType"].isin(EXACT_TYPES)
    found = []
    for length in range(len(key), -1, -1):
        fields, blank = key[:length], key[length:]
        named = (scope[fields] != BLANK).all(axis=1) & (scope[blank] == BLANK).all(axis=1)
        rows = scope[named if length == len(key) else named & ~exact]
        how = {"on": fields} if fields else {"how": "cross"}
        found.append(nodes[[*fields, "node"]].merge(rows[[*fields, "layer", "profile", "contract"]], **how))
    pairs = pd.concat(found, ignore_index=True)
    return pairs[["node", "layer", "profile", "contract"]].drop_duplicates(["node", "layer"], keep="last")


def scope_layers(info: pd.DataFrame, scope: pd.DataFrame, risk_level: str) -> np.ndarray:
    """The 1-based layer of each scope row.

    Facultative contracts share as few layers as keep one risk's contracts apart; they come first. Every other
    contract has its own.
    """
    facultative = scope["ReinsType"] == "FAC"
    layer = np.zeros(len(scope), "i8")
    risks = scope[facultative].groupby(list(RISK_KEY[risk_level]), sort=False)
    layer[facultative] = risks.cumcount() + 1
    others = info.loc[info["ReinsType"] != "FAC", "contract"]
    number = dict(zip(others, range(1, len(others) + 1), strict=True))
    layer[~facultative] = scope.loc[~facultative, "contract"].map(number) + layer.max(initial=0)
    return layer
