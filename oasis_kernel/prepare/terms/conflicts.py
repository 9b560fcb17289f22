"""Terms that contradict each other: one layer of one node cannot have two profiles."""

import pandas as pd

from oasis_kernel.errors import InvalidInput
from oasis_kernel.prepare.terms.layers import Layered
from oasis_kernel.prepare.terms.levels import Level
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
    field = level.groups[0].fields[next(iter(level.groups[0].fields))]
    raise InvalidInput(
        records.finding(
            record,
            field,
            f"and the other terms of level {level.name} must be those of the other records of the same "
            f"{'location' if level.source == 'location' else 'policy layer'}",
            None,
            "Give the record the same terms, or another PolNumber or LayerNumber",
        )
        for record in rows
    )
