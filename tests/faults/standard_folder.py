"""A whole analysis in a folder: a model of three events and three places in the Oasis layout, and its portfolio."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from oasis_kernel.formats.model_data import write
from oasis_kernel.model.hazard import DamageBins, Footprint, Occurrence, Vulnerability

INTENSITY_BINS = 3
PERIODS = 10
MODEL_FILES = "model_data"

LOCATIONS = "\n".join(
    [
        "PortNumber,AccNumber,LocNumber,CountryCode,Latitude,Longitude,OccupancyCode,ConstructionCode,"
        "LocPerilsCovered,BuildingTIV,ContentsTIV,LocCurrency,OEDVersion",
        "1,A1,1,GB,50.5,0.5,1050,5000,WTC,500000,100000,GBP,4.0.0",
        "1,A1,2,GB,50.5,1.5,1100,5000,WTC,500000,100000,GBP,4.0.0",
        "1,A1,3,GB,50.5,2.5,1050,5000,WTC,500000,100000,GBP,4.0.0",
        "",
    ]
)
ACCOUNTS = "\n".join(
    [
        "PortNumber,AccNumber,AccCurrency,PolNumber,PolPerilsCovered,LayerNumber,LayerParticipation,"
        "LayerLimit,LayerAttachment,OEDVersion",
        "1,A1,GBP,P1,WTC,1,1.0,5000000,50000,4.0.0",
        "",
    ]
)


class Fault(NamedTuple):
    """One thing that is broken, and the whole sentence a user reads about it; ``{folder}`` is the analysis' folder."""

    breaks: "Callable[[AnalysisFolder], object]"
    sentence: str


class AnalysisFolder:
    """The folder of one analysis, in which a test breaks something; ``arguments`` follow ``oasis run`` or ``check``."""

    def __init__(self, path: Path):
        self.path = path
        self.arguments = ["--mdk", str(path / "oasislmf.json")]

    def model_file(self, name: str) -> Path:
        """A file of the model's data."""
        return self.path / MODEL_FILES / name

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        """Change a text file."""
        path = self.path / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace a text that the file holds once."""

        def change(text: str) -> str:
            assert text.count(old) == 1, f"{name} holds {old!r} {text.count(old)} times"
            return text.replace(old, new)

        self.edit(name, change)

    def set(self, name: str, *route: str, value: Any) -> None:
        """Set one entry, at the end of a route of keys, of a JSON file."""
        content = json.loads((self.path / name).read_text(encoding="utf-8"))
        inner = content
        for key in route[:-1]:
            inner = inner[key]
        inner[route[-1]] = value
        (self.path / name).write_text(json.dumps(content, indent=2), encoding="utf-8")

    def overwrite(self, name: str, dtype: np.dtype, header: int, row: int, field: str, value: float) -> None:
        """Change one field of one record of a binary model file, after its header of so many bytes."""
        content = bytearray(self.model_file(name).read_bytes())
        np.frombuffer(content, dtype=np.uint8)[header:].view(dtype)[field][row] = value
        self.model_file(name).write_bytes(bytes(content))

    def add_account(self) -> None:
        """Give the portfolio its account file. Losses stay ground-up: the settings ask for nothing else."""
        (self.path / "account.csv").write_text(ACCOUNTS, encoding="utf-8")
        self.set("oasislmf.json", "oed_accounts_csv", value="account.csv")


def write_analysis(folder: Path) -> AnalysisFolder:
    """Write model, lookup, portfolio and settings."""
    _write_model(folder / MODEL_FILES)
    _write_lookup(folder / "keys_data")
    (folder / "location.csv").write_text(LOCATIONS, encoding="utf-8")
    _json(folder / "model_settings.json", MODEL_SETTINGS)
    _json(folder / "analysis_settings.json", ANALYSIS_SETTINGS)
    _json(folder / "oasislmf.json", CONFIGURATION)
    return AnalysisFolder(folder)


CONFIGURATION = {
    "model_data_dir": MODEL_FILES,
    "lookup_config_json": "keys_data/lookup_config.json",
    "model_settings_json": "model_settings.json",
    "analysis_settings_json": "analysis_settings.json",
    "oed_location_csv": "location.csv",
}
MODEL_SETTINGS = {
    "version": "3",
    "model_settings": {},
    "lookup_settings": {"supported_perils": [{"id": "WTC", "desc": "Tropical cyclone"}]},
    "model_default_samples": 10,
}
ANALYSIS_SETTINGS = {
    "model_settings": {},
    "gul_output": True,
    "gul_summaries": [
        {"id": 1, "ord_output": {"elt_sample": True, "elt_moment": True, "ept_full_uncertainty_oep": True}}
    ],
}


def _write_model(folder: Path) -> None:
    """Every event strikes every place, somewhat harder the later it comes."""
    events = np.arange(1, 4, dtype=np.int32)
    places = np.arange(1, 4)
    rows = [(place, intensity) for event in events for place in places for intensity in (min(event, 2), 3)]
    nothing = np.empty(0, dtype=np.int32)
    footprint = Footprint(
        event_id=events,
        offsets=np.arange(0, 19, 6, dtype=np.int64),
        areaperil_id=np.array([place for place, _ in rows], dtype=np.uint64),
        intensity_bin=np.array([intensity for _, intensity in rows], dtype=np.int32),
        probability=np.full(len(rows), 0.5, dtype=np.float32),
        intensity=nothing,
        return_period=nothing,
    )
    write.write_events(folder / "events.bin", events)
    write.write_footprint(folder, footprint, INTENSITY_BINS, has_uncertainty=True)
    edges = np.array([0.0, 0.0, 0.5], dtype=np.float32), np.array([0.0, 0.5, 1.0], dtype=np.float32)
    bins = DamageBins(*edges, (edges[0] + edges[1]) / 2, np.zeros(3, dtype=np.int32))
    write.write_damage_bins(folder / "damage_bin_dict.bin", bins)
    chance = np.array([[0.75, 0.25, 0.0], [0.25, 0.5, 0.25], [0.0, 0.25, 0.75]], dtype=np.float32)
    functions = Vulnerability(np.array([1, 2], dtype=np.int32), np.stack([chance, chance[::-1]]))
    write.write_vulnerability(folder / "vulnerability.bin", functions)
    when = np.array([1, 4, 9], dtype=np.int32)
    calendar = Occurrence(events, when, when.astype(np.int64) * 365, PERIODS, has_dates=True, granular=False)
    write.write_occurrence(folder / "occurrence.bin", calendar)


def _write_lookup(folder: Path) -> None:
    grid = {"lat_min": 50.0, "lat_max": 51.0, "lon_min": 0.0, "lon_max": 3.0, "arc_size": 1.0}
    table = {"file_path": "%%KEYS_DATA_PATH%%/vulnerability.csv", "id_columns": ["vulnerability_id"]}
    pivots = [{"new_cols": {"coverage_type": coverage}} for coverage in (1, 3)]
    steps = {
        "perils": _step("split_loc_perils_covered", ["locperilscovered"], model_perils_covered=["WTC"]),
        "area": _step("fixed_size_geo_grid", ["latitude", "longitude"], **grid),
        "coverages": _step("simple_pivot", [], pivots=pivots),
        "vulnerability": _step("merge", ["occupancycode"], **table),
    }
    model = {"supplier_id": "Test", "model_id": "small", "model_version": "1"}
    config = {"model": model, "keys_data_path": ".", "step_definition": steps, "strategy": list(steps)}
    folder.mkdir()
    _json(folder / "lookup_config.json", config)
    with (folder / "vulnerability.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([["occupancycode", "vulnerability_id"], [1050, 1], [1100, 2]])


def _step(kind: str, columns: list[str], **parameters: Any) -> dict[str, Any]:
    return {"type": kind, "columns": columns, "parameters": parameters}


def _json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
