"""Random programmes beside the naive execution: every output, every sample."""

import numpy as np
import pytest
from parity.fm_programmes import RandomProgramme
from prepare.terms.naive_execution import execute

from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.prepare.execution import build_execution
from oasis_kernel.steps.insured import Insured

#: The mean, the exposure, the maximum and samples; deviation and chance do not run through terms.
COLUMNS = (0, 2, 4, *range(SPECIAL, SPECIAL + 6))
#: Two of the programmes that restart into layers, where the reference is wrong: see docs/reference/differences.md.
RESTARTS_INTO_LAYERS = (751, 850)


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("seed", [*range(25), *RESTARTS_INTO_LAYERS])
def test_kernels_pay_what_the_naive_execution_pays(seed: int, bounded: bool) -> None:
    made = RandomProgramme(seed, bounded=bounded)
    programme, leaves, losses = made.programme(2), made.leaves, made.losses()
    paid = Insured(build_execution(programme, leaves, compatible=False)).apply(losses)
    for event in range(len(losses.event_id)):
        rows, ours = event_of(losses, event), event_of(paid, event)
        for column in COLUMNS:
            ground_up = np.zeros(len(leaves.coverage_id))
            ground_up[losses.row[rows]] = losses.loss[rows, column]
            expected = execute(programme, leaves, ground_up, set(losses.row[rows].tolist()))
            found = dict.fromkeys(expected, 0.0)
            found |= dict(zip((paid.row[ours] + 1).tolist(), paid.loss[ours, column].tolist(), strict=True))
            scale = max(1.0, *expected.values())
            assert found == pytest.approx(expected, rel=2e-5, abs=2e-5 * scale), (event, column)


def event_of(block: LossBlock, event: int) -> slice:
    return slice(int(block.offsets[event]), int(block.offsets[event + 1]))


@pytest.mark.parametrize("net", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_straight_trees_give_the_bits_of_the_passes_that_serve_every_tree(seed: int, net: bool) -> None:
    made = RandomProgramme(seed, bounded=False)
    execution = build_execution(made.programme(2), made.leaves, compatible=False)
    given = made.losses()
    wide = np.tile(given.loss, (1, 20))  # several tiles of columns, the last one not full
    wide[0, SPECIAL] = np.nan
    losses = LossBlock(given.event_id, given.offsets, given.row, wide)
    most = np.diff(execution.tree_start) * (execution.tree_layers + 1) + len(execution.layers) * execution.tree_layers
    bent = execution._replace(straight=np.zeros_like(execution.straight), tree_rows=most.astype(np.int64))
    found, expected = (
        insured.remaining(losses) if net else insured.apply(losses) for insured in (Insured(execution), Insured(bent))
    )
    np.testing.assert_array_equal(found.loss.view(np.int32), expected.loss.view(np.int32))
    np.testing.assert_array_equal(found.row, expected.row)


def test_some_of_the_random_programmes_are_straight_and_some_are_not() -> None:
    made = [RandomProgramme(seed, bounded=bounded) for seed in range(12) for bounded in (False, True)]
    straight = [build_execution(one.programme(2), one.leaves).straight.all() for one in made]
    assert any(straight)
    assert not all(straight)
