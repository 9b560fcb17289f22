"""Ground-up losses beside the reference's kernel: every value of every stream must have the same bits."""

import itertools
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from ground_up_files import PAIR, stream
from ground_up_synthetic import EVENTS, Variant, make, ours, write

from oasis_kernel.model.hazard import Footprint
from oasis_kernel.model.losses import SPECIAL
from oasis_kernel.model.options import GroundUpOptions
from oasis_kernel.steps.ground_up import GroundUp

pytestmark = [pytest.mark.differential, pytest.mark.slow]

DAMAGE_OFF = ("--ignore-correlation",)
ALL_OFF = ("--ignore-correlation", "--ignore-haz-correlation")
EFFECTIVE = ("--effective-damageability",)

VARIANTS = [
    Variant("plain"),
    Variant("curved bins, groups 0 and 3", curved=True, groups=(0, 3)),
    Variant("curved bins, group 5, many bins", curved=True, groups=(5, 3), bins=40),
    Variant("damage types", typed=True, curved=True),
    Variant("aggregates", aggregates=True),
    Variant("aggregates, effective", aggregates=True, flags=EFFECTIVE, options={"effective_damageability": True}),
    Variant("adjustments", adjustments={1: 1e-7, 2: 100.0, 3: 0.7, 4: 1.3}),
    Variant("no correlation", flags=ALL_OFF, options={"damage_correlation": False, "hazard_correlation": False}),
    Variant("hazard correlation alone", flags=DAMAGE_OFF, options={"damage_correlation": False}),
    Variant("dependency", depends=True, curved=True),
    Variant("dependency, effective", depends=True, flags=EFFECTIVE, options={"effective_damageability": True}),
    Variant("dynamic footprint", dynamic=True, flags=("--dynamic-footprint", "True")),
]


@pytest.fixture(scope="module")
def reference() -> Path:
    """The folder of the reference's commands."""
    python = os.environ.get("OASISLMF_PYTHON")
    if not python:
        pytest.skip("needs OASISLMF_PYTHON: the Python of an installed oasislmf 2.5.8")
    return Path(python).parent


def run_reference(commands: Path, folder: Path, samples: int, generator: int, rule: int, *flags: str) -> np.ndarray:
    """The reference's losses: rows of event, item, then the columns of a loss block; omitted samples are 0."""
    out = folder / "losses.bin"
    command = [commands / "gulmc", "--run-dir", ".", "-i", "input/events.bin", "-o", out.name, "-L", "0",
               "-S", samples, "--random-generator", generator, "-a", rule, *flags]  # fmt: skip
    subprocess.run([str(word) for word in command], cwd=folder, check=True, timeout=300, capture_output=True)
    return parse(out.read_bytes(), samples)


def parse(raw: bytes, samples: int) -> np.ndarray:
    """A loss stream as records: event, item, loss [SPECIAL + samples]."""
    words = np.frombuffer(raw, "i4", offset=8)
    pairs = np.frombuffer(raw, PAIR, offset=8)
    starts = [0]
    for end in np.flatnonzero((pairs["sidx"] == 0) & (pairs["loss"] == 0)):
        if end > starts[-1]:
            starts.append(end + 1)
    found = np.zeros(len(starts) - 1, [("event", "i4"), ("item", "i4"), ("loss", "f4", (SPECIAL + samples,))])
    for k, (start, stop) in enumerate(itertools.pairwise(starts)):
        record = pairs[start + 1 : stop - 1]
        found["event"][k], found["item"][k] = words[2 * start : 2 * start + 2]
        column = np.where(record["sidx"] < 0, -1 - record["sidx"], SPECIAL - 1 + record["sidx"])
        found["loss"][k, column] = record["loss"]
    return found


def assert_same_bits(mine: bytes, theirs: np.ndarray, samples: int) -> None:
    mine_rows = parse(mine, samples)
    np.testing.assert_array_equal(mine_rows["event"], theirs["event"])
    np.testing.assert_array_equal(mine_rows["item"], theirs["item"])
    np.testing.assert_array_equal(mine_rows["loss"].view("u4"), theirs["loss"].view("u4"))


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_random_models(variant: Variant, reference: Path, tmp_path: Path) -> None:
    made = make(variant, seed=sum(map(ord, variant.name)))
    write(made, variant, tmp_path)
    model, items, coverages, footprint = ours(made)
    if variant.dynamic:
        footprint = reference_footprint(reference, tmp_path)
    cases = [(37, 1, 2), (20, 2, 3)] if VARIANTS.index(variant) % 2 else [(0, 2, 0), (20, 2, 1)]
    for samples, generator, rule in cases:
        theirs = run_reference(reference, tmp_path, samples, generator, rule, *variant.flags)
        options = GroundUpOptions(
            samples=samples,
            random_generator=generator,
            allocation_rule=rule,
            vulnerability_adjustments=variant.adjustments,
            **variant.options,
        )
        assert len(theirs) > 100
        assert_same_bits(stream(GroundUp(items, coverages, model, options), footprint), theirs, samples)


def reference_footprint(commands: Path, folder: Path) -> Footprint:
    """The dynamic footprint as the reference builds it; only the losses on it are compared here."""
    script = (
        "import numpy as np\n"
        "from oasis_data_manager.filestore.backends.local import LocalStorage\n"
        "from oasislmf.pytools.getmodel.footprint import Footprint\n"
        "with Footprint.load(LocalStorage(root_dir='static', cache_dir=None)) as footprint:\n"
        "    for event in np.fromfile('input/events.bin', 'i4'):\n"
        "        rows = footprint.get_event(event)\n"
        "        np.save(f'event_{event}.npy', rows if rows is not None else np.zeros(0))\n"
    )
    subprocess.run([str(commands / "python"), "-c", script], cwd=folder, check=True, timeout=300, capture_output=True)
    events = [np.load(folder / f"event_{event}.npy") for event in EVENTS]
    rows = np.concatenate([rows for rows in events if len(rows)])
    offsets = np.concatenate([[0], np.cumsum([len(rows) for rows in events])])
    return Footprint(EVENTS, offsets, rows["areaperil_id"].astype("u8"), np.zeros(len(rows), "i4"),
                     rows["probability"].astype("f4"), rows["intensity"].astype("i4"),
                     rows["return_period"].astype("i4"))  # fmt: skip
