"""Insured losses of generated accounts, ours beside the reference's.

``python -m bench.financial [LOCATIONS] [SAMPLES]``. Ten locations an account; three coverages a location, two perils
each; deductibles by coverage, a deductible with a maximum by location, account terms, two layers: four levels, of which
the two lowest carry deductibles over. Prints processor seconds of one core. The reference runs too when OASISLMF_PYTHON
names its Python; compilation is not counted.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.model.terms import PROFILE_DTYPE, Leaves, Programme
from oasis_kernel.prepare.execution import build_execution
from oasis_kernel.steps.insured import Insured

LOCATIONS_PER_ACCOUNT, COVERAGES, PERILS, LAYERS = 10, 3, 2, 2
EVENTS = 40
HIT = 0.65  # share of items an event hits

REFERENCE = """
import sys, time, resource
from oasislmf.pytools.fm.financial_structure import create_financial_structure
from oasislmf.pytools.fm.manager import run
folder = sys.argv[1]
create_financial_structure(2, folder)
def once(name):
    began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    run(create_financial_structure_files=False, allocation_rule=2, static_path=folder,
        files_in=[f"{folder}/{name}.bin"], files_out=[f"{folder}/gross.bin"],
        low_memory=False, net_loss=None, sort_output=False, storage_method="sparse")
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime - began
once("warm")
print(once("losses"))
"""


def accounts(locations: int) -> tuple[Programme, Leaves]:
    """The programme of so many locations, and its items."""
    random = np.random.default_rng(1)
    items = locations * COVERAGES * PERILS
    coverage = np.arange(items) // PERILS
    location, account = coverage // COVERAGES, coverage // COVERAGES // LOCATIONS_PER_ACCOUNT
    holders = [coverage, location, account, account]
    edges, policies = [], []
    below = np.arange(items)
    for level, holder in enumerate(holders, 1):
        pairs = np.unique(np.stack([below, holder], 1), axis=0) + 1
        edges.append(np.stack([pairs[:, 0], np.full(len(pairs), level), pairs[:, 1]]))
        nodes = np.arange(1, holder.max() + 2)
        for layer in range(1, LAYERS + 1 if level == 4 else 2):
            profile = level if layer == 1 else level + 1
            policies.append(
                np.stack([np.full(len(nodes), level), nodes, np.full(len(nodes), layer), np.full(len(nodes), profile)])
            )
        below = holder
    profile = np.zeros(5, PROFILE_DTYPE)
    profile["profile_id"], profile["calcrule_id"] = np.arange(1, 6), [12, 7, 1, 2, 2]
    profile["deductible1"], profile["deductible3"] = [500, 1000, 5000, 0, 0], [0, 2000, 0, 0, 0]
    profile["limit1"], profile["attachment1"] = [0, 4e5, 2e6, 5e5, 2e6], [0, 0, 0, 0, 5e5]
    profile["share1"] = 1
    agg, layer = np.repeat(np.arange(1, items + 1), LAYERS), np.tile(np.arange(1, LAYERS + 1), items)
    columns = [array.astype("i4") for array in (*np.hstack(edges), *np.hstack(policies))]
    value = random.lognormal(11.5, 1, locations * COVERAGES).astype("f4")
    outputs = (np.arange(1, len(agg) + 1, dtype="i4"), agg.astype("i4"), layer.astype("i4"))
    return Programme(*columns, profile, *outputs), Leaves((coverage + 1).astype("i4"), value)


def losses(leaves: Leaves, samples: int, events: int) -> LossBlock:
    """Losses of a random share of the items in each event."""
    random = np.random.default_rng(2)
    items = len(leaves.coverage_id)
    rows = [np.flatnonzero(random.random(items) < HIT) for _ in range(events)]
    row = np.concatenate(rows).astype("i4")
    loss = np.minimum(random.exponential(0.05, (len(row), SPECIAL + samples)), 1).astype("f4")
    loss *= leaves.coverage_tiv[leaves.coverage_id[row] - 1][:, None]
    loss[:, [1, 3]] = 0
    offsets = np.concatenate([[0], np.cumsum([len(hit) for hit in rows])])
    return LossBlock(np.arange(1, events + 1, dtype="i4"), offsets, row, loss)


def processor_seconds() -> float:
    """User time of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


def ours(programme: Programme, leaves: Leaves, block: LossBlock) -> tuple[float, float]:
    """(seconds to prepare, seconds to run), compiled beforehand."""
    warm = losses(leaves, block.samples, 1)
    Insured(build_execution(programme, leaves)).apply(warm)
    began = processor_seconds()
    insured = Insured(build_execution(programme, leaves))
    prepared = processor_seconds()
    insured.apply(block)
    return prepared - began, processor_seconds() - prepared


def reference(python: str, programme: Programme, leaves: Leaves, block: LossBlock) -> float:
    """The reference's seconds for the same work, reading and writing its streams included."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "parity"))
    from fm_files import write_losses, write_programme

    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "static"
        write_programme(folder, programme, leaves)
        write_losses(folder / "losses.bin", block)
        write_losses(folder / "warm.bin", losses(leaves, block.samples, 1))
        script = Path(root) / "reference.py"
        script.write_text(REFERENCE)
        done = subprocess.run([python, script, folder], check=True, cwd=root, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    """Print what both take."""
    locations, samples = (int(text) for text in (sys.argv[1:] + ["10000", "10"][len(sys.argv) - 1 :]))
    programme, leaves = accounts(locations)
    block = losses(leaves, samples, EVENTS)
    pairs = len(block.row) * samples / 1e6
    print(f"{locations:,} locations, {samples} samples, {EVENTS} events: {pairs:.1f} million item losses")
    wall = time.perf_counter()
    prepare, run = ours(programme, leaves, block)
    wall = time.perf_counter() - wall
    print(
        f"ours: {run:.2f} s ({run / pairs * 1000:.1f} ns a loss), prepared in {prepare:.2f} s;"
        f" {wall:.1f} s by the clock with compilation"
    )
    if python := os.environ.get("OASISLMF_PYTHON"):
        other = reference(python, programme, leaves, block)
        print(f"reference: {other:.2f} s ({other / pairs * 1000:.1f} ns a loss), {other / run:.1f} times ours")


if __name__ == "__main__":
    main()
