"""Ground-up losses beside the reference's kernel: every value of every stream must have the same bits."""

import itertools
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ground_up_files import PAIR, stream
from ground_up_synthetic import EVENTS, VARIANTS, Variant, make, ours, write

from oasis_kernel.model.hazard import Footprint, LossFactors
from oasis_kernel.model.losses import SPECIAL
from oasis_kernel.model.options import GroundUpOptions
from oasis_kernel.steps.ground_up import GroundUp

pytestmark = [pytest.mark.differential, pytest.mark.slow]


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


@pytest.mark.parametrize(
    ("words", "options"),
    [((), {}), (("-f", "0.4"), {"secondary_factor": 0.4}), (("-F", "1.23"), {"uniform_factor": 1.23})],
)
def test_post_loss_amplification(reference: Path, tmp_path: Path, words: tuple[str, ...], options: dict) -> None:
    variant = Variant("amplified")
    made = make(variant, seed=5)
    write(made, variant, tmp_path)
    amplification, factors = amplify(tmp_path, len(made.item))
    run_reference(reference, tmp_path, 12, 2, 1)
    command = [reference / "plapy", "-r", ".", "-i", "losses.bin", "-o", "amplified.bin", *words]
    subprocess.run([str(word) for word in command], cwd=tmp_path, check=True, timeout=300, capture_output=True)
    model, items, coverages, footprint = ours(made)
    step = GroundUp(
        replace(items, amplification_id=amplification),
        coverages,
        replace(model, loss_factors=factors),
        GroundUpOptions(samples=12, allocation_rule=1, amplification=True, **options),
    )
    theirs = parse((tmp_path / "amplified.bin").read_bytes(), 12)
    assert_same_bits(stream(step, footprint), theirs, 12)


def amplify(folder: Path, items: int) -> tuple[np.ndarray, LossFactors]:
    """Write random amplifications and loss factors; return them as our values."""
    rng = np.random.default_rng(1)
    amplification = rng.integers(1, 4, items).astype("i4")
    numbered = np.stack([np.arange(1, items + 1, dtype="i4"), amplification], axis=1)
    (folder / "input" / "amplifications.bin").write_bytes(np.array([0], "i4").tobytes() + numbered.tobytes())
    listed = [(event, a, rng.random() * 3) for event in EVENTS[:3] for a in (1, 3)]
    words = [np.array([0], "i4").tobytes()]
    for event in EVENTS[:3]:
        mine = [row for row in listed if row[0] == event]
        words.append(np.array([event, len(mine)], "i4").tobytes())
        words += [np.array([a], "i4").tobytes() + np.array([f], "f4").tobytes() for _, a, f in mine]
    (folder / "static" / "lossfactors.bin").write_bytes(b"".join(words))
    event, ids, factor = zip(*listed, strict=True)
    return amplification, LossFactors(np.array(event, "i4"), np.array(ids, "i4"), np.array(factor, "f4"))
