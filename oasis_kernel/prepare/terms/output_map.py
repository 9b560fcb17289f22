"""What each output of a programme is: the item, the policy and layer, the account record behind it."""

import numpy as np
import pyarrow as pa

from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Int64
from oasis_kernel.prepare.terms.conditions import Stage
from oasis_kernel.prepare.terms.keys import shared_codes
from oasis_kernel.prepare.terms.layers import NO_POLICY, Rows
from oasis_kernel.prepare.terms.sources import Sources

#: Columns in the order of the reference's fm_summary_map, where the item map has them.
FROM_ITEMS = (
    "loc_id", "PortNumber", "AccNumber", "LocNumber", "loc_idx", "peril_id", "coverage_type_id", "tiv", "coverage_id",
    "agg_id", "building_id", "risk_id",
)  # fmt: skip


def make_output_map(
    item_map: pa.Table, sources: Sources, stages: tuple[Stage, ...], outputs: Rows, condition: Int64
) -> pa.Table:
    """One row per output. ``acc_idx`` is the 0-based record of the account file, null where no record fits.

    condition  [items] the condition at the last stage: of the records of a layer, the one with that condition is chosen
    """
    items = item_map.append_column("agg_id", item_map["item_id"]) if "agg_id" not in item_map.column_names else item_map
    taken = items.select([name for name in FROM_ITEMS if name in items.column_names]).take(pa.array(outputs.item))
    account = _account_of_items(sources, item_map)[outputs.item]
    policy = _filled(sources, account, outputs.policy)
    record = _records(sources, stages, (account, outputs.layer, policy), condition[outputs.item])
    names = np.array([*sources.policies, None], dtype=object)
    return (
        taken.append_column(f.POLICY_NUMBER, pa.array(names[policy], pa.string()))
        .append_column("layer_id", pa.array(outputs.layer.astype(np.int32)))
        .append_column("output_id", pa.array(np.arange(1, len(outputs) + 1, dtype=np.int32)))
        .append_column(f.ACC_IDX, record)
    )


def _account_of_items(sources: Sources, item_map: pa.Table) -> Int64:
    loc_id = item_map["loc_id"].to_numpy().astype(np.int64)
    source = sources.account if sources.location is None else sources.location
    table = np.zeros(int(max(loc_id.max(initial=0), source.keys[f.LOC_ID].max(initial=0))) + 1, np.int64)
    table[source.keys[f.LOC_ID]] = source.keys[f.ACC_ID]
    return table[loc_id]


def _filled(sources: Sources, account: Int64, policy: Int64) -> Int64:
    """The policy of each output; that of the account's first record for items that no account term has met."""
    acc_id = sources.account.keys[f.ACC_ID]
    known, first = np.unique(acc_id, return_index=True)
    of_account = sources.account.policy[first][np.searchsorted(known, account)]
    return np.where(policy == NO_POLICY, of_account, policy)


def _records(
    sources: Sources, stages: tuple[Stage, ...], wanted: tuple[Int64, Int64, Int64], condition: Int64
) -> pa.Array:
    """The account record of each (account, layer, policy), under the output's condition where there is one."""
    account = sources.account
    index = account.records.index
    found = _first_match((account.keys[f.ACC_ID], account.layer, account.policy), wanted, index)
    if stages:
        own = {name: np.concatenate([getattr(stage.source, name) for stage in stages]) for name in ("layer", "policy")}
        tag = np.concatenate([stage.source.keys[f.CONDITION_TAG] for stage in stages])
        acc_id = np.concatenate([stage.source.keys[f.ACC_ID] for stage in stages])
        record = np.concatenate([stage.source.records.index for stage in stages])
        better = _first_match((acc_id, own["layer"], own["policy"], tag), (*wanted, condition), record)
        found = np.where(better >= 0, better, found)
    return pa.array(found, pa.int64(), mask=found < 0)


def _first_match(known: tuple[Int64, ...], wanted: tuple[Int64, ...], value: Int64) -> Int64:
    """The least value of the known rows that equal each wanted row, -1 for none."""
    theirs, mine = shared_codes(known, wanted)
    first = np.full(max(theirs.max(initial=-1), mine.max(initial=-1)) + 1, -1)
    order = np.argsort(-value, kind="stable")
    first[theirs[order]] = value[order]
    found: Int64 = first[mine]
    return found
