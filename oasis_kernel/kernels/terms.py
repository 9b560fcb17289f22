"""Terms as the kernels read them: one record per calculation rule, put into one of a few forms of payment.

The some fifty calculation rules of the Oasis standard are few in kind. Where nothing above a node needs to know how
much was deducted, most of them are one formula, ``EXCESS``; where it is needed (minimum and maximum deductibles), a
rule is a deduction, then a cap, then a share.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt


class Payment(IntEnum):
    """What a record of terms pays of a loss x."""

    EXCESS = 0  # min(max(rate x - excess, 0), cap) share
    FRANCHISE = 1  # nothing up to the deductible, then min(x, limit) share
    REVERSE_FRANCHISE = 2  # x share up to the deductible, then nothing
    PROPORTIONAL_CAP = 3  # min(max(x - deductible, 0), limit x) share
    CARRIED = 4  # needs the carry-over: minimum and maximum deductibles
    STEP_AMOUNT = 5  # adds an amount
    STEP_SHARE = 6  # pays a share of the loss, within a deductible and a limit
    STEP_EXTRA = 7  # adds an extra on what the steps before paid
    STEP_UPLIFT = 8  # pays again what the steps before paid, with an extra
    STEP_LIMITED_SHARE = 9  # adds a limited share of the loss; no upper trigger


class Deduction(IntEnum):
    """How a record of terms changes the carry-over."""

    NONE = 0  # not at all: layers, shares, steps
    FLAT = 1  # the deductible, or all of a smaller loss
    SHARE = 2  # the deductible's share of the loss
    FRANCHISE = 3  # all of a loss up to the deductible, nothing of a larger one
    BOUNDED_FLAT = 4  # as FLAT, the sum of deductibles kept between minimum and maximum
    BOUNDED_SHARE = 5  # as SHARE, likewise
    WHOLE = 6  # the whole loss; over- and under-limit stay


class Capping(IntEnum):
    """What limits the loss after the deduction."""

    FLAT = 0  # an amount
    SHARE = 1  # a share of the loss before the deduction
    SHARE_ROOM = 2  # likewise, with the room under the limit counted in ground-up loss (rule 15)


Terms = npt.NDArray[np.void]  # TERMS_DTYPE

#: Shares of a loss and amounts are float32, as the reference compares them.
TERMS_DTYPE = np.dtype(
    [
        ("rule", "i4"),  # the calculation rule of the Oasis standard, after preparation
        ("payment", "i4"),
        ("deduction", "i4"),
        ("capping", "i4"),
        ("starts", "i4"),  # 1: what earlier steps paid is forgotten
        ("rate", "f4"),
        ("excess", "f4"),
        ("cap", "f4"),  # inf for none
        ("share", "f4"),
        ("deductible", "f4"),  # an amount, or a share of the loss
        ("limit", "f4"),  # an amount, or a share of the loss; inf for none
        ("minimum", "f4"),
        ("maximum", "f4"),  # inf for none
        ("trigger_start", "f4"),
        ("trigger_end", "f4"),
        ("payout", "f4"),  # an amount, or a share of the loss
        ("extra_limit", "f4"),
        ("extra_share", "f4"),
        ("uplift", "f4"),
    ]
)
