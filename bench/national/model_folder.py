"""The model's folder: data in the Oasis standard layout, the lookup, the toolkit's configuration."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from pyarrow import csv

from bench.national import country, damage
from bench.national.storms import INTENSITY_BINS, Storms, footprints
from oasis_kernel.formats.model_data import tables, write
from oasis_kernel.model.hazard import Footprint, Occurrence

PERIL = "WEC"
RETURN_PERIODS = (2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10000)
DAY_OF_PERIOD_1 = 730_121  # 1 January 1999, in days since 1 March of year 0
FIELDS = ["PortNumber", "AccNumber", "LocNumber"]


def write_model(folder: Path, storms: Storms, periods: int, seed: np.random.SeedSequence) -> None:
    """Write ``model_data``, ``keys_data`` and ``model_settings.json`` under ``folder``."""
    data, keys = folder / "model_data", folder / "keys_data"
    data.mkdir(parents=True, exist_ok=True)
    keys.mkdir(parents=True, exist_ok=True)
    event_id = np.arange(1, len(storms.peak) + 1, dtype=np.int32)
    write_footprint(data, footprints(storms))
    write.write_damage_bins(data / "damage_bin_dict.bin", damage.damage_bins())
    write.write_vulnerability(data / "vulnerability.bin", damage.vulnerability())
    write.write_events(data / "events.bin", event_id)
    write.write_occurrence(data / "occurrence.bin", _occurrence(event_id, periods, seed))
    write.write_return_periods(data / "returnperiods.bin", RETURN_PERIODS)
    csv.write_csv(damage.functions(), keys / "vulnerability_dict.csv")
    write_json(keys / "lookup_config.json", _lookup())
    write_json(folder / "model_settings.json", _settings())


def write_footprint(folder: Path, batches: Iterable[Footprint]) -> None:
    """Write ``footprint.bin`` and ``footprint.idx`` batch by batch, so that no more than one is in memory."""
    header = np.array([(INTENSITY_BINS, tables.HAS_UNCERTAINTY)], dtype=tables.FOOTPRINT_HEADER)
    width, offset, index = tables.footprint_row().itemsize, header.nbytes, []
    with (folder / "footprint.bin").open("wb") as file:
        file.write(header.tobytes())
        for batch in batches:
            entries = np.empty(len(batch.event_id), tables.FOOTPRINT_INDEX)
            entries["event_id"] = batch.event_id
            entries["offset"] = offset + batch.offsets[:-1] * width
            entries["size"] = np.diff(batch.offsets) * width
            index.append(entries[entries["size"] > 0])
            offset += int(batch.offsets[-1]) * width
            file.write(write.footprint_rows(batch).data)
    (folder / "footprint.idx").write_bytes(np.concatenate(index).tobytes())


def _occurrence(event_id: np.ndarray, periods: int, seed: np.random.SeedSequence) -> Occurrence:
    """Each event once, in any period, on any day of it."""
    uniform = np.random.default_rng(seed).random((len(event_id), 2))
    period = (uniform[:, 0] * periods).astype(np.int32) + 1
    date = DAY_OF_PERIOD_1 + (uniform[:, 1] * 365).astype(np.int64)
    return Occurrence(event_id, period, date, periods, has_dates=True, granular=False)


def _lookup() -> dict[str, Any]:
    pivots = [{"new_cols": {"coverage_type": coverage}} for coverage in damage.COVERAGES]
    vulnerability = {"file_path": "%%KEYS_DATA_PATH%%/vulnerability_dict.csv", "id_columns": ["vulnerability_id"]}
    return {
        "model": {"supplier_id": "bench", "model_id": "national-wind", "model_version": "1"},
        "builtin_lookup_type": "new_lookup",
        "keys_data_path": "./",
        "step_definition": {
            "perils": {
                "type": "split_loc_perils_covered",
                "columns": ["locperilscovered"],
                "parameters": {"model_perils_covered": [PERIL]},
            },
            "grid": {"type": "fixed_size_geo_grid", "columns": ["latitude", "longitude"], "parameters": country.GRID},
            "coverages": {"type": "simple_pivot", "parameters": {"pivots": pivots}},
            "vulnerability": {
                "type": "merge",
                "columns": ["occupancycode", "constructioncode"],
                "parameters": vulnerability,
            },
        },
        "strategy": ["perils", "grid", "coverages", "vulnerability"],
    }


def _settings() -> dict[str, Any]:
    group = {"peril_correlation_group": 1}
    return {
        "version": "3",
        "model_settings": {},
        "lookup_settings": {"supported_perils": [{"id": PERIL, "desc": "Windstorm", **group}]},
        "correlation_settings": [{**group, "damage_correlation_value": "0.4", "hazard_correlation_value": "0.0"}],
        "data_settings": {"damage_group_fields": FIELDS, "hazard_group_fields": FIELDS},
        "model_default_samples": 10,
    }


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
