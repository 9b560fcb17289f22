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
