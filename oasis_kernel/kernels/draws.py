"""The uniform numbers of one event: one row for each draw it touches, correlated where the portfolio says so.

Index letters: d = draw of the portfolio, r = row (touched item), k = row of uniforms, c = common factor, s = sample.
"""

from typing import NamedTuple

from oasis_kernel._jit import kernel
from oasis_kernel.kernels.correlation import Copula, Correlations, Lookups, correlate, normal_scores
from oasis_kernel.kernels.distributions import Rows
from oasis_kernel.kernels.random import correlation_seed, damage_seed, draw_uniforms, hazard_seed
from oasis_kernel.kernels.touch_order import TouchOrder
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
    """One event's draws, and the uniforms of some of them. ``number`` is -1 between events."""

    number: Int32  # [d] k, the draw's number in the event
    draw: Int32  # [k] d
    last_row: Int32  # [k] in the order of draws, the place after the draw's last row
    seed: Int64  # [k]
    uniform: Float64  # [k, s] a tile of draws at a time


class FactorRoom(NamedTuple):
    """Room for one event's common factors."""

    seed: Int64  # [c]
    uniform: Float64  # [c, s]
    score: Float64  # [c, s]


@kernel
def list_damage(
    draw_of: Int32, group: Int64, event: int, count: int, order: TouchOrder, rows: Rows, draws: EventDraws
) -> int:
    """Number the damage draws of an event's ``count`` rows, order the rows by draw, find the seeds; return how many.

    draw_of [p], group [d]
    """
    position, number, place, row_draw = order.position, draws.number, draws.last_row, rows.draw
    listed = 0
    for r in range(count):
        d = draw_of[position[r]]
        if number[d] < 0:
            number[d] = listed
            draws.draw[listed] = d
            place[listed] = 0
            listed += 1
        row_draw[r] = number[d]
        place[number[d]] += 1
    at = 0
    for k in range(listed):
        draws.seed[k] = damage_seed(group[draws.draw[k]], event)
        at += place[k]
        place[k] = at - place[k]
    for r in range(count):
        rows.by_draw[place[row_draw[r]]] = r
        place[row_draw[r]] += 1
    return listed


@kernel
def list_hazard(
    draw_of: Int32, group: Int64, event: int, span: tuple[int, int], order: TouchOrder, rows: Rows, draws: EventDraws
) -> int:
    """Number the hazard draws of the rows ``by_draw[span]``, of those sampled by hazard first; return how many.

    Numbers are from 0 on, in the order in which the rows meet them; seeds are found too.
    """
    position, number = order.position, draws.number
    listed = 0
    for q in range(span[0], span[1]):
        r = rows.by_draw[q]
        if rows.hazards[r] <= 1:
            continue
        d = draw_of[position[r]]
        if number[d] < 0:
            number[d] = listed
            draws.draw[listed] = d
            draws.seed[listed] = hazard_seed(group[d], event)
            listed += 1
        rows.hazard_draw[r] = number[d]
    return listed


@kernel
def draw_factors(randomness: Randomness, event: int, lookups: Lookups, room: FactorRoom) -> None:
    """Draw the event's common factors and write their normal scores."""
    factors = randomness.factors
    count = factors.group.shape[0]
    for c in range(count):
        room.seed[c] = 0 if factors.same_seed else correlation_seed(factors.group[c], event)
    draw_uniforms(randomness.generator, room.seed, count, room.uniform)
    for c in range(count):
        if factors.group[c] == 0:
            room.uniform[c, :] = 0.0
    normal_scores(room.uniform, randomness.copula, lookups, room.score)


@kernel
def draw(
    randomness: Randomness, which: Draws, score: Float64, first: int, last: int, lookups: Lookups, draws: EventDraws
) -> None:
    """Draw, correlate and stretch the numbers of the event's draws ``first:last`` into ``uniform``."""
    rows = last - first
    uniform = draws.uniform[:rows]
    draw_uniforms(randomness.generator, draws.seed[first:last], rows, uniform)
    correlate(score, draws.draw[first:last], which.correlations, randomness.copula, lookups, uniform)
    for k in range(rows):
        stretch = which.stretch[draws.draw[first + k]]
        if stretch != 1.0:
            for s in range(uniform.shape[1]):
                uniform[k, s] *= stretch


@kernel
def forget_draws(count: int, draws: EventDraws) -> None:
    """Make ``draws`` ready for the next event."""
    for k in range(count):
        draws.number[draws.draw[k]] = -1
