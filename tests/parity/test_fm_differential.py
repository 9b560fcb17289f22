"""Random programmes and losses through the reference's financial module and ours."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fm_files import by_event_and_row, read_leaves, read_losses, read_programme, write_losses, write_programme
from fm_programmes import RandomProgramme

from oasis_kernel.model.losses import LossBlock
from oasis_kernel.prepare.execution import build_execution
from oasis_kernel.steps.insured import Insured

CASES = int(os.environ.get("FM_DIFFERENTIAL_CASES", "120"))
TOLERANCE = 5e-6  # of the case's largest loss


def cases() -> Iterator[tuple[str, RandomProgramme, int]]:
    """Name, programme and allocation rule of each case."""
    for seed in range(CASES):
        kind = {"bounded": seed % 3 == 1, "stepped": seed % 3 == 2}
        for rule in (0, 1, 2, 3):
            yield f"{seed:04d}_{rule}", RandomProgramme(seed, **kind), rule


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of cases that the reference has run."""
    python = os.environ.get("OASISLMF_PYTHON")
    if not python:
        pytest.skip("needs OASISLMF_PYTHON: the Python of an installed oasislmf")
    root = tmp_path_factory.mktemp("fm")
    for name, programme, rule in cases():
        write_programme(root / name, programme.programme(rule), programme.leaves)
        write_losses(root / name / "losses.bin", programme.losses())
    subprocess.run([python, Path(__file__).with_name("fm_reference.py"), root], check=True, cwd=root)
    return root


@pytest.mark.differential
@pytest.mark.slow
def test_random_programmes_give_the_references_losses(reference: Path) -> None:
    wrong = []
    for name, _, rule in cases():
        folder = reference / name
        execution = build_execution(read_programme(folder), read_leaves(folder), allocation_rule=rule, compatible=True)
        insured, losses = Insured(execution), read_losses(folder / "losses.bin")
        in_order = rule > 0  # top nodes come in another order where the programme restarts from items
        wrong += [f"{name} gross {text}" for text in differences(insured.apply(losses), folder / "gross.bin", in_order)]
        if rule:
            wrong += [f"{name} net {text}" for text in differences(insured.remaining(losses), folder / "net.bin")]
    assert not wrong, "\n".join(wrong[:40])


def differences(ours: LossBlock, path: Path, in_order: bool = True) -> Iterator[str]:
    """What differs from the reference's stream: order of rows, or a loss."""
    theirs = read_losses(path)
    got, want = by_event_and_row(ours), by_event_and_row(theirs)
    if list(got) != list(want) and (in_order or got.keys() != want.keys()):
        yield f"rows {list(got)[:12]} instead of {list(want)[:12]}"
    scale = max(1.0, max((np.abs(loss).max() for loss in want.values()), default=1.0))
    for key in got.keys() & want.keys():
        if not np.allclose(got[key], want[key], rtol=TOLERANCE, atol=TOLERANCE * scale):
            yield f"{key} {got[key]} instead of {want[key]}"
            return
