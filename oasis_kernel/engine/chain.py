"""The perspectives of a loss: ground-up, insured, reinsured, one after the other on the same block."""

from collections.abc import Callable
from dataclasses import dataclass

from oasis_kernel.model.losses import LossBlock

#: Names of the loss streams an output can summarise: ``gul``, ``il``, ``ri``, and ``ri_IP1`` or ``rl_IP1`` ...
Streams = dict[str, LossBlock]
Step = Callable[[Streams], Streams]


@dataclass(frozen=True)
class Chain:
    """What happens to ground-up losses: each step adds the streams it makes from those before it."""

    steps: tuple[Step, ...] = ()
    blocks: float = 1.0  # rows of all streams in memory at once, for each row of ground-up losses

    def streams(self, ground_up: LossBlock) -> Streams:
        """Every stream of a block."""
        found = {"gul": ground_up}
        for step in self.steps:
            found.update(step(found))
        return found
