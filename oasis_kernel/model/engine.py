"""The engine's own options: what the reference toolkit takes on its command line, its configuration file or
``computation_settings``, under the same names."""

import difflib
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from oasis_kernel.errors import Finding, InvalidInput, Severity

#: Options that only steer the reference's own processes and files: harmless, and without meaning here.
PROCESS_OPTIONS = frozenset(
    """ktools_num_processes ktools_event_shuffle kernel_event_shuffle ktools_fifo_relative ktools_fifo_queue_dir
    ktools_work_dir ktools_debug ktools_log_coverage ktools_disable_guard gulpy gulpy_random_generator gulpy_low_memory
    gulpy_socket_server modelpy fmpy fmpy_low_memory fmpy_sort_output summarypy eltpy pltpy aalpy lecpy
    gulmc_vuln_cache_size model_py_server model_py_server_port peril_filter verbose check_oed check_xref base_df_engine
    model_data_standard_folders ktools_num_gul_per_lb ktools_num_fm_per_lb max_process_id process_number bash_trace
    intermediary_csv write_ri_tree write_chunksize lookup_num_processes lookup_num_chunks lookup_multiprocessing
    ktools_alloc_rule_ri_net model_run_dir copy_model_data check_missing_inputs oasis_files_prefixes kernel_debug
    kernel_num_processes kernel_fifo_relative lookup_complex_config_json disable_summarise_exposure
    group_id_cols analysis_settings_json""".split()  # noqa: SIM905 (a table of names reads better as text)
)


class EngineOptions(BaseModel):
    """How losses are computed, beyond what the analysis asks for. The defaults are the reference toolkit's."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    random_generator: Literal[0, 1, 2] = Field(
        2,
        validation_alias=AliasChoices("gul_random_generator", "random_generator"),
        description="0 Mersenne Twister, 1 Latin hypercube on it, 2 Latin hypercube on Philox",
    )
    effective_damageability: bool = Field(
        False,
        validation_alias=AliasChoices("gulmc_effective_damageability", "effective_damageability"),
        description="one draw from the effective damage distribution instead of hazard, then damage",
    )
    allocation_rule_gul: Literal[0, 1, 2, 3] = Field(
        0,
        validation_alias=AliasChoices("kernel_alloc_rule_gul", "ktools_alloc_rule_gul", "allocation_rule_gul"),
        description="how a coverage's losses are kept within its TIV",
    )
    allocation_rule_il: Literal[0, 1, 2, 3] = Field(
        2,
        validation_alias=AliasChoices("kernel_alloc_rule_il", "ktools_alloc_rule_il", "allocation_rule_il"),
        description="how insured losses are allocated back to items",
    )
    allocation_rule_ri: Literal[0, 1, 2, 3] = Field(
        3,
        validation_alias=AliasChoices("kernel_alloc_rule_ri", "ktools_alloc_rule_ri", "allocation_rule_ri"),
        description="how reinsurance recoveries are allocated back",
    )
    copula: Literal["interp", "trunc"] = Field(
        "interp", description="lookup in the copula's tables: interp as release 2.5.8, trunc as 2.5.5"
    )
    ignore_correlation: bool = Field(False, description="draw damage without the model's correlation")
    ignore_hazard_correlation: bool = Field(
        False,
        validation_alias=AliasChoices("ignore_haz_correlation", "ignore_hazard_correlation"),
        description="draw hazard without the model's correlation",
    )
    quirks: Literal["compatible", "fixed"] = Field(
        "compatible", description="the reference's documented quirks as they are, or put right"
    )
    compatible: bool = Field(
        False, description="the reference's defects in terms, reinsurance and tables as they are, instead of put right"
    )
    dynamic_footprint: bool = Field(False, description="footprints are built from hazard cases")
    damage_group_fields: tuple[str, ...] | None = Field(
        None,
        validation_alias=AliasChoices("damage_group_id_cols", "damage_group_fields"),
        description="fields whose values make items share their damage draws; none: the model's",
    )
    hazard_group_fields: tuple[str, ...] | None = Field(
        None,
        validation_alias=AliasChoices("hazard_group_id_cols", "hazard_group_fields"),
        description="fields whose values make items share their hazard draws; none: the model's",
    )
    gulmc: Literal[True] = Field(True, description="the full Monte Carlo kernel; the older pair is not offered")


def parse_options(raw: Mapping[str, Any], source: str) -> tuple[EngineOptions, list[Finding]]:
    """The engine's options in ``raw`` (MDK names), and a note for each process option that has no meaning here.

    InvalidInput for a value that cannot be, and for a name that neither engine knows.
    """
    known = {name: value for name, value in raw.items() if name not in PROCESS_OPTIONS}
    notes = [_note(name, source) for name in raw if name in PROCESS_OPTIONS]
    try:
        return EngineOptions.model_validate(known), notes
    except ValidationError as error:
        raise InvalidInput([_finding(problem, source) for problem in error.errors()]) from error


def _note(name: str, source: str) -> Finding:
    message = "steers the reference's own processes and has no meaning here"
    return Finding(source, message, field=name, rule="used option", severity=Severity.NOTE)


def _finding(problem: Any, source: str) -> Finding:
    name = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        close = difflib.get_close_matches(name, _names(), n=1)
        remedy = f"Did you mean {close[0]}?" if close else "Remove it"
        return Finding(
            source, "is not a known option", field=name, value=problem["input"], rule="known option", remedy=remedy
        )
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return Finding(
        source,
        f"is not valid: {message}",
        field=name,
        value=problem["input"],
        rule=problem["type"],
        remedy="See the engine options' documentation",
    )


def _names() -> list[str]:
    names = []
    for name, field in EngineOptions.model_fields.items():
        names.append(name)
        if isinstance(field.validation_alias, AliasChoices):
            names.extend(str(choice) for choice in field.validation_alias.choices)
    return names
