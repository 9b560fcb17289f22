"""Programmes in words."""

import numpy as np
import pytest
from prepare.terms.small_portfolios import compiled

from oasis_kernel.model.terms import PROFILE_DTYPE
from oasis_kernel.prepare.profile_text import terms_in_words
from oasis_kernel.prepare.programme_text import node_terms, programme_text

LAYERS = [
    {"PolNumber": "P1", "LayerAttachment": 500_000, "LayerLimit": 5_000_000, "LayerParticipation": 0.3},
    {"PolNumber": "P2", "LayerAttachment": 5_500_000, "LayerParticipation": 1},
]


def test_a_programme_reads_level_by_level() -> None:
    locations = [{"ContentsTIV": 5.0, "LocDed1Building": 1_000.0, "LocDed6All": 0.05, "LocDedType6All": 1}, {}]
    terms, _ = compiled(locations, LAYERS)
    assert programme_text(terms.programme, terms.level_names, terms.output_map).splitlines() == [
        "Level 1: location coverage",
        "  buildings of location 1 of A: deductible 1,000",
        "  2 without terms",
        "Level 2: location all",
        "  location 1 of A: deductible 5 % of the loss",
        "  1 without terms",
        "Level 3: policy layer",
        "  layer 1 of A: 30 % of 5,000,000 excess of 500,000",
        "  layer 2 of A: everything excess of 5,500,000",
    ]


def test_a_long_level_is_counted() -> None:
    terms, _ = compiled([{"LocDed6All": 10.0}] * 5)
    lines = programme_text(terms.programme, terms.level_names, terms.output_map, most=2).splitlines()
    assert lines[1:4] == ["  location 1 of A: deductible 10", "  location 2 of A: deductible 10", "  ... and 3 more"]


def test_a_layer_reads_as_a_sentence() -> None:
    terms, _ = compiled([{}], LAYERS)
    found = list(node_terms(terms.programme, terms.level_names, terms.output_map))
    assert str(found[0]) == "policy layer 1 of A: 30 % of 5,000,000 excess of 500,000"


def test_nodes_that_regroup_items_say_so() -> None:
    terms, _ = compiled([{"ContentsTIV": 5.0, "LocDed6All": 1.0}], [{"PolDed1Building": 2, "PolDed3Contents": 3}])
    found = list(node_terms(terms.programme, terms.level_names, terms.output_map))
    assert [(node.level, node.items, node.restarts) for node in found] == [
        (1, (1, 2), False),
        (2, (1,), True),
        (2, (2,), True),
        (3, (1, 2), False),
    ]


@pytest.mark.parametrize(
    ("rule", "terms", "text"),
    [
        (100, {}, "no terms"),
        (200, {"share1": 0.5}, "50 % of the loss"),
        (14, {}, "excluded"),
        (16, {"deductible1": 1}, "excluded"),
        (1, {"deductible1": 10, "limit1": 100}, "deductible 10, limit 100"),
        (5, {"deductible1": 0.1, "limit1": 0.5}, "deductible 10 % of the loss, limit 50 % of the loss"),
        (39, {"deductible1": 10.5}, "franchise deductible 10.50"),
        (
            7,
            {"deductible2": 5, "deductible3": 9, "limit1": 100},
            "minimum deductible 5, maximum deductible 9, limit 100",
        ),
        (40, {"deductible1": 5, "limit1": 9}, "waiting period worth 5, limit 9"),
        (112, {"deductible1": 10, "share1": 0.25}, "deductible 10; 25 % of what is left"),
        (112, {"deductible1": 10, "share1": 1}, "deductible 10"),
        (34, {"share1": 1}, "the loss"),
        (2, {"limit1": 9, "share1": 1}, "the first 9"),
        (25, {"share1": 0.4, "share2": 0.5, "share3": 1}, "40 % of the loss; 50 % ceded, 100 % of it placed"),
        (
            32,
            {"trigger_start": 9, "payout_start": 1, "limit1": 5},
            "step 1: from a loss of 9 pays 100 % of the loss, limit 5",
        ),
    ],
)
def test_terms_in_words(rule: int, terms: dict, text: str) -> None:
    profile = np.zeros(1, PROFILE_DTYPE)
    profile["calcrule_id"] = rule
    for name, value in terms.items():
        profile[name] = value
    assert terms_in_words(profile) == text
