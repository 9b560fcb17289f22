"""The published validation cases of the financial module and reinsurance, from OED to losses by location."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fm_cases import (
    FinancialCase,
    expected_losses,
    financial_cases,
    ground_up,
    item_map,
    leaves,
    location_losses,
    read_case,
)
from fm_files import leaves_without_value

from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.prepare.execution import build_execution
from oasis_kernel.prepare.reinsurance import compile_reinsurance
from oasis_kernel.prepare.terms import compile_programme
from oasis_kernel.steps.insured import Insured
from oasis_kernel.steps.reinsured import Reinsured

#: The files sum item losses of two decimals. They come from runs of whole suites, whose float32 rounding differs from
#: that of the units alone by up to 3.2e-6; the reference run on a unit alone agrees with ours to 2e-7.
RELATIVE, ABSOLUTE = 1e-5, 0.03

#: Cases that the reference has published numbers for, by suite.
COUNTS = {
    "cyber": 2,
    "insurance_account": 62,
    "insurance_and_step": 370,
    "insurance_bi": 2,
    "insurance_conditions": 28,
    "insurance_policy_coverage": 30,
    "issue_1816": 1,
    "issues": 4,
    "reinsurance1": 70,
    "reinsurance2": 18,
    "reinsurance4": 1,
}


@pytest.mark.parity
@pytest.mark.slow
def test_every_case_gives_the_published_losses(shared: Path) -> None:
    """With the reference's defects as they are, and with them put right: no published case shows any."""
    passed, wrong = Counter(), []
    for case in financial_cases(shared):
        published = [expected_losses(case, index) for index in range(len(case.loss_factors))]
        if published[0].empty:
            continue
        differences = []
        for found in losses_of(case):
            differences += [
                text for ours, theirs in zip(found, published, strict=True) for text in compare(ours, theirs)
            ]
        passed[case.suite] += not differences
        wrong += [f"{case.name}: {text}" for text in differences[:1]]
    assert not wrong, f"{len(wrong)} of {sum(COUNTS.values())} cases differ\n" + "\n".join(wrong[:60])
    assert dict(passed) == COUNTS


def losses_of(case: FinancialCase) -> Iterator[list[pd.DataFrame]]:
    """Our losses by location, one table for each loss factor: as the reference's, then with its defects put right."""
    portfolio = read_case(case)
    items = item_map(portfolio, case.perils)
    terms = compile_programme(portfolio, items)
    outputs = terms.output_map.to_pandas().set_index("output_id", drop=False).sort_index()
    by_layer = (case.expected_folder / "loc_summary.csv").exists()  # which adds ground-up losses layer by layer
    ground_up_rows = np.ones(len(outputs), bool) if by_layer else ~outputs["agg_id"].duplicated()
    block = block_of(items, case.loss_factors)
    for compatible in (True, False):
        insured = Insured(build_execution(terms.programme, leaves(items), compatible=compatible))
        layers = {"loss_il": insured.apply(block)}
        if portfolio.reinsurance_info is not None:
            layers["loss_ri"] = net_of_reinsurance(portfolio, terms.output_map, layers["loss_il"], compatible)
        rows = outputs.assign(counts=ground_up_rows)
        yield [by_location(rows, block, layers, index) for index in range(len(case.loss_factors))]


def block_of(items: object, factors: tuple[float, ...]) -> LossBlock:
    """One event that hits every item; sample k takes factor k."""
    loss = np.zeros((items.num_rows, SPECIAL + len(factors)), "f4")
    for index, factor in enumerate(factors):
        loss[:, SPECIAL + index] = ground_up(items, factor)
    rows = np.arange(items.num_rows, dtype="i4")
    return LossBlock(np.ones(1, "i4"), np.array([0, len(rows)]), rows, loss)


def net_of_reinsurance(portfolio: Portfolio, outputs: object, insured: LossBlock, compatible: bool) -> LossBlock:
    """What remains of insured losses after all reinsurance."""
    leaves_of_pass = leaves_without_value(outputs.num_rows)
    passes = compile_reinsurance(portfolio, outputs).passes
    executions = [
        (
            item.inuring_priority,
            build_execution(item.programme, leaves_of_pass, allocation_rule=3, compatible=compatible),
        )
        for item in passes
    ]
    return Reinsured(executions, compatible=compatible).apply(insured)[-1].net


def by_location(outputs: pd.DataFrame, ground_up: LossBlock, layers: dict[str, LossBlock], index: int) -> pd.DataFrame:
    """Losses of one sample, summed by location."""
    losses = outputs.copy()
    losses["loss_gul"] = ground_up.loss[losses["agg_id"] - 1, SPECIAL + index] * losses["counts"]
    for name, block in layers.items():
        losses[name] = pd.Series(block.loss[:, SPECIAL + index].astype("f8"), index=block.row + 1)
    return location_losses(losses)


def compare(ours: pd.DataFrame, theirs: pd.DataFrame) -> list[str]:
    """One sentence for each loss that differs."""
    both = ours.join(theirs.add_suffix("_published"), how="outer").fillna(0.0)
    differences = []
    for name in theirs.columns:
        got, want = both[name], both[f"{name}_published"]
        apart = (got - want).abs() > ABSOLUTE + RELATIVE * want.abs()
        differences += [f"{name} of {key} is {got[key]}, published {want[key]}" for key in both.index[apart]]
    return differences
