"""Random reinsurance programmes over small portfolios: what is net and what is ceded, beside the reference's."""

from collections import Counter
from pathlib import Path

import pytest
from both_engines import Example, Reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from random_reinsurance import reinsured_portfolios
from side_by_side import check, checked


@st.composite
def reinsured(draw: DrawFn) -> Example:
    """A portfolio with contracts, and how recoveries are allocated."""
    return Example(
        files=draw(reinsured_portfolios()),
        perils=draw(st.sampled_from([("WW2",), ("WTC",)])),
        rule_ri=draw(st.sampled_from([3, 3, 3, 2, 1])),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


@pytest.mark.differential
@pytest.mark.slow
@checked
@given(example=reinsured())
def test_random_programmes_give_the_references_net_and_ceded_losses(
    reference: Reference, tally: Counter[str], tmp_path_factory: pytest.TempPathFactory, example: Example
) -> None:
    check(reference, tally, Path(tmp_path_factory.mktemp("reinsured")) / "portfolio", example)
