"""What deductibles and limits taken so far leave for the deductibles above them.

A minimum or maximum deductible looks at all that was deducted below it. So beside its loss, each sample of a node (and
of each of its items) carries three amounts: what was deducted, what fell over limits, and the room under limits.
The arithmetic is the reference's, in float32.

One branch of the minimum deductible is kept as the reference has it although it looks like a slip: when what is over
the limit covers the missing deductible, the nominal deductible is counted but not taken from the loss.
"""

import math

import numpy as np

from oasis_kernel._jit import inlined
from oasis_kernel.kernels.programme_run_arrays import Float32
from oasis_kernel.kernels.terms import Capping, Deduction, Terms

#: First axis of a carry-over array.
DEDUCTED, OVER, UNDER = range(3)
#: First axis of the factors that allocate a result back.
LOSS_FACTOR, DEDUCTED_FACTOR, OVER_FACTOR, UNDER_FACTOR = range(4)

FLAT = int(Deduction.FLAT)
SHARE = int(Deduction.SHARE)
FRANCHISE = int(Deduction.FRANCHISE)
WHOLE = int(Deduction.WHOLE)
BOUNDED_SHARE = int(Deduction.BOUNDED_SHARE)
FLAT_CAP = int(Capping.FLAT)
SHARE_CAP = int(Capping.SHARE)

State = tuple[np.float32, np.float32, np.float32]
Bounds = tuple[np.float32, np.float32, np.float32]
Deducted = tuple[np.float32, np.float32, np.float32, np.float32]

ZERO = np.float32(0)
ONE = np.float32(1)
#: The factor of what is deducted where no loss is left: it all comes from what is over limits, and so does each share.
FROM_OVER = np.float32(np.nan)


# r = row, c = column (a sample or a special column), t = record of terms
@inlined
def pay_carrying(terms: Terms, t: int, loss: Float32, r: int, carry: Float32, paid: Float32) -> None:
    """Write to ``paid`` [c] what record ``t`` pays of ``loss[r]``, and bring ``carry[:, r]`` up to date.

    carry  [3, r, c]  deducted, over limits, under limits
    """
    if terms[t]["deduction"] == WHOLE:
        for c in range(paid.shape[0]):
            carry[DEDUCTED, r, c] += loss[r, c]
            paid[c] = ZERO
        return
    if terms[t]["deduction"] <= FRANCHISE:
        _deduct(terms, t, loss, r, carry, paid)
    else:
        _deduct_bounded(terms, t, loss, r, carry, paid)
    _cap(terms, t, loss, r, carry, paid)


@inlined
def _deduct(terms: Terms, t: int, loss: Float32, r: int, carry: Float32, paid: Float32) -> None:
    """Write to ``paid`` [c] the loss after a deductible without bounds."""
    deduction, deductible = terms[t]["deduction"], terms[t]["deductible"]
    for c in range(paid.shape[0]):
        x = loss[r, c]
        if deduction == FLAT:
            taken = min(x, deductible)
        elif deduction == SHARE:
            taken = x * deductible
        else:
            taken = x if x <= deductible else ZERO
        carry[DEDUCTED, r, c] += taken
        carry[UNDER, r, c] += taken
        paid[c] = x - taken


@inlined
def _deduct_bounded(terms: Terms, t: int, loss: Float32, r: int, carry: Float32, paid: Float32) -> None:
    """Write to ``paid`` [c] the loss after a deductible whose sum with those below is kept within bounds."""
    of_loss, deductible = terms[t]["deduction"] == BOUNDED_SHARE, terms[t]["deductible"]
    minimum, maximum = terms[t]["minimum"], terms[t]["maximum"]
    for c in range(paid.shape[0]):
        x = loss[r, c]
        bounds = (x * deductible if of_loss else deductible, minimum, maximum)
        state = (carry[DEDUCTED, r, c], carry[OVER, r, c], carry[UNDER, r, c])
        net, deducted, over, under = deduct_within_bounds(x, of_loss, bounds, state)
        paid[c] = net
        carry[DEDUCTED, r, c] = deducted
        carry[OVER, r, c] = over
        carry[UNDER, r, c] = under


@inlined
def _cap(terms: Terms, t: int, loss: Float32, r: int, carry: Float32, paid: Float32) -> None:
    """Cap the loss after the deduction in ``paid`` [c], and take its share."""
    capping, share, limit = terms[t]["capping"], terms[t]["share"], terms[t]["limit"]
    deductible = terms[t]["deductible"]
    widest = deductible / (ONE - limit) if capping > SHARE_CAP else ZERO
    for c in range(paid.shape[0]):
        x, net = loss[r, c], paid[c]
        most = limit if capping == FLAT_CAP else limit * x
        room = most - net
        if capping > SHARE_CAP:  # rule 15: room counts up to the ground-up loss at which the limit bites
            room = widest if x <= deductible else widest - x
        over = max(net - most, ZERO)
        carry[OVER, r, c] += over
        carry[UNDER, r, c] = ZERO if net > most else min(room, carry[UNDER, r, c])
        paid[c] = min(net, most) * share


@inlined
def deduct_within_bounds(x: np.float32, of_loss: bool, bounds: Bounds, state: State) -> Deducted:
    """(net loss, deducted, over, under) after a deductible whose sum with those below is kept within bounds.

    of_loss  the deductible is a share of the loss; only decides how sums that meet a bound exactly are rounded
    bounds   nominal deductible, minimum (0 for none), maximum (inf for none)
    state    deducted, over, under before
    """
    nominal, minimum, maximum = bounds
    deducted, over, under = state
    if nominal + deducted > maximum if of_loss else deducted > maximum - nominal:
        return _give_back(x, maximum, state)
    if nominal + deducted < minimum if of_loss else deducted < minimum - nominal:
        return _raise_to_minimum(x, nominal, minimum, state)
    taken = min(x, nominal)
    return x - taken, deducted + taken, over, under + taken


@inlined
def _give_back(x: np.float32, maximum: np.float32, state: State) -> Deducted:
    """More was deducted than the maximum: the excess returns to the loss, as far as there is room under limits."""
    deducted, over, under = state
    excess = deducted - maximum  # negative while the nominal deductible is only partly used
    if excess > under:
        return x + under, maximum, over + (excess - under), ZERO
    if x >= -excess:
        return x + excess, maximum, over, under - excess
    return ZERO, deducted + x, over, under + x


@inlined
def _raise_to_minimum(x: np.float32, nominal: np.float32, minimum: np.float32, state: State) -> Deducted:
    """Less was deducted than the minimum: the rest is taken from what is over limits, then from the loss."""
    deducted, over, under = state
    missing = minimum - nominal - deducted
    if missing <= over:
        if x > nominal:
            return x, minimum, over - missing, under  # the nominal deductible stays in the loss: see the module
        if (over - missing) + x > nominal:
            return ZERO, minimum, over - (missing + nominal), under + x
    else:
        from_loss = missing - over
        if x > from_loss + nominal:
            return x - from_loss - nominal, minimum, ZERO, under + from_loss
    return ZERO, deducted + (x + over), ZERO, under + x


# r = row of the payer, q = row of a receiver (an item, or a layer)
@inlined
def allocation_factors(
    received: Float32, paid: Float32, before: Float32, carry: Float32, r: int, factors: Float32, as_reference: bool
) -> None:
    """Write to ``factors`` [4, c] how the change of payer ``r``'s loss and carry-over is shared out.

    received      [c]        the payer's loss before
    paid          [c]        and after
    before        [3, c]     the payer's carry-over before
    carry         [3, r, c]  and after
    as_reference  the reference's defects: what is over or under limits stays with the receivers when none is left, and
                  what is deducted where no loss is left is not shared out
    """
    for c in range(paid.shape[0]):
        x, more = received[c], carry[DEDUCTED, r, c] - before[DEDUCTED, c]
        pool = before[UNDER, c] if carry[UNDER, r, c] > ZERO else before[DEDUCTED, c]
        left = x - min(more, ZERO)  # what is returned from deductibles adds to the loss
        by_loss = more / x if x > ZERO else (ZERO if as_reference or more == ZERO else FROM_OVER)
        of_loss = paid[c] / left if x > ZERO or more < ZERO else ZERO
        factors[DEDUCTED_FACTOR, c] = by_loss if more >= ZERO else more / pool
        factors[LOSS_FACTOR, c] = of_loss
        factors[OVER_FACTOR, c] = _change_factor(before[OVER, c], carry[OVER, r, c], left, as_reference)
        factors[UNDER_FACTOR, c] = _change_factor(before[UNDER, c], carry[UNDER, r, c], x, as_reference)


@inlined
def _change_factor(before: np.float32, after: np.float32, loss: np.float32, as_reference: bool) -> np.float32:
    """An increase as a share of the loss; a decrease as minus the share that remains: -0 when none does."""
    if after < before:
        return ZERO if as_reference and after == ZERO else -after / before
    return (after - before) / loss if after > before else ZERO


@inlined
def allocate_carrying(factors: Float32, loss: Float32, carry: Float32, q: int) -> None:
    """Give ``loss[q]`` and ``carry[:, q]`` their share of the payer's change."""
    for c in range(factors.shape[1]):
        x, deducted, under = loss[q, c], carry[DEDUCTED, q, c], carry[UNDER, q, c]
        by_loss, of_under = factors[DEDUCTED_FACTOR, c], factors[UNDER_FACTOR, c]
        returns = by_loss < ZERO
        pool = deducted if of_under == ZERO else under
        taken = by_loss * (pool if returns else x)
        left = x - taken if returns else x
        over = _changed(factors[OVER_FACTOR, c], carry[OVER, q, c], left)
        taken = taken if by_loss == by_loss else carry[OVER, q, c] - over
        decreases = returns or math.copysign(ONE, of_under) < ZERO
        carry[UNDER, q, c] = -of_under * under if decreases else under + of_under * x
        carry[OVER, q, c] = over
        carry[DEDUCTED, q, c] = deducted + taken
        loss[q, c] = left * factors[LOSS_FACTOR, c]


@inlined
def _changed(factor: np.float32, amount: np.float32, x: np.float32) -> np.float32:
    return -factor * amount if math.copysign(ONE, factor) < ZERO else amount + factor * x
