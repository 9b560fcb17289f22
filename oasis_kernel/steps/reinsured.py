"""Insured losses in, losses net of reinsurance out, priority by priority."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from oasis_kernel.kernels.programme_run_arrays import Execution
from oasis_kernel.model.losses import CHANCE, DEVIATION, LossBlock
from oasis_kernel.model.terms import Contract
from oasis_kernel.steps.insured import Insured


@dataclass(frozen=True)
class PriorityLosses:
    """What one inuring priority leaves, and what it takes; rows are outputs of the insurance (output id - 1)."""

    inuring_priority: int
    net: LossBlock
    take: Callable[[], LossBlock]

    @cached_property
    def ceded(self) -> LossBlock:
        """What the priority takes: worked out when asked for, because few analyses ask."""
        return self.take()


class Reinsured:
    """The passes of a reinsurance programme, ready to be applied to blocks of insured losses. Safe for threads.

    compatible  Ceded losses as the reference writes them: what the last layer of the priority's last pass pays, which
                is all that is ceded only if there is one contract. Otherwise all that the priority takes.
    """

    def __init__(self, passes: Sequence[tuple[int, Execution]], *, compatible: bool = False):
        """``passes`` in order, each with its inuring priority."""
        self.passes = [(priority, Insured(execution)) for priority, execution in passes]
        self.compatible = compatible

    def apply(self, block: LossBlock) -> list[PriorityLosses]:
        """The losses after each inuring priority, in order; the last ``net`` is net of all reinsurance.

        Maximum, exposure, mean and samples run through; deviation and chance are 0.
        """
        found: list[PriorityLosses] = []
        before = _without_moments(block)
        given = before
        for number, (priority, insured) in enumerate(self.passes):
            net = insured.remaining(given)
            if self._is_last_of_priority(number):
                take = partial(insured.apply, given) if self.compatible else partial(_difference, before, net)
                found.append(PriorityLosses(priority, net, take))
                before = net
            given = net
        return found

    def recoveries(self, block: LossBlock, contracts: Sequence[Contract]) -> Mapping[int, LossBlock]:
        """What each contract pays, by the contract's row of the reinsurance info (0-based); ``contracts`` by pass.

        Rows are those insurance outputs that the contract covers. The net losses are never less than 0, so that
        contracts of one priority together may pay more than there was.
        """
        found: dict[int, LossBlock] = {}
        given = _without_moments(block)
        for contract, (_, insured) in zip(contracts, self.passes, strict=True):
            layers = _every_layer(insured.execution, contract.contract_of.shape[1])
            paid = Insured(layers).apply(given).loss.reshape(len(given.row), -1, block.loss.shape[1])
            of_row = contract.contract_of[given.row]
            for number in contract.reinsurance_number:
                found[number] = _of_contract(given, paid, of_row == number)
            given = insured.remaining(given)
        return found

    def _is_last_of_priority(self, number: int) -> bool:
        return number + 1 == len(self.passes) or self.passes[number + 1][0] != self.passes[number][0]


def _without_moments(block: LossBlock) -> LossBlock:
    """The block with the columns that do not run through terms set to 0; the block itself when they are."""
    moments = block.loss[:, [DEVIATION, CHANCE]]
    if not moments.any():
        return block
    loss = block.loss.copy()
    loss[:, [DEVIATION, CHANCE]] = 0
    return LossBlock(block.event_id, block.offsets, block.row, loss)


def _difference(before: LossBlock, after: LossBlock) -> LossBlock:
    return LossBlock(before.event_id, before.offsets, before.row, before.loss - after.loss)


def _every_layer(execution: Execution, layers: int) -> Execution:
    """The execution with an output for each layer of each leaf, numbered as the leaf."""
    leaves = len(execution.place)
    return execution._replace(
        output_start=np.arange(0, (leaves + 1) * layers, layers, dtype=np.int32),
        output_layer=np.tile(np.arange(layers, dtype=np.int32), leaves),
        output_number=np.repeat(np.arange(leaves, dtype=np.int32), layers),
    )


def _of_contract(block: LossBlock, paid: np.ndarray, covers: np.ndarray) -> LossBlock:
    """What the layers that ``covers`` [row, layer] selects pay, on the rows they cover."""
    covered = covers.any(axis=1)
    loss = np.where(covers[covered][:, :, None], paid[covered], 0).sum(axis=1, dtype="f4")
    offsets = np.concatenate([[0], np.cumsum(covered)])[block.offsets]
    return LossBlock(block.event_id, offsets, block.row[covered], loss)
