"""What deductibles and limits taken so far leave for the deductibles above them.

A minimum or maximum deductible looks at all that was deducted below it. So beside its loss, each sample of a node (and
of each of its items) carries three amounts: what was deducted, what fell over limits, and the room under limits.
The arithmetic is the reference's, in float32.

One branch of the minimum deductible is kept as the reference has it although it looks like a slip: when what is over
the limit covers the missing deductible, the nominal deductible is counted but not taken from the loss.
"""

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


# r = row, c = column (a sample or a special column), t = record of terms
@inlined
def pay_carrying(terms: Terms, t: int, loss: Float32, r: int, carry: Float32, paid: Float32) -> None:
    """Write to ``paid`` [c] what record ``t`` pays of ``loss[r]``, and bring ``carry[:, r]`` up to date.

    carry  [3, r, c]  deducted, over limits, under limits
    """
    deduction, flat, share = terms[t].deduction, terms[t].capping == FLAT_CAP, terms[t].share
    for c in range(paid.shape[0]):
        x, under = loss[r, c], carry[UNDER, r, c]
        if deduction == WHOLE:
            carry[DEDUCTED, r, c] += x
            paid[c] = ZERO
            continue
        if deduction <= FRANCHISE:
            taken = _taken(deduction, terms[t].deductible, x)
            net = x - taken
            carry[DEDUCTED, r, c] += taken
            under += taken
        else:
            of_loss = deduction == BOUNDED_SHARE
            nominal = x * terms[t].deductible if of_loss else terms[t].deductible
            bounds = (nominal, terms[t].minimum, terms[t].maximum)
            state = (carry[DEDUCTED, r, c], carry[OVER, r, c], under)
            net, carry[DEDUCTED, r, c], carry[OVER, r, c], under = deduct_within_bounds(x, of_loss, bounds, state)
        limit = terms[t].limit if flat else terms[t].limit * x
        if net > limit:
            carry[OVER, r, c] += net - limit
            net, under = limit, ZERO
        else:
            under = min(_room(terms, t, x, limit, net), under)
        carry[UNDER, r, c] = under
        paid[c] = net * share


@inlined
def _taken(deduction: int, deductible: np.float32, x: np.float32) -> np.float32:
    """What a deductible without bounds takes of loss ``x``."""
    if deduction == FLAT:
        return min(x, deductible)
    if deduction == SHARE:
        return x * deductible
    return x if x <= deductible else ZERO


@inlined
def _room(terms: Terms, t: int, x: np.float32, limit: np.float32, net: np.float32) -> np.float32:
    """How much more could be paid before the limit bites."""
    if terms[t].capping <= SHARE_CAP:
        return limit - net
    widest = terms[t].deductible / (ONE - terms[t].limit)  # rule 15: the ground-up loss at which its limit bites
    return widest if x <= terms[t].deductible else widest - x


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
    received: Float32, paid: Float32, before: Float32, carry: Float32, r: int, factors: Float32
) -> None:
    """Write to ``factors`` [4, c] how the change of payer ``r``'s loss and carry-over is shared out.

    received  [c]        the payer's loss before
    paid      [c]        and after
    before    [3, c]     the payer's carry-over before
    carry     [3, r, c]  and after
    """
    for c in range(paid.shape[0]):
        x, more = received[c], carry[DEDUCTED, r, c] - before[DEDUCTED, c]
        returned = min(more, ZERO)
        if more >= ZERO:
            factors[DEDUCTED_FACTOR, c] = more / x if x > ZERO else ZERO
            factors[LOSS_FACTOR, c] = paid[c] / x if x > ZERO else ZERO
        else:
            source = UNDER if carry[UNDER, r, c] > ZERO else DEDUCTED
            factors[DEDUCTED_FACTOR, c] = more / before[source, c]
            factors[LOSS_FACTOR, c] = paid[c] / (x - more)
        factors[OVER_FACTOR, c] = _change_factor(before[OVER, c], carry[OVER, r, c], x - returned)
        factors[UNDER_FACTOR, c] = _change_factor(before[UNDER, c], carry[UNDER, r, c], x)


@inlined
def _change_factor(before: np.float32, after: np.float32, loss: np.float32) -> np.float32:
    """An increase as a share of the loss; a decrease as minus the share that remains."""
    if after > before:
        return (after - before) / loss
    return -after / before if after < before else ZERO


@inlined
def allocate_carrying(factors: Float32, loss: Float32, carry: Float32, q: int) -> None:
    """Give ``loss[q]`` and ``carry[:, q]`` their share of the payer's change."""
    for c in range(factors.shape[1]):
        x, by_loss = loss[q, c], factors[DEDUCTED_FACTOR, c]
        if by_loss < ZERO:
            pool = DEDUCTED if factors[UNDER_FACTOR, c] == ZERO else UNDER
            taken = by_loss * carry[pool, q, c]
            x -= taken
            carry[UNDER, q, c] = -factors[UNDER_FACTOR, c] * carry[UNDER, q, c]
        else:
            taken = by_loss * x
            carry[UNDER, q, c] = _changed(factors[UNDER_FACTOR, c], carry[UNDER, q, c], x)
        carry[OVER, q, c] = _changed(factors[OVER_FACTOR, c], carry[OVER, q, c], x)
        carry[DEDUCTED, q, c] += taken
        loss[q, c] = x * factors[LOSS_FACTOR, c]


@inlined
def _changed(factor: np.float32, amount: np.float32, x: np.float32) -> np.float32:
    return amount + factor * x if factor >= ZERO else -factor * amount
