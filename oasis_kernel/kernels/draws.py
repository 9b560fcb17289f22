"""The uniform numbers of one event: one row for each draw it touches, correlated where the portfolio says so.

Index letters: d = draw of the portfolio, r = row (touched item), k = row of uniforms, c = common factor, s = sample.
"""

from typing import NamedTuple

from oasis_kernel._jit import kernel
from oasis_kernel.kernels.correlation import Copula, Correlations, correlate, normal_scores
from oasis_kernel.kernels.distributions import MANY_OF_EVENT, MANY_OF_MODEL, Rows
from oasis_kernel.kernels.random import correlation_seed, damage_seed, draw_uniforms, hazard_seed
from oasis_kernel.kernels.touch_order import Exposure, TouchOrder
from oasis_kernel.model.exposure import Float64, Int32, Int64


class Draws(NamedTuple):
    """The rows of uniforms that a portfolio needs: one for each group, correlation and adjustment."""

    group: Int64  # [d]
    correlations: Correlations
    stretch: Float64  # [d] what the uniforms are multiplied by (vulnerability adjustments)


class Factors(NamedTuple):
    """The common factors of the copula, the same for damage and hazard."""

    group: Int64  # [c] peril correlation group; 0: not drawn, all its uniforms are 0
    same_seed: bool  # every factor is drawn from seed 0, whatever the group and the event


class Randomness(NamedTuple):
    """All that is drawn."""

    generator: int
    damage: Draws
    hazard: Draws
    factors: Factors
    copula: Copula


class EventDraws(NamedTuple):
    """One event's rows of uniforms. ``row`` is -1 between events."""

    row: Int32  # [d] k
    draw: Int32  # [k] d
    seed: Int64  # [k]
    uniform: Float64  # [k, s]


class FactorRoom(NamedTuple):
    """Room for one event's common factors."""

    seed: Int64  # [c]
    uniform: Float64  # [c, s]
    score: Float64  # [c, s]


@kernel
def draw_damage(
    randomness: Randomness, exposure: Exposure, event: int, count: int, order: TouchOrder, rows: Rows,
    draws: EventDraws,
) -> int:  # fmt: skip
    """List the damage draws of an event's ``count`` rows and draw their numbers, not yet correlated; return how many."""
    position, draw_of, row_of = order.position, exposure.draw, draws.row
    listed = 0
    for r in range(count):
        d = draw_of[position[r]]
        if row_of[d] < 0:
            row_of[d] = listed
            draws.draw[listed] = d
            listed += 1
        rows.draw[r] = row_of[d]
    for k in range(listed):
        draws.seed[k] = damage_seed(randomness.damage.group[draws.draw[k]], event)
    draw_uniforms(randomness.generator, draws.seed, listed, draws.uniform)
    return listed


@kernel
def draw_hazard(
    randomness: Randomness, exposure: Exposure, event: int, count: int, order: TouchOrder, rows: Rows,
    draws: EventDraws,
) -> int:  # fmt: skip
    """The same for the rows that are sampled by hazard first."""
    position, draw_of, row_of = order.position, exposure.hazard_draw, draws.row
    listed = 0
    for r in range(count):
        if rows.kind[r] not in (MANY_OF_MODEL, MANY_OF_EVENT) or rows.driver[r] >= 0:
            continue
        d = draw_of[position[r]]
        if row_of[d] < 0:
            row_of[d] = listed
            draws.draw[listed] = d
            listed += 1
        rows.hazard_draw[r] = row_of[d]
    for k in range(listed):
        draws.seed[k] = hazard_seed(randomness.hazard.group[draws.draw[k]], event)
    draw_uniforms(randomness.generator, draws.seed, listed, draws.uniform)
    return listed


@kernel
def draw_factors(randomness: Randomness, event: int, room: FactorRoom) -> None:
    """Draw the event's common factors and write their normal scores."""
    factors = randomness.factors
    count = factors.group.shape[0]
    for c in range(count):
        room.seed[c] = 0 if factors.same_seed else correlation_seed(factors.group[c], event)
    draw_uniforms(randomness.generator, room.seed, count, room.uniform)
    for c in range(count):
        if factors.group[c] == 0:
            room.uniform[c, :] = 0.0
    normal_scores(room.uniform, count, randomness.copula, room.score)


@kernel
def finish_draws(which: Draws, copula: Copula, score: Float64, count: int, draws: EventDraws) -> None:
    """Correlate the first ``count`` rows with the common factors, then stretch them."""
    correlate(score, draws.draw, count, which.correlations, copula, draws.uniform)
    for k in range(count):
        stretch = which.stretch[draws.draw[k]]
        if stretch != 1.0:
            for s in range(draws.uniform.shape[1]):
                draws.uniform[k, s] *= stretch


@kernel
def forget_draws(count: int, draws: EventDraws) -> None:
    """Make ``draws`` ready for the next event."""
    for k in range(count):
        draws.row[draws.draw[k]] = -1
