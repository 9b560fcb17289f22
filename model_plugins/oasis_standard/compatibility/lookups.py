"""The base classes that vendors derive their lookups from."""

import importlib
import itertools
import json
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from model_plugins.oasis_standard.compatibility.constants import OASIS_UNKNOWN_ID, OasisException
from model_plugins.oasis_standard.lookup.engine import STEP_TYPES, LookupEngine
from model_plugins.oasis_standard.lookup.frame import Context, set_ids

PLACEHOLDER = "%%KEYS_DATA_PATH%%"


class KeyLookupInterface:
    """What a lookup must have: this constructor's parameters and ``process_locations``."""

    interface_version = "1"


class OasisLookupInterface:
    """The base class of the oldest lookups, made from the keys data folder and the model's name."""

    interface_version = "0"

    def __init__(
        self,
        keys_data_directory: str | None = None,
        supplier: str | None = None,
        model_name: str | None = None,
        model_version: str | None = None,
        complex_lookup_config_fp: str | None = None,
        output_directory: str | None = None,
        **_other: Any,
    ):
        self.keys_data_directory = keys_data_directory
        self.supplier = supplier
        self.model_name = model_name
        self.model_version = model_version
        self.complex_lookup_config_fp = complex_lookup_config_fp
        self.output_directory = output_directory
        self.UNKNOWN_ID = OASIS_UNKNOWN_ID


class AbstractBasicKeyLookup:
    """A lookup with its configuration; derived classes give ``process_locations``."""

    interface_version = "1"

    def __init__(
        self,
        config: dict[str, Any],
        config_dir: str | None = None,
        user_data_dir: str | None = None,
        output_dir: str | None = None,
    ):
        self.config_dir = config_dir or "."
        self.user_data_dir = user_data_dir
        self.output_dir = output_dir
        folder = Path(self.config_dir, config.get("keys_data_path") or "").resolve()
        if not folder.exists():
            raise OasisException(f"keys_data_path does not exist: {folder}")
        config["keys_data_path"] = str(folder)
        self.config = config
        self.storage = _storage(config)


def _storage(config: Mapping[str, Any]) -> Any:
    """Where a lookup reads its files from: the keys data folder, unless the configuration names another storage."""
    storages = importlib.import_module("oasis_data_manager.filestore.config")
    described = config.get("keys_data_storage")
    if described:
        return storages.get_storage_from_config(described)
    return storages.LocalStorage(config["keys_data_path"])


class MultiprocLookupMixin:
    """Results of ``process_locations`` as a frame, which is what a part of the locations must give."""

    process_locations: Callable[[pd.DataFrame], Any]

    def process_locations_multiproc(self, loc_df_part: pd.DataFrame) -> pd.DataFrame:
        """The keys of some locations."""
        return results_frame(self.process_locations(loc_df_part))


def results_frame(results: Any) -> pd.DataFrame:
    """A lookup's results as a frame, whether it gave a frame or yielded one mapping for each key."""
    if isinstance(results, pd.DataFrame):
        return results
    if isinstance(results, list | tuple):
        return pd.DataFrame(results)
    if isinstance(results, types.GeneratorType):
        return pd.DataFrame.from_records(list(results))
    raise OasisException(f"process_locations must give a frame, a list or a generator, got {type(results).__name__}")


class OasisBaseLookup(AbstractBasicKeyLookup, MultiprocLookupMixin):
    """A lookup that answers for one location, peril and coverage at a time; derived classes give ``lookup``."""

    multiproc_enabled = True
    lookup: Callable[..., Mapping[str, Any]]

    def __init__(
        self,
        config: dict[str, Any] | None = None,
        config_json: str | None = None,
        config_fp: str | None = None,
        config_dir: str | None = None,
        user_data_dir: str | None = None,
        output_dir: str | None = None,
    ):
        if not config and config_json:
            config = json.loads(config_json)
        elif not config and config_fp:
            config = json.loads(Path(config_fp).read_text(encoding="utf-8"))
            config_dir = config_dir or str(Path(config_fp).parent)
        super().__init__(config or {}, config_dir, user_data_dir, output_dir)
        for section in ("exposure", "peril", "vulnerability"):
            if self.config.get(section):
                self.config[section] = _filled(self.config[section], self.config["keys_data_path"])
        peril, coverage = self.config.get("peril") or {}, self.config.get("coverage") or {}
        self.peril_ids = tuple(peril.get("peril_ids") or ())
        self.peril_id_col = peril.get("peril_id_col") or "peril_id"
        self.coverage_types = tuple(coverage.get("coverage_types") or ())
        self.coverage_type_col = peril.get("coverage_type_col") or "coverage_type"
        self.config["exposure"] = self.config.get("exposure") or self.config.get("locations") or {}

    def process_locations(self, locs: Any) -> Iterator[Mapping[str, Any]]:
        """What ``lookup`` says of every location, peril and coverage type, in that order."""
        for location, peril, coverage in itertools.product(_records(locs), self.peril_ids, self.coverage_types):
            yield self.lookup(location, peril, coverage)


def _records(locations: Any) -> Iterable[Any]:
    """The locations one by one, from whatever holds them."""
    if isinstance(locations, pd.DataFrame):
        return (row for _, row in locations.iterrows())
    return locations.values() if isinstance(locations, dict) else locations


def _filled(section: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """A section of the configuration with the placeholder filled in, one level deep, and lists as tuples."""

    def fill(value: Any) -> Any:
        return value.replace(PLACEHOLDER, folder) if isinstance(value, str) else value

    filled: dict[str, Any] = {}
    for name, value in section.items():
        if isinstance(value, list):
            filled[name] = tuple(value)
        elif isinstance(value, dict):
            filled[name] = {key: fill(inner) for key, inner in value.items()}
        else:
            filled[name] = fill(value)
    return filled


class Lookup(AbstractBasicKeyLookup, MultiprocLookupMixin):
    """The configured lookup as a class, to be derived from: methods named as a step, or ``build_<type>``, are steps."""

    def process_locations(self, locations: pd.DataFrame) -> pd.DataFrame:
        """The keys of the locations."""
        return LookupEngine(self.config, self._placeholders(), own_steps=self).keys(locations)

    def to_abs_filepath(self, filepath: str) -> str:
        """A path with its ``%%NAME%%`` filled in."""
        return str(self._context("own step").path(filepath))

    @staticmethod
    def set_id_columns(df: pd.DataFrame, id_columns: list[str] | str) -> pd.DataFrame:
        """``df`` with whole numbers in the id columns, -1 where unknown."""
        names = [id_columns] if isinstance(id_columns, str) else id_columns
        return set_ids(df, names, Context("lookup_config", "own step", {}))

    def _placeholders(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.config.items() if isinstance(value, str)}

    def _context(self, step: str) -> Context:
        return Context("lookup_config", step, self._placeholders())


def _factory(kind: str) -> Callable[..., Any]:
    def build(self: Lookup, *arguments: Any, **parameters: Any) -> Any:
        return STEP_TYPES[kind](self._context(kind), *arguments, **parameters)

    build.__doc__ = f"The standard's step of type {kind}."
    return build


for _kind in STEP_TYPES:
    setattr(Lookup, f"build_{_kind}", _factory(_kind))
