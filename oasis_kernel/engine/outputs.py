"""Which summary sets a run fills, and from which stream of losses."""

from dataclasses import dataclass

from oasis_kernel.model.losses import SummarySet
from oasis_kernel.model.settings import SummaryRequest


@dataclass(frozen=True)
class Output:
    """One summary set of one stream: what a part holds under ``name``, such as ``gul_S1`` or ``rl_IP1_S2``."""

    stream: str  # gul, il, ri, ri_IP1, rl_IP1
    request: SummaryRequest
    summary_set: SummarySet

    @property
    def name(self) -> str:
        """The output's name in parts and at the start of its files' names."""
        return f"{self.stream}_S{self.request.id}"

    @property
    def perspective(self) -> str:
        """gul, il, ri or rl."""
        return self.stream.partition("_")[0]

    @property
    def inuring_priority(self) -> int | None:
        """The inuring priority of an intermediate reinsurance result; None for a final one."""
        _, _, label = self.stream.partition("_IP")
        return int(label) if label else None
