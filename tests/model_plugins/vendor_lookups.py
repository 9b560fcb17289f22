"""Lookups as vendors write them for the reference toolkit, as source text that tests put beside a configuration."""

#: One key at a time.
ONE_BY_ONE = """
from oasislmf.lookup.base import OasisBaseLookup
from oasislmf.utils.status import OASIS_KEYS_STATUS
from neighbour import LIMIT


class OneByOneKeysLookup(OasisBaseLookup):
    def lookup(self, loc, peril_id, coverage_type, **kwargs):
        inside = loc["Latitude"] < LIMIT
        return {
            "loc_id": loc["loc_id"],
            "peril_id": peril_id,
            "coverage_type": coverage_type,
            "area_peril_id": int(loc["loc_idx"]) + 1 if inside else -1,
            "vulnerability_id": 7 if self.config["peril"]["file_path"].endswith("perils.csv") else -1,
            "status": OASIS_KEYS_STATUS["success" if inside else "nomatch"]["id"],
            "message": "" if inside else "too far north",
        }
"""
NEIGHBOUR = "LIMIT = 52.5\n"
ONE_BY_ONE_CONFIG = {
    "model": {"supplier_id": "acme", "model_id": "OneByOne", "model_version": "1"},
    "keys_data_path": ".",
    "lookup_module_path": "one_by_one.py",
    "peril": {"peril_ids": ["WTC", "WSS"], "file_path": "%%KEYS_DATA_PATH%%/perils.csv"},
    "coverage": {"coverage_types": [1, 3]},
}

#: The configured lookup, with a step and a step type of its own.
DERIVED = """
from oasislmf.lookup.builtin import Lookup
from oasislmf.utils.peril import get_peril_groups_df


class DerivedKeysLookup(Lookup):
    multiproc_enabled = False

    @staticmethod
    def by_row(locations):
        locations["area_peril_id"] = locations["numberofstoreys"] + 1
        assert "WTC" in set(get_peril_groups_df()["peril_id"])
        return locations

    def build_constant(self, column, value):
        def fct(locations):
            locations[column] = value
            return self.set_id_columns(locations, [column])
        return fct
"""
DERIVED_CONFIG = {
    "model": {"supplier_id": "acme", "model_id": "Derived", "model_version": "1"},
    "lookup_module_path": "derived.py",
    "step_definition": {
        "split": {
            "type": "split_loc_perils_covered",
            "columns": ["locperilscovered"],
            "parameters": {"model_perils_covered": ["WTC"]},
        },
        "by_row": {"type": "own", "columns": ["numberofstoreys"]},
        "coverage": {"type": "constant", "parameters": {"column": "coverage_type", "value": 1}},
        "vulnerability": {"type": "constant", "parameters": {"column": "vulnerability_id", "value": 0}},
    },
    "strategy": ["split", "by_row", "coverage", "vulnerability"],
}

#: The oldest interface: made from a keys data folder and the model's name.
OLDEST = """
from oasislmf.preparation.lookup import OasisBaseKeysLookup
from oasislmf.utils.log import oasis_log


class OldestKeysLookup(OasisBaseKeysLookup):
    @oasis_log()
    def process_locations(self, loc_df):
        for _, row in loc_df.iterrows():
            yield {
                "loc_id": row["loc_id"], "peril_id": "QEQ", "coverage_type": 1, "area_peril_id": 5,
                "vulnerability_id": len(self.model_name), "status": "success", "message": self.supplier,
            }
"""
OLDEST_CONFIG = {
    "model": {"supplier_id": "acme", "model_id": "Oldest", "model_version": "1"},
    "keys_data_path": ".",
    "lookup_module_path": "oldest.py",
}

DETERMINISTIC_CONFIG = {
    "builtin_lookup_type": "peril_covered_deterministic",
    "model": {"supplier_id": "acme", "model_id": "Deterministic", "model_version": "1"},
    "model_perils_covered": ["WW1", "QEQ"],
    "supported_oed_coverage_types": [1, 3, 2],
}

#: Configuration and files of each lookup.
VENDOR_LOOKUPS = {
    "one_by_one": (ONE_BY_ONE_CONFIG, {"one_by_one.py": ONE_BY_ONE, "neighbour.py": NEIGHBOUR}),
    "derived": (DERIVED_CONFIG, {"derived.py": DERIVED}),
    "oldest": (OLDEST_CONFIG, {"oldest.py": OLDEST}),
    "deterministic": (DETERMINISTIC_CONFIG, {}),
}
