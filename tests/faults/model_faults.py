"""Model data and lookups that cannot be used, each broken in one place, and the one sentence that says so."""

from standard_folder import Fault

from oasis_kernel.formats.model_data import tables

FOOTPRINT, INDEX = "footprint.bin", "footprint.idx"
FOOTPRINT_HEADER = tables.FOOTPRINT_HEADER.itemsize


def record(name, dtype, header, row, field, value):
    """One field of one record of a model file changed."""
    return lambda analysis: analysis.overwrite(name, dtype, header, row, field, value)


def footprint_row(row: int, field: str, value: float):
    return record(FOOTPRINT, tables.footprint_row(), FOOTPRINT_HEADER, row, field, value)


def vulnerability_row(row: int, field: str, value: float):
    return record("vulnerability.bin", tables.VULNERABILITY, tables.VULNERABILITY_HEADER.itemsize, row, field, value)


def without(name: str):
    return lambda analysis: analysis.model_file(name).unlink()


def cut(name: str, count: int):
    return lambda a: a.model_file(name).write_bytes(a.model_file(name).read_bytes()[:-count])


def lookup(*route: str, value):
    return lambda analysis: analysis.set("keys_data/lookup_config.json", *route, value=value)


def key(number: int):
    return lambda a: a.replace("keys_data/vulnerability.csv", "1100,2", f"1100,{number}")


MODEL_FAULTS = {
    "footprint truncated": Fault(
        cut(FOOTPRINT, 6),
        "footprint.idx row 4: offset points past the end of footprint.bin (218 bytes), which may be "
        "truncated: must lie inside, event 3, got 152. Copy both footprint files again, or convert them again"
        " from the csv",
    ),
    "index past the end": Fault(
        record(INDEX, tables.FOOTPRINT_INDEX, 0, 2, "offset", 10_000),
        "footprint.idx row 4: offset points past the end of footprint.bin (224 bytes), which may be "
        "truncated: must lie inside, event 3, got 10000. Copy both footprint files again, or convert them "
        "again from the csv",
    ),
    "index out of order": Fault(
        record(INDEX, tables.FOOTPRINT_INDEX, 0, 0, "event_id", 7),
        "footprint.idx row 3: event_id must ascend, each event once, event 2, got 2. Copy both footprint "
        "files again, or convert them again from the csv",
    ),
    "intensity bin 0": Fault(
        footprint_row(8, "intensity_bin_id", 0),
        "footprint.bin row 10: intensity_bin_id must be in 1..3 in event 2, area peril 2, got 0. Correct the "
        "bin, or the number of intensity bins in the file's header",
    ),
    "intensity bin above the header's": Fault(
        footprint_row(8, "intensity_bin_id", 4),
        "footprint.bin row 10: intensity_bin_id must be in 1..3 in event 2, area peril 2, got 4. Correct the "
        "bin, or the number of intensity bins in the file's header",
    ),
    "footprint probabilities 1.3": Fault(
        footprint_row(8, "probability", 0.8),
        "footprint.bin row 10: probability must sum to 1 (within 0.0001; refused beyond 0.01) in event 2, "
        "area peril 2, got 1.300000012. Normalise the probabilities of each event and area peril",
    ),
    "no intensity bins": Fault(
        record(FOOTPRINT, tables.FOOTPRINT_HEADER, 0, 0, "num_intensity_bins", 0),
        "footprint.bin: num_intensity_bins must be at least 1 in the header, got 0. Write the footprint again"
        " with its number of intensity bins",
    ),
    "footprint missing": Fault(
        without(FOOTPRINT),
        "footprint.bin: is missing: the other part of footprint.idx was looked for as footprint.bin in "
        "{folder}/model_data. Found footprint.idx; add the file, or choose another variant",
    ),
    "index missing": Fault(
        without(INDEX),
        "footprint.idx: is missing: the other part of footprint.bin was looked for as footprint.idx in "
        "{folder}/model_data. Found footprint.bin; add the file, or choose another variant",
    ),
    "vulnerability probabilities": Fault(
        vulnerability_row(0, "probability", 0.5),
        "vulnerability.bin: probability must sum to 1 (within 0.0001; refused beyond 0.01) in vulnerability "
        "1, intensity bin 1, got 0.75. Normalise the probabilities of each function and intensity bin",
    ),
    "damage bin unknown": Fault(
        vulnerability_row(0, "damage_bin_id", 9),
        "vulnerability.bin row 2: damage_bin_id must be in 1..3 (damage_bin_dict) in vulnerability 1, "
        "intensity bin 1, got 9. Correct the bin, or add it to the damage bin dictionary and the header",
    ),
    "vulnerability id missing": Fault(
        key(77),
        "vulnerability.bin: vulnerability_id must include every id that the keys use; missing: 77. Add the "
        "functions, or correct the lookup's vulnerability ids",
    ),
    "vulnerability missing": Fault(
        without("vulnerability.bin"),
        "vulnerability.bin: is missing: the vulnerability file was looked for as vulnerability.bin, "
        "vulnerability_dataset.parquet, vulnerability.csv in {folder}/model_data. Found nothing of that name;"
        " add the file, or choose another variant",
    ),
    "damage bins with a gap": Fault(
        record("damage_bin_dict.bin", tables.DAMAGE_BIN, 0, 1, "bin_index", 5),
        "damage_bin_dict.bin row 3: bin_index must count 1, 2, 3, ... without gaps, got 5. Number the bins in"
        " order, from 1",
    ),
    "damage bins missing": Fault(
        without("damage_bin_dict.bin"),
        "damage_bin_dict.bin: is missing: the damage bin dictionary was looked for as damage_bin_dict.bin, "
        "damage_bin_dict.csv in {folder}/model_data. Found nothing of that name; add the file",
    ),
    "damage bins truncated": Fault(
        cut("damage_bin_dict.bin", 3),
        "damage_bin_dict.bin: size must hold whole records of 20 bytes; the file is truncated, got 57. Copy "
        "the file again; its records are bin_index, bin_from, bin_to, interpolation, damage_type",
    ),
    "event set missing": Fault(
        without("events.bin"),
        "events.bin: is missing: the event set was looked for as events.bin, events.csv in "
        "{folder}/model_data. Found nothing of that name; choose another event_set in model_settings, or add "
        "the file",
    ),
    "event twice": Fault(
        record("events.bin", tables.EVENT, 0, 2, "event_id", 1),
        "events.bin row 4: event_id must be listed once, got 1. Remove the repeated row",
    ),
    "occurrences missing": Fault(
        without("occurrence.bin"),
        "analysis_settings.json: gul_summaries id 1 asks for tables by period, and the model has no "
        "occurrences. Choose tables by event (elt_*), or set model_settings.event_occurrence_id to one the "
        "model has",
    ),
    "period past the last": Fault(
        record("occurrence.bin", tables.OCCURRENCE, 8, 1, "period_no", 11),
        "occurrence.bin row 3: period_no must be in 1..10, got 11. Correct the period, or the number of "
        "periods in the file's header",
    ),
    "step of unknown type": Fault(
        lookup("step_definition", "area", "type", value="crystal_ball"),
        "lookup_config.json: step 'area' has an unknown type, got 'crystal_ball'. One of "
        "dynamic_model_adjustment, fixed_size_geo_grid, fixed_size_geo_grid_multi_peril, "
        "fixed_size_z_index_geo_grid, fixed_size_z_index_geo_grid_multi_peril, geog_lookup, geotiff, h3, "
        "interval_to_index, merge, model_data, prepare, rtree, set_status, simple_pivot, "
        "split_loc_perils_covered, combine",
    ),
    "step undefined": Fault(
        lookup("strategy", value=["perils", "area", "coverages", "vulnerabilities"]),
        "lookup_config.json: step 'vulnerabilities' is in the strategy but not in step_definition. There are:"
        " perils, area, coverages, vulnerability",
    ),
    "parameter that no step takes": Fault(
        lookup("step_definition", "area", "parameters", "radius", value=3),
        "lookup_config.json: step 'area' cannot make its grid: Grid.__init__() got an unexpected keyword "
        "argument 'radius'. Give lat_min, lat_max, lon_min, lon_max, arc_size",
    ),
    "lookup table missing": Fault(
        lambda a: (a.path / "keys_data" / "vulnerability.csv").unlink(),
        "lookup_config.json: step 'vulnerability' names a file that does not exist, got "
        "'{folder}/keys_data/vulnerability.csv'. Check the path in the step",
    ),
    "lookup configuration missing": Fault(
        lambda a: (a.path / "keys_data" / "lookup_config.json").unlink(),
        "oasislmf.json: lookup_config_json names something that does not exist, got "
        "'{folder}/keys_data/lookup_config.json'. Paths are relative to this file",
    ),
    "lookup configuration not JSON": Fault(
        lambda a: a.edit("keys_data/lookup_config.json", lambda t: t.replace(":", "=", 1)),
        "lookup_config.json row 2: must be JSON: Expecting ':' delimiter. Check the commas, quotes and brackets there",
    ),
    "model folder missing": Fault(
        lambda a: a.set("oasislmf.json", "model_data_dir", value="elsewhere"),
        "oasislmf.json: model_data_dir names something that does not exist, got '{folder}/elsewhere'. Paths "
        "are relative to this file",
    ),
    "no model folder named": Fault(
        lambda a: a.set("oasislmf.json", "model_data_dir", value=None),
        "oasislmf.json: model_data_dir must be given. Add model_data_dir, relative to this file",
    ),
    "configuration not JSON": Fault(
        lambda a: a.edit("oasislmf.json", lambda t: t.replace(":", "=", 1)),
        "oasislmf.json row 2: must be JSON: Expecting ':' delimiter. Check the commas, quotes and brackets there",
    ),
    "model settings a list": Fault(
        lambda a: (a.path / "model_settings.json").write_text("[]"),
        "model_settings.json: must be a JSON object, got 'list'. Write the entries between { and }",
    ),
}
