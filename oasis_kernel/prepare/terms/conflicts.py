"""Terms that contradict each other: one layer of one node cannot have two profiles."""

import pandas as pd

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model import fields as f
from oasis_kernel.prepare.terms.layers import Layered
from oasis_kernel.prepare.terms.levels import LAYER, Level
from oasis_kernel.prepare.terms.profiles import Profiled
from oasis_kernel.prepare.terms.records import Records

LISTED = 20


def check_profiles(level: Level, records: Records, layered: Layered, profiled: Profiled) -> None:
    """Raises InvalidInput when a layer of a node has more than one profile: the records that differ are named."""
    table = pd.DataFrame({"node": layered.to_node, "layer": layered.rows.layer, "profile": layered.profile})
    if level.is_cross_layer:
        table = table[table["layer"] == 1]
    table = table.drop_duplicates()
    double = table[table.duplicated(["node", "layer"])]
    if not len(double):
        return
    offers = profiled.offers
    record_of = dict(zip(offers.profile[::-1].tolist(), profiled.record[::-1].tolist(), strict=True))
    rows = sorted({record_of[profile] for profile in double["profile"] if profile in record_of})[:LISTED]
    raise InvalidInput(
        _layer_finding(records, row) if level.family == LAYER else _finding(level, records, row) for row in rows
    )


def _finding(level: Level, records: Records, record: int) -> Finding:
    field = level.groups[0].fields[next(iter(level.groups[0].fields))]
    same = "location" if level.source == "location" else "policy layer"
    message = f"and the other terms of level {level.name} must be those of the other records of the same {same}"
    return records.finding(
        record, field, message, None, "Give the record the same terms, or another PolNumber or LayerNumber"
    )


def _layer_finding(records: Records, record: int) -> Finding:
    policy, account = records.text(f.POLICY_NUMBER)[record], records.text(f.ACCOUNT_NUMBER)[record]
    message = f"is repeated in policy {policy!r} of account {account!r} with another limit, attachment or participation"
    layer = int(records.number(f.LAYER_NUMBER, 1.0)[record])
    return records.finding(
        record, f.LAYER_NUMBER, message, layer, "Give the record the same terms, or another LayerNumber"
    )
