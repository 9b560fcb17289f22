"""Every difference from the reference has its tests: of our number and, where there is a switch, of the reference's."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "differences.md"
#: What the page says of a difference that has a switch, or nothing to test.
SWITCH = re.compile(r"`--compatible`:|Fixed:")
UNDECIDED = "nothing to decide"


class Proof(NamedTuple):
    """Tests, by node id below tests/."""

    ours: tuple[str, ...]
    reference: tuple[str, ...] = ()


def both(*tests: str) -> Proof:
    """Tests that hold both numbers."""
    return Proof(tests, tests)


INSURED, ACCOUNT = "steps/test_insured.py::test_", "steps/test_account_levels.py::test_"
CARRY, TERMS, FOUND = (
    "differences/test_carry_over.py::test_",
    "differences/test_terms.py::test_",
    "prepare/terms/test_terms_findings.py::test_",
)
TABLES, FILES, GROUND_UP = (
    "differences/test_tables.py::test_",
    "formats/test_ord_files.py::test_",
    "steps/test_ground_up.py::test_",
)
SAMPLING, REINSURANCE = "differences/test_sampling_differences.py::test_", "prepare/test_reinsurance.py::test_"
KEPT = "differential/test_kept_differences.py::test_"
PROOFS = {
    "Q1 · Ceded losses of several contracts": both(
        "steps/test_reinsured.py::test_contracts_of_a_priority_see_the_same_losses"
    ),
    "Q4 · Layers above a minimum or maximum deductible": both(
        f"{INSURED}layers_that_begin_above_a_shared_node_keep_what_was_deducted"
    ),
    "Q5 · Rules 21 and 38 without an insured value": both(
        f"{INSURED}rule_21_knows_the_insured_value", f"{INSURED}rule_38_knows_the_insured_value"
    ),
    "Q10 · Minimum deductible that counts its nominal part without taking it": Proof(
        (
            "kernels/test_calc_rules.py::test_a_minimum_met_from_over_the_limit_leaves_the_nominal_deductible_in_the_loss",
        )
    ),
    "Q11 · Step policies under a peril filter": Proof(
        (f"{TERMS}a_row_without_steps_applies_though_no_step_has_its_peril",)
    ),
    "Q13 · What the reference leaves out": Proof(
        (
            f"{REINSURANCE}broken_contracts_are_refused",
            f"{REINSURANCE}what_is_not_applied_is_noticed",
            f"{FOUND}account_terms_without_a_rule_are_refused",
            f"{TERMS}deductibles_of_a_year_and_residential_ones_are_refused",
        )
    ),
    "Q14 · Terms that vanish": Proof(
        (
            f"{FOUND}a_waiting_period_needs_a_period_of_indemnity",
            f"{FOUND}odd_terms_are_pointed_out",
            f"{TERMS}minimum_and_maximum_deductibles_are_amounts_whatever_the_type",
        )
    ),
    "Q18 · Layers below fewer layers, and items taken anew below layers": both(
        f"{INSURED}two_nodes_under_terms_across_layers", f"{INSURED}layers_above_a_restart"
    ),
    "Q19 · Items taken anew with allocation rules 0 and 1": both(f"{INSURED}restarts_without_allocation"),
    "Q20 · Limits that are used up": both(f"{CARRY}room_that_a_limit_has_used_up_is_used_up"),
    "Q21 · Items taken anew into layers keep their deductibles in one place": Proof(
        (f"{CARRY}items_that_restart_into_layers_keep_their_own_deductibles",)
    ),
    "Q22 · Account terms by coverage and for property damage": Proof(
        (
            f"{ACCOUNT}two_layers_by_hand",
            "prepare/terms/test_terms_levels.py::test_account_coverage_and_damage_levels_apply_across_layers",
        )
    ),
    "Q23 · Deductibles taken from what is over limits": both(
        f"{CARRY}what_is_deducted_from_what_is_over_limits_is_the_items_too"
    ),
    "Q24 · An account's terms where only some of its items have layers": Proof(
        (f"{KEPT}account_terms_count_once_where_only_some_items_have_layers",)
    ),
    "Q25 · Step policies after terms of another peril": Proof(
        (f"{KEPT}a_condition_of_another_peril_leaves_the_steps_alone",)
    ),
    "Q26 · Conditions under the default tag alone": Proof(
        (f"{KEPT}the_default_condition_covers_what_its_first_level_does_not",)
    ),
    "Q27 · A shared limit of the loss above a minimum and a maximum deductible": Proof(
        (f"{KEPT}a_shared_limit_of_the_loss_has_its_rule_with_both_bounds_and_no_deductible",)
    ),
    "Ground-up losses of a layered portfolio": Proof(
        ("questions/test_exposure.py::test_ground_up_counts_once_however_many_layers_insure_it",),
        ("questions/test_exposure.py::test_compatible_counts_ground_up_once_a_layer_as_the_reference_does",),
    ),
    "Q2 · Summary sets that are not in ascending order": Proof((f"{TABLES}a_summary_sets_file_holds_that_set",)),
    "Q3 · Minutes at the end of a month": Proof((f"{FILES}dates_are_right_on_every_day",)),
    "Q6 · Tail value at risk with weighted periods": Proof(
        (f"{TABLES}the_zero_tail_of_a_weighted_curve_is_the_summarys_own",)
    ),
    "Q7 · Average annual loss without deviation": Proof(
        (f"{TABLES}the_average_annual_loss_without_deviation_has_none",)
    ),
    "Q8 · Chance of loss after terms": Proof((f"{INSURED}moments_are_zero_and_not_a_number_is_no_loss",)),
    "Q9 · Affected risks shared by summaries": both(
        "kernels/test_summaries.py::test_a_risk_in_two_summaries_counts_in_both_unless_asked_for_the_reference_s_way"
    ),
    "Q12 · Convergence with 3, 7, 15 … samples": Proof((f"{FILES}convergence_of_three_samples_reads_three",)),
    "Q15, Q16 · The reference's environment": Proof(()),
    "Q17 · Per-sample-mean curves with weighted periods": Proof(
        (f"{FILES}per_sample_mean_with_weights_needs_no_psept",)
    ),
    "Group 0": both(f"{GROUND_UP}correlation_group_0_spoils_the_seeds_unless_fixed"),
    "Hazard and damage share their common factor": Proof((f"{SAMPLING}hazard_and_damage_share_their_common_factor",)),
    "Extrapolation above the last cumulative probability": both(
        f"{GROUND_UP}what_fixed_puts_right", "kernels/test_sampling.py::test_fixed_stops_at_the_end_of_the_last_bin"
    ),
    "Chance of loss without a distribution": both(f"{GROUND_UP}what_fixed_puts_right"),
    "Exposure under allocation rules": both(
        f"{GROUND_UP}what_fixed_puts_right", "kernels/test_allocation.py::test_fixed_leaves_the_exposure"
    ),
    "Amplification of exposure and chance": Proof(
        ("kernels/test_amplification.py::test_fixed_leaves_exposure_and_chance",),
        ("kernels/test_amplification.py::test_every_column_is_multiplied_and_not_a_number_becomes_0",),
    ),
    "Perils without correlation settings": Proof(
        ("prepare/test_items.py::test_a_peril_without_correlation_settings_is_kept_when_quirks_are_fixed",),
        ("prepare/test_items.py::test_a_peril_without_correlation_settings_is_dropped_with_a_warning",),
    ),
    "Peril filter and vulnerability adjustments": Proof(
        (
            "prepare/test_peril_filter.py::test_keys_of_the_named_perils_are_kept",
            f"{SAMPLING}vulnerability_adjustments_of_the_settings_reach_the_samples",
        )
    ),
    "Inputs that overrun memory in the reference": Proof(
        (
            "formats/model_data/test_model_data_refusals.py"
            "::test_impossible_rows_are_refused_when_read_and_when_checked",
            f"{GROUND_UP}footprints_that_cannot_be",
        )
    ),
    "Order of keys under several processes": Proof(
        (
            "model_plugins/test_piwind_keys.py::test_keys_and_order_of_the_reference",
            f"{GROUND_UP}an_item_loses_the_same_alone_and_among_many",
        )
    ),
    "Amounts that are not insured values": Proof(
        ("prepare/test_currency.py::test_flat_terms_are_converted_and_shares_are_not",)
    ),
}


def differences() -> dict[str, str]:
    """What the page says, by heading."""
    parts = re.split(r"^#{2,3} ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    said = dict(part.partition("\n")[::2] for part in parts)
    return {heading: text for heading, text in said.items() if f"### {heading}\n" in PAGE.read_text(encoding="utf-8")}


def test_every_difference_has_an_entry_and_every_entry_a_difference() -> None:
    assert set(differences()) == set(PROOFS)


@pytest.mark.parametrize("heading", PROOFS)
def test_both_numbers_have_a_test_that_exists(heading: str) -> None:
    proof, text = PROOFS[heading], differences()[heading]
    assert bool(proof.ours) != (UNDECIDED in text), "a difference needs a test"
    assert bool(proof.reference) == bool(SWITCH.search(text)), (
        "the reference's number needs a test where one can get it"
    )
    for test in {*proof.ours, *proof.reference}:
        path, _, name = test.partition("::")
        tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, test
