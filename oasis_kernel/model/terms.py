"""A financial programme as tables of arrays: what terms apply where, in which order.

The tables have the meaning of the reference's fm_programme, fm_policytc, fm_profile and fm_xref files
(spec/financial.md 1.5), so that a programme can be compared with the reference's line by line.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from oasis_kernel.model.exposure import Float32, Int32

#: One row of terms. Rows of one step profile share ``profile_id`` and follow in ``step_id`` order.
PROFILE_DTYPE = np.dtype(
    [
        ("profile_id", "i4"),
        ("calcrule_id", "i4"),
        ("deductible1", "f4"),
        ("deductible2", "f4"),  # minimum deductible
        ("deductible3", "f4"),  # maximum deductible
        ("attachment1", "f4"),
        ("limit1", "f4"),
        ("share1", "f4"),
        ("share2", "f4"),
        ("share3", "f4"),
        ("step_id", "i4"),  # 0: not a step profile
        ("trigger_start", "f4"),
        ("trigger_end", "f4"),
        ("payout_start", "f4"),
        ("payout_end", "f4"),
        ("limit2", "f4"),
        ("scale1", "f4"),
        ("scale2", "f4"),
    ]
)


@dataclass(frozen=True)
class Programme:
    """Terms over the items of a portfolio (or, for reinsurance, over the outputs of the pass before).

    Level 1.. in order; a negative ``from_agg_id`` restarts from that item (spec 1.4 step 10).
    """

    from_agg_id: Int32
    level_id: Int32
    to_agg_id: Int32
    policy_level_id: Int32
    policy_agg_id: Int32
    policy_layer_id: Int32
    policy_profile_id: Int32
    profile: npt.NDArray[np.void]  # PROFILE_DTYPE
    output_id: Int32  # fm_xref
    output_agg_id: Int32
    output_layer_id: Int32
    #: Levels whose terms apply to the sum of a node's layers; empty for programmes that the reference can express,
    #: where a top node with fewer layers than those below it is understood that way.
    cross_layer_levels: tuple[int, ...] = ()


@dataclass(frozen=True)
class Leaves:
    """What the programme's execution needs to know of its leaves: row k is item k + 1."""

    coverage_id: Int32
    coverage_tiv: Float32  # [coverages], row k is coverage k + 1


@dataclass(frozen=True)
class Contract:
    """One reinsurance pass: a programme over the previous pass's outputs.

    A pass holds the contracts of one inuring priority and risk level, in layers. ``contract_of`` [output, layer] is
    the contract that covers an output in a layer (0-based row of the reinsurance info), -1 for none, and
    ``reinsurance_number`` its OED number.
    """

    inuring_priority: int
    risk_level: str
    programme: Programme
    contract_of: Int32 = field(default_factory=lambda: np.zeros((0, 0), np.int32))
    reinsurance_number: Mapping[int, int] = field(default_factory=dict)
