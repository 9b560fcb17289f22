"""Conditions: tags, nesting, exclusions."""

import pytest
from prepare.terms.small_portfolios import compiled, paid, total

from oasis_kernel.errors import InvalidInput

A = {"CondTag": "A", "CondNumber": "1"}
B = {"CondTag": "B", "CondNumber": "2"}


def test_a_condition_applies_to_the_locations_that_name_it() -> None:
    assert paid([{"CondTag": "A"}, {}], [{**A, "CondLimit6All": 30_000}]) == {
        ("1", 1, "WTC", 1): 30_000,
        ("2", 1, "WTC", 1): 100_000,
    }


def test_inner_conditions_come_first() -> None:
    nested = [{"LocNumber": "1", "CondTag": tag} for tag in ("A", "B")]
    inner, outer = {**A, "CondLimit6All": 50_000}, {**B, "CondDed6All": 10_000}
    assert total(nested, [{**inner, "CondPriority": 1}, {**outer, "CondPriority": 2}]) == 40_000
    assert total(nested, [{**inner, "CondPriority": 2}, {**outer, "CondPriority": 1}]) == 50_000


def test_stages_are_as_deep_as_the_longest_chain() -> None:
    nested = [{"LocNumber": "1", "CondTag": tag} for tag in ("A", "B")] + [{"LocNumber": "2", "CondTag": "B"}]
    accounts = [
        {**A, "CondDed6All": 1_000, "CondPriority": 1},
        {**B, "CondDed6All": 1_000, "CondPriority": 2},
    ]
    terms, _ = compiled(nested, accounts)
    assert terms.level_names == ("condition all", "condition all", "policy layer")
    assert total(nested, accounts) == 198_000


def test_what_is_outside_an_exclusions_conditions_is_not_covered() -> None:
    accounts = [{**A, "CondClass": 1, "CondLimit6All": 50_000}]
    assert paid([{"CondTag": "A"}, {}], accounts) == {("1", 1, "WTC", 1): 50_000, ("2", 1, "WTC", 1): 0}


def test_a_layer_without_the_condition_pays_in_full() -> None:
    accounts = [
        {**A, "PolNumber": "P1", "CondLimit6All": 50_000},
        {"CondTag": "0", "CondNumber": "", "PolNumber": "P2"},
    ]
    found = paid([{"CondTag": "A"}], accounts)
    assert found == {("1", 1, "WTC", 1): 50_000, ("1", 1, "WTC", 2): 100_000}


def test_the_account_record_of_an_output_is_that_of_its_condition() -> None:
    accounts = [{**A, "CondDed6All": 1}, {**B, "CondDed6All": 2}]
    terms, _ = compiled([{"CondTag": "A"}, {"CondTag": "B"}], accounts)
    assert terms.output_map["acc_idx"].to_pylist() == [0, 1]


@pytest.mark.parametrize(
    ("tags", "accounts", "place"),
    [
        (["A", "B"], [A], ("location.csv", 3, "CondTag", "B")),
        (["A"], [{"CondTag": "A"}], ("account.csv", 2, "CondTag", "A")),
    ],
)
def test_a_tag_needs_its_condition_and_its_number(tags: list[str], accounts: list[dict], place: tuple) -> None:
    with pytest.raises(InvalidInput) as refused:
        compiled([{"CondTag": tag} for tag in tags], accounts)
    found = refused.value.findings[0]
    assert (found.file, found.row, found.field, found.value) == place


def test_two_conditions_of_one_priority_are_refused() -> None:
    with pytest.raises(InvalidInput, match="must not have the CondPriority of the location's condition 'A', got 'B'"):
        compiled([{"LocNumber": "1", "CondTag": tag} for tag in ("A", "B")], [A, B])
