"""Settings are read as they are, or refused with the field, the value and the remedy."""

import json
from pathlib import Path

import pytest

from oasis_kernel.errors import InvalidInput, Severity
from oasis_kernel.model.engine import parse_options
from oasis_kernel.model.settings import AnalysisSettings, check_settings, parse_event_ranges, parse_settings

MINIMAL = {
    "version": "3",
    "model_supplier_id": "OasisLMF",
    "model_name_id": "PiWind",
    "number_of_samples": 10,
    "model_settings": {"event_set": "p", "event_occurrence_id": "lt"},
    "gul_output": True,
    "gul_summaries": [{"id": 1, "ord_output": {"elt_sample": True}}],
}


def parse(**changes) -> AnalysisSettings:
    return parse_settings(json.dumps(MINIMAL | changes), "settings.json")


def the_finding(**changes) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse(**changes)
    assert len(caught.value.findings) == 1
    return str(caught.value.findings[0])


def test_every_settings_file_of_piwind_is_read(piwind: Path):
    files = sorted((piwind / "settings").glob("*.json"))
    assert files
    for path in files:
        settings = parse_settings(path.read_text(), path.name)
        assert settings.summaries("gul")
        assert [finding for finding in check_settings(settings, path.name) if finding.severity == Severity.ERROR] == []


def test_an_unknown_key_is_refused_with_the_nearest_known_one():
    assert the_finding(number_of_sample=10) == (
        "settings.json: number_of_sample is not a known setting, got 10. Did you mean number_of_samples?"
    )


def test_an_unknown_table_flag_is_refused_where_it_stands():
    message = the_finding(gul_summaries=[{"id": 1, "ord_output": {"elt_sampel": True}}])
    assert message == (
        "settings.json: gul_summaries[0].ord_output.elt_sampel is not a known setting, got True. "
        "Did you mean elt_sample?"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"number_of_samples": -1}, "number_of_samples is not valid"),
        ({"gul_threshold": -5}, "gul_threshold is not valid"),
        ({"event_ranges": "5-1"}, "range 5-1 must go upwards"),
        ({"event_ranges": "five"}, 'must be ranges such as "1-4,8"'),
        ({"quantiles": [1.5]}, "quantiles[0] is not valid"),
        ({"return_periods": [0]}, "return_periods[0] is not valid"),
    ],
)
def test_values_that_cannot_be_are_refused(changes, words):
    assert words in the_finding(**changes)


def test_broken_json_names_its_line():
    with pytest.raises(InvalidInput, match=r"settings.json row 2: must be JSON"):
        parse_settings('{"version": "3",\n oops}', "settings.json")


def test_the_models_own_settings_are_kept_apart():
    settings = parse(model_settings={"event_set": 3, "flood_defence": "on"})
    assert settings.model_choice().event_set == "3"
    assert settings.model_settings.own == {"flood_defence": "on"}


def test_no_samples_is_refused_before_the_run_only_where_samples_are_needed():
    def findings(table: str) -> list[str]:
        summaries = [{"id": 1, "ord_output": {table: True}}]
        return [
            str(finding) for finding in check_settings(parse(number_of_samples=0, gul_summaries=summaries), "s.json")
        ]

    assert findings("elt_moment") == []
    assert findings("elt_sample") == [
        "s.json: number_of_samples must be at least 1 for elt_sample, got 0. "
        "Set number_of_samples to 10 or more, or ask for moments and averages only"
    ]


def test_settings_that_ask_for_nothing_are_findings():
    assert [finding.rule for finding in check_settings(parse(gul_output=False), "s.json")] == ["some output"]
    nothing = parse(gul_summaries=[{"id": 1, "ord_output": {}}])
    assert [finding.rule for finding in check_settings(nothing, "s.json")] == ["some table"]
    twice = parse(gul_summaries=MINIMAL["gul_summaries"] * 2)
    assert [finding.rule for finding in check_settings(twice, "s.json")] == ["unique id"]
    alone = parse(gul_summaries=[{"id": 1, "ord_output": {"alct_convergence": True}}])
    assert [finding.rule for finding in check_settings(alone, "s.json")] == ["alct needs alt"]


def test_event_ranges():
    assert parse_event_ranges("1-4, 8") == [(1, 4), (8, 8)]
    assert parse(event_ids=[9], event_ranges="1-3").selected_events() == {1, 2, 3, 9}


def test_engine_options_under_the_reference_names():
    options, notes = parse_options(
        {"ktools_alloc_rule_gul": 1, "gul_random_generator": 0, "ktools_num_processes": 4}, "oasislmf.json"
    )
    assert (options.allocation_rule_gul, options.random_generator) == (1, 0)
    assert [note.field for note in notes] == ["ktools_num_processes"]
    assert notes[0].severity == Severity.NOTE


def test_engine_options_refuse_what_they_do_not_know():
    with pytest.raises(
        InvalidInput, match=r"kernel_aloc_rule_gul is not a known option, got 1\. Did you mean kernel_alloc"
    ):
        parse_options({"kernel_aloc_rule_gul": 1}, "oasislmf.json")
    with pytest.raises(InvalidInput, match="kernel_alloc_rule_gul is not valid"):
        parse_options({"kernel_alloc_rule_gul": 7}, "oasislmf.json")
