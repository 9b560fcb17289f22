"""What one record of terms pays of a row of losses (calculation rules of the Oasis financial module).

A row holds one node's losses of one event and one layer, samples side by side. All arithmetic is float32, as in the
reference, so that losses at a threshold fall on the same side of it.
"""

import numpy as np

from oasis_kernel._jit import inlined
from oasis_kernel.kernels.programme_run_arrays import Float32
from oasis_kernel.kernels.terms import Payment, Terms

EXCESS = int(Payment.EXCESS)
FRANCHISE = int(Payment.FRANCHISE)
REVERSE_FRANCHISE = int(Payment.REVERSE_FRANCHISE)
PROPORTIONAL_CAP = int(Payment.PROPORTIONAL_CAP)
STEP_AMOUNT = int(Payment.STEP_AMOUNT)
STEP_SHARE = int(Payment.STEP_SHARE)
STEP_EXTRA = int(Payment.STEP_EXTRA)
STEP_UPLIFT = int(Payment.STEP_UPLIFT)

ZERO = np.float32(0)


# r = row, c = column (a sample or a special column), t = record of terms
@inlined
def pay(terms: Terms, t: int, loss: Float32, r: int, paid: Float32) -> None:
    """Write to ``paid`` [c] what record ``t`` of ``terms`` pays of ``loss[r]``; the loss stays as it is."""
    payment = terms[t]["payment"]
    if payment == EXCESS:
        rate, excess, cap, share = terms[t]["rate"], terms[t]["excess"], terms[t]["cap"], terms[t]["share"]
        for c in range(paid.shape[0]):
            paid[c] = min(max(loss[r, c] * rate - excess, ZERO), cap) * share
    elif payment == FRANCHISE:
        deductible, limit, share = terms[t]["deductible"], terms[t]["limit"], terms[t]["share"]
        for c in range(paid.shape[0]):
            x = loss[r, c]
            paid[c] = ZERO if x <= deductible else min(x, limit) * share
    elif payment == REVERSE_FRANCHISE:
        deductible, share = terms[t]["deductible"], terms[t]["share"]
        for c in range(paid.shape[0]):
            x = loss[r, c]
            paid[c] = ZERO if x > deductible else x * share
    elif payment == PROPORTIONAL_CAP:
        deductible, limit, share = terms[t]["deductible"], terms[t]["limit"], terms[t]["share"]
        for c in range(paid.shape[0]):
            x = loss[r, c]
            paid[c] = min(max(x - deductible, ZERO), x * limit) * share


@inlined
def pay_step(terms: Terms, t: int, loss: Float32, r: int, carry: Float32, paid: Float32) -> None:
    """Add to ``paid`` [c] what the step in record ``t`` pays of ``loss[r]``, on top of the steps before it.

    carry  [3, r, c]  deducted so far comes first: a step's amount is paid on a loss that deductibles took whole.
                      Read by steps that pay an amount only.
    """
    if terms[t]["starts"]:
        for c in range(paid.shape[0]):
            paid[c] = ZERO
    begin, end = terms[t]["trigger_start"], terms[t]["trigger_end"]
    if terms[t]["payment"] == STEP_AMOUNT:
        for c in range(paid.shape[0]):
            if begin <= loss[r, c] < end and (loss[r, c] > ZERO or carry[0, r, c] > ZERO):
                paid[c] += terms[t]["payout"]
    else:
        for c in range(paid.shape[0]):
            if begin <= loss[r, c] < end:
                paid[c] = _step_payment(terms, t, loss[r, c], paid[c])


@inlined
def _step_payment(terms: Terms, t: int, x: np.float32, before: np.float32) -> np.float32:
    """What has been paid in all after the step in record ``t``, of a loss ``x`` that triggers it."""
    payment = terms[t]["payment"]
    if payment == STEP_EXTRA:
        return before + _extra(terms, t, before) * terms[t]["uplift"]
    if payment == STEP_UPLIFT:
        return (before + _extra(terms, t, before)) * terms[t]["uplift"]
    base = min(max(terms[t]["payout"] * x - terms[t]["deductible"], ZERO), terms[t]["cap"])
    step = (base + _extra(terms, t, base)) * terms[t]["uplift"]
    return step if payment == STEP_SHARE else before + step


@inlined
def _extra(terms: Terms, t: int, base: np.float32) -> np.float32:
    """The extra expense on ``base``: a share of it, up to a limit."""
    return min(base * terms[t]["extra_share"], terms[t]["extra_limit"])
