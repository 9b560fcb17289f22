"""Account terms by coverage and for property damage, over several layers: by hand, and beside the naive execution."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from parity.fm_cases import ground_up, leaves
from prepare.terms.naive_execution import execute
from prepare.terms.small_portfolios import compiled

from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.prepare.execution import build_execution
from oasis_kernel.steps.insured import Insured

LOCATIONS = [{"ContentsTIV": 60_000.0}, {"BuildingTIV": 200_000.0, "BITIV": 36_500.0}, {"OtherTIV": 25_000.0}]
LAYERS = [
    {"LayerNumber": 1, "LayerLimit": 90_000, "LayerParticipation": 0.6},
    {"LayerNumber": 2, "LayerAttachment": 90_000, "LayerLimit": 250_000},
]
TERMS = {
    "coverage deductible": {"AccDed1Building": 10_000},
    "coverage limit": {"AccLimit1Building": 60_000, "AccLimit3Contents": 5_000},
    "damage deductible": {"AccDed5PD": 20_000},
    "damage limit": {"AccLimit5PD": 100_000},
    "every level": {"AccDed1Building": 10_000, "AccLimit5PD": 100_000, "AccDed6All": 1_000},
}


#: One location loses 100,000 of building, 50,000 of contents and 50,000 of business interruption. The first layer pays
#: half of 120,000, the second the 80,000 above: 60,000 : 80,000, of which buildings are one half.
BY_HAND = [{"BuildingTIV": 100_000.0, "ContentsTIV": 50_000.0, "BITIV": 50_000.0}]
HALVED = [
    {"LayerNumber": 1, "LayerLimit": 120_000, "LayerParticipation": 0.5},
    {"LayerNumber": 2, "LayerAttachment": 120_000},
]


def paid(
    locations: Sequence[dict], accounts: Sequence[dict], factor: float = 1.0, rule: int = 2, compatible: bool = False
) -> tuple[dict[int, float], dict[int, float], pa.Table]:
    """What kernels and the naive execution pay, by output, and the outputs."""
    made, items = compiled(locations, accounts)
    execution = build_execution(made.programme, leaves(items), allocation_rule=rule, compatible=compatible)
    losses = ground_up(items, factor)
    columns = np.repeat(losses[:, None], SPECIAL + 3, axis=1).astype(np.float32)
    rows = np.arange(len(losses), dtype=np.int32)
    found = Insured(execution).apply(LossBlock(np.array([1], np.int32), np.array([0, len(losses)]), rows, columns))
    ours = dict(zip((found.row + 1).tolist(), found.loss[:, -1].tolist(), strict=True))
    return ours, execute(made.programme, leaves(items), losses), made.output_map


@pytest.mark.parametrize("compatible", [False, True])
@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        # buildings: 30,000 + 40,000 less 10,000, that is 6 / 7 of each layer; the rest 15,000 and 20,000 twice
        ({"AccDed1Building": 10_000}, {1: [25_714.29, 15_000, 15_000], 2: [34_285.71, 20_000, 20_000]}),
        # damage: 105,000 limited to 70,000, that is 2 / 3; business interruption as it is
        ({"AccLimit5PD": 70_000}, {1: [20_000, 10_000, 15_000], 2: [26_666.67, 13_333.33, 20_000]}),
        # damage 60,000 + 35,000 limited to 80,000; with 35,000 of interruption 115,000, less 1,000
        (
            {"AccDed1Building": 10_000, "AccLimit5PD": 80_000, "AccDed6All": 1_000},
            {1: [21_465.84, 12_521.74, 14_869.57], 2: [28_621.12, 16_695.65, 19_826.09]},
        ),
    ],
)
def test_two_layers_by_hand(terms: dict[str, float], expected: dict[int, list[float]], compatible: bool) -> None:
    ours, _, outputs = paid(BY_HAND, [{**layer, **terms} for layer in HALVED], compatible=compatible)
    layer_of = dict(zip(outputs["output_id"].to_pylist(), outputs["layer_id"].to_pylist(), strict=True))
    by_layer = {layer: [ours[output] for output in sorted(ours) if layer_of[output] == layer] for layer in (1, 2)}
    assert by_layer == {layer: pytest.approx(losses, abs=0.02) for layer, losses in expected.items()}


@pytest.mark.parametrize("compatible", [False, True])
@pytest.mark.parametrize("rule", [1, 2, 3])
def test_account_levels_take_the_same_whatever_the_allocation(rule: int, compatible: bool) -> None:
    terms = {"AccDed1Building": 10_000, "AccLimit5PD": 80_000, "AccDed6All": 1_000}
    ours, *_ = paid(BY_HAND, [{**layer, **terms} for layer in HALVED], rule=rule, compatible=compatible)
    assert sum(ours.values()) == pytest.approx(114_000, abs=0.05)


@pytest.mark.parametrize("compatible", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("terms", TERMS)
def test_kernels_pay_what_the_naive_execution_pays(terms: str, layers: int, compatible: bool) -> None:
    accounts = [{**layer, **TERMS[terms]} for layer in LAYERS[:layers]]
    for factor in (1.0, 0.37):
        ours, expected, _ = paid(LOCATIONS, accounts, factor, compatible=compatible)
        assert ours == pytest.approx({output: expected[output] for output in ours}, rel=1e-5, abs=0.02)
        assert sum(ours.values()) == pytest.approx(sum(expected.values()), rel=1e-5)
