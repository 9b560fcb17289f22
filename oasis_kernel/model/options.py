"""What an analysis may choose about the ground-up calculation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from oasis_kernel.errors import Finding, InvalidInput


@dataclass(frozen=True)
class GroundUpOptions:
    """How ground-up losses are sampled. The defaults are the reference's.

    ``quirks`` decides about behaviour of the reference that its documentation does not promise. What ``fixed`` does:

    - Peril correlation group 0. Compatible: one item in it, and every group of every event draws its common factor
      from seed 0. Fixed: group 0 means no correlation, the others draw their own.
    - A uniform number above the last entry of its damage table (the probabilities add up to less than 1, or an
      adjustment lifts the number). Compatible: the last bin is extrapolated beyond its end. Fixed: the bin's end.
    - A damage distribution without any probability. Compatible: chance of loss 1. Fixed: 0.
    - The exposure (special sample -3): compatible, allocation rules apply to it, so that rule 2 divides it by the
      number of touched items twice. Fixed: the value divided by the touched items, under every rule.
    - Post-loss amplification: compatible, multiplies the exposure and the chance of loss. Fixed: leaves them.

    One quirk is not offered, because it depends on the size of the reference's cache: items of different perils at
    one area peril may there share a damage distribution under a dynamic footprint. Here each peril has its own.
    """

    samples: int
    random_generator: Literal[0, 1, 2] = 2  # Mersenne Twister; Latin hypercube on it; Latin hypercube on Philox
    effective_damageability: bool = False  # one draw from the distribution over all hazard
    allocation_rule: Literal[0, 1, 2, 3] = 0  # see kernels.allocation
    threshold: float = 0.0  # samples below it (in single precision) become 0
    copula_mode: Literal["interp", "trunc"] = "interp"  # table lookup of release 2.5.8, or of 2.5.5
    damage_correlation: bool = True
    hazard_correlation: bool = True
    quirks: Literal["compatible", "fixed"] = "compatible"
    amplification: bool = False  # multiply losses by the event's post-loss factors
    secondary_factor: float = 1.0  # how much of a post-loss factor's departure from 1 is taken
    uniform_factor: float = 0.0  # above 0: the post-loss factor of everything
    vulnerability_adjustments: Mapping[int, float] = field(default_factory=dict)  # id -> factor of damage uniforms
    #: (source, dependent) coverage types whose links (``Items.source_item_id``) are followed; None: every link
    coverage_dependency: frozenset[tuple[int, int]] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be, with a finding for each thing wrong."""
        rules = (
            ("samples", self.samples >= 0, "must be 0 or more"),
            ("random_generator", self.random_generator in (0, 1, 2), "must be 0, 1 or 2"),
            ("allocation_rule", self.allocation_rule in (0, 1, 2, 3), "must be 0, 1, 2 or 3"),
            ("copula_mode", self.copula_mode in ("interp", "trunc"), "must be interp or trunc"),
            ("quirks", self.quirks in ("compatible", "fixed"), "must be compatible or fixed"),
            ("secondary_factor", self.secondary_factor >= 0, "must not be negative"),
            ("uniform_factor", self.uniform_factor >= 0, "must not be negative"),
        )
        findings = [
            Finding("ground-up options", rule, field=name, value=getattr(self, name), rule="valid option")
            for name, holds, rule in rules
            if not holds
        ]
        if findings:
            raise InvalidInput(findings)
