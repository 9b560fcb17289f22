"""A whole country on disk: model, portfolio as csv and Parquet, analysis settings, toolkit configuration."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
from pyarrow import csv

from bench.national.model_folder import write_json, write_model
from bench.national.portfolio import draw_portfolio
from bench.national.storms import draw_storms

SEED = 20_261_122
CURVES = {"ept_full_uncertainty_aep": True, "ept_full_uncertainty_oep": True, "return_period_file": True}
#: The whole portfolio in all that is usual, and each postal district.
SUMMARIES = (
    {"id": 1, "ord_output": {"elt_moment": True, "plt_moment": True, "alt_period": True, **CURVES}},
    {"id": 2, "oed_fields": ["PostalCode"], "ord_output": {"elt_moment": True, "alt_period": True, **CURVES}},
)


@dataclass(frozen=True)
class Size:
    """How large a country is."""

    locations: int = 1_000_000
    events: int = 10_000
    samples: int = 10
    periods: int = 10_000


def make(folder: Path, size: Size, seed: int = SEED) -> Path:
    """Write the country of that size into ``folder``; returns the toolkit configuration, with which it runs."""
    storm_seed, calendar_seed, portfolio_seed = np.random.SeedSequence(seed).spawn(3)
    folder.mkdir(parents=True, exist_ok=True)
    write_model(folder, draw_storms(size.events, storm_seed), size.periods, calendar_seed)
    for name, table in draw_portfolio(size.locations, portfolio_seed)._asdict().items():
        csv.write_csv(table, folder / f"{name}.csv", csv.WriteOptions(quoting_style="none", quoting_header="none"))
        parquet.write_table(table, folder / f"{name}.parquet")
    write_json(folder / "analysis_settings.json", _settings(size))
    write_json(folder / "oasislmf.json", _configuration())
    return folder / "oasislmf.json"


def _settings(size: Size) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "version": "3",
        "model_supplier_id": "bench",
        "model_name_id": "national-wind",
        "number_of_samples": size.samples,
        "gul_threshold": 0,
        "model_settings": {},
    }
    for perspective in ("gul", "il", "ri"):
        settings |= {f"{perspective}_output": True, f"{perspective}_summaries": SUMMARIES}
    return settings


def _configuration() -> dict[str, Any]:
    return {
        "analysis_settings_json": "analysis_settings.json",
        "lookup_config_json": "keys_data/lookup_config.json",
        "lookup_data_dir": "keys_data",
        "model_data_dir": "model_data",
        "model_settings_json": "model_settings.json",
        "oed_location_csv": "location.csv",
        "oed_accounts_csv": "account.csv",
        "oed_info_csv": "ri_info.csv",
        "oed_scope_csv": "ri_scope.csv",
        "kernel_alloc_rule_gul": 1,
    }
