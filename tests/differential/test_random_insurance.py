"""Random portfolios with random terms: our insured losses beside the reference's."""

from collections import Counter
from pathlib import Path

import pytest
from both_engines import Example, Reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from random_insurance import cyber_portfolios, property_portfolios, step_portfolios
from side_by_side import check, checked


@st.composite
def insured(draw: DrawFn) -> Example:
    """Mostly property; some step policies; some cyber."""
    kind = draw(st.sampled_from([property_portfolios] * 6 + [step_portfolios] * 3 + [cyber_portfolios]))
    perils = ("CC1",) if kind is cyber_portfolios else draw(st.sampled_from([("WW2",), ("WW2",), ("WTC",)]))
    return Example(
        files=draw(kind()),
        perils=perils,
        rule_il=draw(st.sampled_from([2, 2, 2, 3, 1])),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


@pytest.mark.differential
@pytest.mark.slow
@checked
@given(example=insured())
def test_random_portfolios_give_the_references_insured_losses(
    reference: Reference, tally: Counter[str], tmp_path_factory: pytest.TempPathFactory, example: Example
) -> None:
    check(reference, tally, Path(tmp_path_factory.mktemp("insured")) / "portfolio", example)
