"""The reference toolkit's own configuration file (``oasislmf.json``): what it names, and what of it we do not know."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.model.engine import PROCESS_OPTIONS, EngineOptions
from oasis_kernel.model.inputs import InputFiles

#: Entries that are paths, relative to the configuration file.
PATHS = frozenset(
    """oed_location_csv oed_accounts_csv oed_info_csv oed_scope_csv currency_conversion_json analysis_settings_json
    model_data_dir model_settings_json model_version_csv user_data_dir
    lookup_config_json lookup_data_dir lookup_module_path lookup_complex_config_json
    exposure_pre_analysis_module exposure_pre_analysis_setting_json""".split()  # noqa: SIM905 (a table reads better as text)
)

#: Of these, what may also lie in object storage: an address such as ``s3://bucket/model_data``.
LINKABLE = frozenset({"model_data_dir"})

#: Entries that are plain values, which this package uses.
VALUES = frozenset({"reporting_currency", "exposure_pre_analysis_class_name", "do_disaggregation"})

#: Entries of the toolkit's that have no meaning here and change no loss.
WITHOUT_EFFECT = frozenset(
    """oasis_files_dir output_dir keys_format keys_errors_path model_package_dir model_storage_json log_level log_format
    oed_backend_dtype exposure_df_engine model_df_engine join_summary_info kernel_disable_guard kernel_fifo_queue_dir
    kernel_num_gul_per_lb kernel_num_fm_per_lb summarypy_low_memory remove_working_file resource_monitor_interval
    script_fp target_dir server_login_json server_url server_version test_case_dir test_case_name bash_conf_file
    socket_server_ip socket_server_port num_subtree il_stream_type disable_oed_version_update""".split()  # noqa: SIM905
)

#: Entries that change losses in the toolkit and are not offered here, with what to do instead.
NOT_OFFERED = {
    "model_custom_gulcalc": (Severity.ERROR, "Ship the calculation as a plugin whose model has ground_up"),
    "pre_loss_module": (Severity.WARNING, "Do the work in a plugin's adjust_exposure or adjust_losses"),
    "post_file_gen_module": (Severity.WARNING, "Do the work in a plugin's adjust_exposure"),
    "post_analysis_module": (Severity.WARNING, "Do the work on the results of the run"),
    "keys_data_path": (Severity.WARNING, "Keys made before are not read; the model's lookup runs again"),
    "oed_schema_info": (Severity.WARNING, "The installed ods-tools decides the OED version"),
    "location": (Severity.WARNING, "Give a location file with the rows wanted"),
    "portfolio": (Severity.WARNING, "Give files with the rows wanted"),
    "account": (Severity.WARNING, "Give an account file with the rows wanted"),
    "profile_loc_json": (Severity.WARNING, "The standard's profile is used"),
    "profile_acc_json": (Severity.WARNING, "The standard's profile is used"),
    "profile_fm_agg_json": (Severity.WARNING, "The standard's profile is used"),
}

#: Older names of entries; where both are given, the toolkit lets the older one win.
OLDER_NAMES = {
    "ktools_alloc_rule_gul": "kernel_alloc_rule_gul",
    "ktools_alloc_rule_il": "kernel_alloc_rule_il",
    "ktools_alloc_rule_ri": "kernel_alloc_rule_ri",
    "alloc_rule_il": "kernel_alloc_rule_il",
    "alloc_rule_ri": "kernel_alloc_rule_ri",
    "ktools_num_processes": "kernel_num_processes",
    "ktools_event_shuffle": "kernel_event_shuffle",
    "ktools_num_gul_per_lb": "kernel_num_gul_per_lb",
    "ktools_num_fm_per_lb": "kernel_num_fm_per_lb",
    "ktools_disable_guard": "kernel_disable_guard",
    "ktools_fifo_relative": "kernel_fifo_relative",
    "complex_lookup_config_file_path": "lookup_complex_config_json",
    "lookup_config_file_path": "lookup_config_json",
    "lookup_package_path": "lookup_module_path",
    "lookup_package_dir": "lookup_module_path",
    "analysis_settings_file_path": "analysis_settings_json",
    "source_exposure_file_path": "oed_location_csv",
    "source_accounts_file_path": "oed_accounts_csv",
    "oed_locations_csv": "oed_location_csv",
    "oed_account_csv": "oed_accounts_csv",
    "ri_info_file_path": "oed_info_csv",
    "ri_scope_file_path": "oed_scope_csv",
    "source_exposure_profile_path": "profile_loc_json",
    "source_accounts_profile_path": "profile_acc_json",
    "fm_aggregation_profile_path": "profile_fm_agg_json",
    "model_data_path": "model_data_dir",
    "model_package_path": "model_package_dir",
    "model_version_file_path": "model_version_csv",
    "oasis_files_path": "oasis_files_dir",
    "keys_errors_file_path": "keys_errors_path",
    "keys_file_path": "keys_data_path",
    "keys_data_csv": "keys_data_path",
    "output_directory": "output_dir",
    "verbose_mode": "verbose",
}

#: Entries of releases long gone that the toolkit drops.
DROPPED = frozenset({"ktools_mem_limit", "summarise_exposure"})


@dataclass(frozen=True)
class MdkConfiguration:
    """One ``oasislmf.json``, under today's names.

    ``paths`` are absolute; ``links`` are addresses in object storage instead; ``options`` are the engine's own
    (``oasis_kernel.model.engine``); ``findings`` say which entries are unknown or have no effect here.
    """

    source: Path
    paths: Mapping[str, Path]
    links: Mapping[str, str]
    values: Mapping[str, Any]
    options: Mapping[str, Any]
    findings: tuple[Finding, ...]

    def path(self, name: str) -> Path | None:
        """The path of an entry, None when it is not given."""
        return self.paths.get(name)

    def required(self, name: str) -> Path:
        """The path of an entry that must be given and exist."""
        path = self.path(name)
        if path is None:
            raise InvalidInput(
                Finding(self.source.name, "must be given", field=name, remedy=f"Add {name}, relative to this file")
            )
        if not path.exists():
            raise InvalidInput(
                Finding(
                    self.source.name,
                    "names something that does not exist",
                    field=name,
                    value=str(path),
                    remedy="Paths are relative to this file",
                )
            )
        return path


def read_mdk(path: Path) -> MdkConfiguration:
    """The configuration in a file; InvalidInput when it is not a JSON object."""
    entries, findings = _current_names(read_json(path), path.name)
    paths, links, values, options = {}, {}, {}, {}
    for name, value in entries.items():
        if value is None or name in DROPPED:
            continue
        if name == "keys_data_path" and isinstance(value, str) and (path.parent / value).is_dir():
            paths["lookup_data_dir"] = (path.parent / value).resolve()
        elif name in LINKABLE and isinstance(value, str) and "://" in value:
            links[name] = value
        elif name in PATHS:
            paths[name] = _path(path, name, value)
        elif name in VALUES:
            values[name] = value
        elif name in _engine_names():
            options[name] = value
        else:
            findings.append(_remark(name, value, path.name))
    return MdkConfiguration(path.resolve(), paths, links, values, options, tuple(findings))


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; InvalidInput names the line that breaks it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InvalidInput(Finding(path.name, message, value=str(path), remedy="Check the path")) from error
    except json.JSONDecodeError as error:
        remedy = "Check the commas, quotes and brackets there"
        raise InvalidInput(Finding(path.name, f"must be JSON: {error.msg}", row=error.lineno, remedy=remedy)) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(Finding(path.name, "must be UTF-8 text", remedy="Save the file as UTF-8")) from error
    if not isinstance(content, dict):
        remedy = "Write the entries between { and }"
        raise InvalidInput(Finding(path.name, "must be a JSON object", value=type(content).__name__, remedy=remedy))
    return content


def _path(source: Path, name: str, value: Any) -> Path:
    if not isinstance(value, str):
        raise InvalidInput(Finding(source.name, "must be a path", field=name, value=value))
    return (source.parent / value).resolve()


def _current_names(entries: Mapping[str, Any], source: str) -> tuple[dict[str, Any], list[Finding]]:
    """Entries in lower case and under today's names, with a note for each that was renamed."""
    lower = {name.lower(): value for name, value in entries.items()}
    current = {name: value for name, value in lower.items() if name not in OLDER_NAMES}
    notes = []
    for old, value in lower.items():
        if old in OLDER_NAMES:
            current[OLDER_NAMES[old]] = value
            notes.append(Finding(source, f"is now called {OLDER_NAMES[old]}", field=old, severity=Severity.NOTE))
    return current, notes


def _engine_names() -> frozenset[str]:
    """Every name under which the engine takes an option, and those it knows to be without meaning here."""
    names = set(PROCESS_OPTIONS)
    for name, field in EngineOptions.model_fields.items():
        alias = field.validation_alias
        names.update({name}, map(str, getattr(alias, "choices", ())))
    return frozenset(names)


def _remark(name: str, value: Any, source: str) -> Finding:
    """What to say of an entry that is not used."""
    if name in NOT_OFFERED:
        severity, remedy = NOT_OFFERED[name]
        return Finding(source, "is not offered here", field=name, value=value, remedy=remedy, severity=severity)
    if name in WITHOUT_EFFECT or name.startswith("model_custom_gulcalc_log"):
        return Finding(source, "has no effect here", field=name, severity=Severity.NOTE)
    known = sorted(PATHS | VALUES | _engine_names())
    close = difflib.get_close_matches(name, known, n=1)
    remedy = f"Did you mean {close[0]}?" if close else "Remove it"
    return Finding(
        source,
        "is not a known entry, and is ignored",
        field=name,
        value=value,
        remedy=remedy,
        severity=Severity.WARNING,
    )


def mdk_input_files(mdk: MdkConfiguration) -> InputFiles:
    """The portfolio files, settings and rates of exchange that a configuration names."""
    return InputFiles(
        location=_text(mdk, "oed_location_csv"),
        account=_text(mdk, "oed_accounts_csv"),
        ri_info=_text(mdk, "oed_info_csv"),
        ri_scope=_text(mdk, "oed_scope_csv"),
        settings=mdk.path("analysis_settings_json"),
        reporting_currency=mdk.values.get("reporting_currency"),
        rates=_rates(mdk),
    )


def _text(mdk: MdkConfiguration, name: str) -> str | None:
    path = mdk.path(name)
    return str(path) if path is not None else None


def _rates(mdk: MdkConfiguration) -> Path | None:
    """The table of rates of exchange behind ``currency_conversion_json``; paths in it start at its own folder."""
    if mdk.path("currency_conversion_json") is None:
        return None
    path = mdk.required("currency_conversion_json")
    file = read_json(path).get("file_path")
    if not isinstance(file, str):
        raise InvalidInput(
            Finding(
                path.name,
                "must name a file of rates",
                field="file_path",
                value=file,
                remedy="Write the rates to a csv of cur_from, cur_to, roe and name it as file_path",
            )
        )
    return (path.parent / file).resolve()
