"""Settings and options that cannot be used, each wrong in one place, and the one sentence that says so."""

from standard_folder import AnalysisFolder, Fault

SETTINGS = "analysis_settings.json"


def setting(*route: str, value):
    return lambda analysis: analysis.set(SETTINGS, *route, value=value)


def given(*arguments: str):
    """More arguments on the command line."""
    return lambda analysis: analysis.arguments.extend(arguments)


def model_by_name(analysis: AnalysisFolder) -> None:
    analysis.arguments = ["--model", "toy-winds", "--location", str(analysis.path / "location.csv")]


def insured_without_account(analysis: AnalysisFolder) -> None:
    analysis.set(SETTINGS, "il_output", value=True)
    analysis.set(SETTINGS, "il_summaries", value=[{"id": 1, "ord_output": {"elt_moment": True}}])


def summary(**entries):
    return lambda a: a.set(SETTINGS, "gul_summaries", value=[{"id": 1, "ord_output": {"elt_sample": True}, **entries}])


SETTINGS_FAULTS = {
    "not JSON": Fault(
        lambda a: a.edit(SETTINGS, lambda t: t.replace("true", "yes", 1)),
        "analysis_settings.json row 3: must be JSON: Expecting value. Check the commas, quotes and brackets there",
    ),
    "a list": Fault(
        lambda a: (a.path / SETTINGS).write_text("[]"),
        "analysis_settings.json: must be a JSON object, got 'list'. Write the settings between { and }",
    ),
    "not UTF-8": Fault(
        lambda a: (a.path / SETTINGS).write_bytes('{"analysis_tag": "Zürich"}'.encode("latin-1")),
        "analysis_settings.json: must be UTF-8 text. Save the file as UTF-8",
    ),
    "missing": Fault(
        lambda a: (a.path / SETTINGS).unlink(),
        "analysis_settings.json: cannot be read: No such file or directory, got "
        "'{folder}/analysis_settings.json'. Check the path",
    ),
    "a folder": Fault(
        lambda a: a.set("oasislmf.json", "analysis_settings_json", value="keys_data"),
        "keys_data: cannot be read: Is a directory, got '{folder}/keys_data'. Check the path",
    ),
    "unknown key": Fault(
        setting("number_of_sample", value=5),
        "analysis_settings.json: number_of_sample is not a known setting, got 5. Did you mean number_of_samples?",
    ),
    "unknown key of a summary": Fault(
        summary(oed_field="LocNumber"),
        "analysis_settings.json: gul_summaries[0].oed_field is not a known setting, got 'LocNumber'. Did you "
        "mean oed_fields?",
    ),
    "text for a number": Fault(
        setting("number_of_samples", value="many"),
        "analysis_settings.json: number_of_samples is not valid: input should be a valid integer, unable to "
        "parse string as an integer, got 'many'. See the settings' documentation",
    ),
    "no samples for sample tables": Fault(
        setting("number_of_samples", value=0),
        "analysis_settings.json: number_of_samples must be at least 1 for elt_sample, "
        "ept_full_uncertainty_oep, got 0. Set number_of_samples to 10 or more, or ask for moments and "
        "averages only",
    ),
    "no samples on the command line": Fault(
        given("--samples", "0"),
        "analysis_settings.json: number_of_samples must be at least 1 for elt_sample, "
        "ept_full_uncertainty_oep, got 0. Set number_of_samples to 10 or more, or ask for moments and "
        "averages only",
    ),
    "no number of samples anywhere": Fault(
        lambda a: a.set("model_settings.json", "model_default_samples", value=None),
        "analysis_settings.json: number_of_samples must be given: model small has no default of its own. Set "
        "number_of_samples, or give --samples",
    ),
    "no output": Fault(
        setting("gul_output", value=False),
        "analysis_settings.json: gul_output asks for no output. Set gul_output to true and give gul_summaries"
        " with an ord_output table",
    ),
    "insured losses without an account file": Fault(
        insured_without_account,
        "analysis_settings.json: il_output needs an account file, got True. Give --account FILE, or set "
        "il_output to false",
    ),
    "return period below 1": Fault(
        setting("return_periods", value=[100, 0]),
        "analysis_settings.json: return_periods[1] is not valid: input should be greater than 0, got 0. See "
        "the settings' documentation",
    ),
    "quantile above 1": Fault(
        setting("quantiles", value=[0.5, 1.5]),
        "analysis_settings.json: quantiles[1] is not valid: input should be less than or equal to 1, got 1.5."
        " See the settings' documentation",
    ),
    "confidence above 1": Fault(
        summary(ord_output={"elt_sample": True, "alct_confidence": 2}),
        "analysis_settings.json: gul_summaries[0].ord_output.alct_confidence is not valid: input should be "
        "less than 1, got 2. See the settings' documentation",
    ),
    "summary twice": Fault(
        setting("gul_summaries", value=[{"id": 1, "ord_output": {"elt_sample": True}}] * 2),
        "analysis_settings.json: gul_summaries[1].id must be unique, got 1. Give each summary level its own id",
    ),
    "event not in the set": Fault(
        setting("event_ids", value=[2, 99]),
        "analysis_settings.json: event_ids must be in the model's event set, got 99. Choose from the model's "
        "events, or choose another event_set",
    ),
    "event range downwards": Fault(
        setting("event_ranges", value="5-2"),
        "analysis_settings.json: event_ranges is not valid: range 5-2 must go upwards, got '5-2'. See the "
        "settings' documentation",
    ),
    "occurrence set unknown": Fault(
        setting("model_settings", "event_occurrence_id", value="long"),
        "occurrence_long.bin: is missing: the occurrence file was looked for as occurrence_long.bin, "
        "occurrence_long.csv in {folder}/model_data. Found occurrence.bin; choose another event_occurrence_id"
        " in model_settings, or add the file",
    ),
    "event set unknown": Fault(
        setting("model_settings", "event_set", value="h"),
        "events_h.bin: is missing: the event set was looked for as events_h.bin, events_h.csv in "
        "{folder}/model_data. Found events.bin; choose another event_set in model_settings, or add the file",
    ),
    "footprint set unknown": Fault(
        setting("model_settings", "footprint_set", value="h"),
        "footprint_h.csv: is missing: the footprint of footprint_set 'h' was looked for as footprint_h.csv, "
        "footprint_h.bin with footprint_h.idx, footprint_h.bin.z with footprint_h.idx.z, footprint_h.parquet "
        "with footprint_parquet_meta_h.json, footprint_chunk_h with footprint_lookup_h.parquet with "
        "footprint_parquet_meta_h.json, event_definition_h.parquet with hazard_case_h.parquet with "
        "footprint_parquet_meta_h.json in {folder}/model_data. Found footprint.bin, footprint.idx; add the "
        "file, or choose another variant",
    ),
    "summary field unknown": Fault(
        summary(oed_fields=["LocNumbr"]),
        "analysis_settings.json: gul_summaries id 1 oed_fields must name columns of the location or account file, "
        "got 'LocNumbr'. Did you mean LocNumber?",
    ),
    "peril filter of no peril": Fault(
        setting("peril_filter", value=["WTC", "WTX"]),
        "analysis_settings.json: peril_filter must name OED peril codes, got 'WTX'. Did you mean WTC?",
    ),
    "peril filter that leaves nothing": Fault(
        setting("peril_filter", value=["QEQ", "WSS"]),
        "analysis_settings.json: peril_filter leaves no keys, got 'QEQ, WSS'. The keys have WTC",
    ),
    "engine option unknown": Fault(
        given("--option", "kernel_alloc_rule_gull=1"),
        "command line: kernel_alloc_rule_gull is not a known option, got 1. Did you mean kernel_alloc_rule_gul?",
    ),
    "engine option without a value": Fault(
        given("--option", "kernel_alloc_rule_gul"),
        "command line: --option has no value, got 'kernel_alloc_rule_gul'. Write NAME=VALUE, for example "
        "kernel_alloc_rule_gul=1",
    ),
    "allocation rule 7": Fault(
        given("--option", "kernel_alloc_rule_gul=7"),
        "command line: kernel_alloc_rule_gul is not valid: input should be 0, 1, 2 or 3, got 7. See the "
        "engine options' documentation",
    ),
    "engine option in the settings": Fault(
        setting("computation_settings", value={"gul_random_generator": 9}),
        "analysis_settings.json: gul_random_generator is not valid: input should be 0, 1 or 2, got 9. See the"
        " engine options' documentation",
    ),
    "reporting currency without rates": Fault(
        given("--reporting-currency", "USD"),
        "location.csv row 2: LocCurrency needs a rate of exchange to the reporting currency, got 'GBP'. Give "
        "a table of rates.",
    ),
    "configuration that is not there": Fault(
        given("--mdk", "nowhere.json"),
        "nowhere.json: cannot be read: No such file or directory, got 'nowhere.json'. Check the path",
    ),
    "configuration of no plugin": Fault(
        given("--mdk", "model.toml"),
        "model.toml: is not a configuration that any plugin knows. Give the reference toolkit's JSON file",
    ),
    "model not installed": Fault(
        model_by_name,
        "models: model 'toy-winds' is not installed. Did you mean 'toy-wind'? Installed: toy-wind",
    ),
}
