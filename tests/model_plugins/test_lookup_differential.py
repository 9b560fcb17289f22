"""Every lookup step beside the reference's, on small random tables: the same keys in the same order."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from lookup_cases import CASES, locations
from vendor_lookups import VENDOR_LOOKUPS

from model_plugins.oasis_standard.lookup_source import LookupSource
from model_plugins.oasis_standard.model import StandardModel

pytestmark = pytest.mark.differential

SEEDS = (1, 2)

#: Runs in the reference's interpreter: keys of every case folder below the given one.
REFERENCE = """
import json, sys, warnings
from pathlib import Path
import pandas as pd
from oasislmf.lookup.factory import BasicKeyServer
warnings.simplefilter("ignore")
pd.options.mode.chained_assignment = None
for config_path in sorted(Path(sys.argv[1]).glob("*/lookup_config.json")):
    folder = config_path.parent
    locations = pd.read_parquet(folder / "locations.parquet")
    for name in locations.select_dtypes("object"):
        locations[name] = locations[name].astype("category")
    config = json.loads(config_path.read_text())
    server = BasicKeyServer(config, config_dir=str(folder))
    lookup = server.create_lookup(server.lookup_cls, config, str(folder), None, str(folder), None)
    keys = lookup.process_locations(locations)
    keys = keys if isinstance(keys, pd.DataFrame) else pd.DataFrame.from_records(list(keys))
    keys.to_csv(folder / "reference.csv", index=False)
"""


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each case and seed, with the reference's keys in it."""
    python = os.environ.get("OASISLMF_PYTHON")
    if not python:
        pytest.skip("set OASISLMF_PYTHON to an interpreter with oasislmf 2.5.8")
    root = tmp_path_factory.mktemp("lookups")
    for seed in SEEDS:
        for name, case in CASES.items():
            case.write(root / f"{name}_{seed}", seed)
        for name, (config, files) in VENDOR_LOOKUPS.items():
            folder = root / f"{name}_{seed}"
            folder.mkdir()
            locations(np.random.default_rng(seed), 60).to_parquet(folder / "locations.parquet", index=False)
            for file, text in {**files, "lookup_config.json": json.dumps(config)}.items():
                (folder / file).write_text(text)
    command = [python, "-c", REFERENCE, str(root)]
    # Not compiled: numba's cache of its grid functions grows with every run, until reading it fails.
    plain = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=plain)
    assert done.returncode == 0, done.stderr[-3000:]
    return root


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", [*CASES, *VENDOR_LOOKUPS])
def test_keys_equal_the_references(answered: Path, name: str, seed: int) -> None:
    folder = answered / f"{name}_{seed}"
    config = json.loads((folder / "lookup_config.json").read_text())
    given = pa.Table.from_pandas(pd.read_parquet(folder / "locations.parquet"), preserve_index=False)
    keys = StandardModel(name, folder, LookupSource(config, folder)).lookup(given).to_pandas()
    reference = pd.read_csv(folder / "reference.csv", keep_default_na=False, na_values=[""])
    compared = [column for column in keys.columns if column in reference.columns]
    if name == "deterministic":
        compared.remove("message")
    assert {"loc_id", "peril_id", "area_peril_id", "vulnerability_id", "status"} <= set(compared)
    assert name == "derived" or (keys["status"] == "success").sum() > 20
    for column in compared:
        ours, theirs = keys[column], reference[column]
        if pd.api.types.is_numeric_dtype(theirs):
            ours, theirs = ours.fillna(-1).astype("int64"), theirs.fillna(-1).astype("int64")
            theirs = theirs.mask(theirs <= 0, -1) if column in ("area_peril_id", "vulnerability_id") else theirs
        else:
            ours, theirs = ours.astype("object").fillna(""), theirs.astype("object").fillna("")
        assert ours.tolist() == theirs.tolist(), column
