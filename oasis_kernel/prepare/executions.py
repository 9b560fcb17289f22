"""The executions behind insured and reinsured losses: a portfolio's programmes with the engine's options."""

from collections.abc import Sequence

import numpy as np

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.kernels.programme_run_arrays import Execution
from oasis_kernel.model.engine import EngineOptions
from oasis_kernel.model.exposure import PreparedExposure
from oasis_kernel.model.terms import Contract, Leaves, Programme
from oasis_kernel.prepare.execution import build_execution


def insured_execution(programme: Programme, exposure: PreparedExposure, options: EngineOptions) -> Execution:
    """A portfolio's financial programme over its items, ready to run."""
    return build_execution(
        programme,
        Leaves(exposure.items.coverage_id, exposure.coverages.tiv),
        allocation_rule=options.allocation_rule_il,
        compatible=options.compatible,
    )


def reinsured_executions(
    passes: Sequence[Contract], outputs: int, options: EngineOptions
) -> list[tuple[int, Execution]]:
    """The passes of a reinsurance over so many outputs of the insurance, ready to run, with their inuring priorities.

    InvalidInput with allocation rule 0: what remains of a loss is then not known by item.
    """
    if passes and options.allocation_rule_ri == 0:
        message = "must be 1, 2 or 3: net losses are those of items"
        raise InvalidInput(Finding("options", message, field="kernel_alloc_rule_ri", value=0, rule="allocation_rule"))
    leaves = Leaves(np.ones(outputs, np.int32), np.zeros(1, np.float32))  # no reinsurance rule asks for insured values
    return [
        (
            contract.inuring_priority,
            build_execution(
                contract.programme,
                leaves,
                allocation_rule=options.allocation_rule_ri,
                compatible=options.compatible,
            ),
        )
        for contract in passes
    ]
