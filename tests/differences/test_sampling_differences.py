"""Sampling: what is kept of the reference, and what never gets lost here."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from faults.standard_folder import write_analysis

from oasis_kernel.engine.analysis import Resources
from oasis_kernel.engine.execute import execute
from oasis_kernel.engine.inputs import load_analysis
from oasis_kernel.model.exposure import Coverages, Items
from oasis_kernel.model.hazard import DamageBins, Footprint, Vulnerability
from oasis_kernel.model.inputs import InputFiles
from oasis_kernel.model.losses import SPECIAL
from oasis_kernel.model.options import GroundUpOptions
from oasis_kernel.plugins import load_plugins
from oasis_kernel.steps.ground_up import GroundUp
from oasis_kernel.steps.ground_up_tables import DamageModel

EDGES = np.array([0, 0.25, 0.5, 0.75, 1], "f4")
BINS = DamageBins(EDGES[:-1], EDGES[1:], (EDGES[:-1] + EDGES[1:]) / 2, np.zeros(4, "i4"))
#: At intensity 1 any damage is as likely as any other, at intensity 2 it is at most a quarter.
CURVE = np.array([[[0.25, 0.25, 0.25, 0.25], [1, 0, 0, 0]]], "f4")


def sampled(hazard_correlation: float) -> np.ndarray:
    """400 losses of 1,000, with either intensity by halves; damage is correlated in full."""
    none = np.zeros(1, "i4")
    one = Items(
        coverage_id=np.ones(1, "i4"),
        areaperil_id=np.array([10], "u8"),
        vulnerability_id=np.array([7], "i4"),
        group_id=np.array([11], "u4"),
        hazard_group_id=np.array([21], "u4"),
        peril_correlation_group=np.ones(1, "i4"),
        damage_correlation=np.ones(1, "f4"),
        hazard_correlation=np.array([hazard_correlation], "f4"),
        source_item_id=none,
        amplification_id=none,
        intensity_adjustment=none,
        return_period=none,
        peril_code=none,
    )
    nothing = np.zeros(0, "i4")
    places, halves = np.array([10, 10], "u8"), np.array([0.5, 0.5], "f4")
    hazard = Footprint(np.ones(1, "i4"), np.array([0, 2]), places, np.array([1, 2], "i4"), halves, nothing, nothing)
    model = DamageModel(BINS, Vulnerability(np.array([7], "i4"), CURVE))
    coverages = Coverages(np.array([1000], "f4"), np.ones(1, "i4"))
    (block,) = GroundUp(one, coverages, model, GroundUpOptions(samples=400)).blocks(hazard, 1 << 30)
    return block.loss[0, SPECIAL:]


def test_hazard_and_damage_share_their_common_factor() -> None:
    """With a shared factor u, u < 0.5 draws intensity 1 and a damage of u, u > 0.5 intensity 2 and a quarter of u.

    On average 0.5 x 250 + 0.5 x 187.5 = 218.75. Drawn apart they are 0.5 x 500 + 0.5 x 125 = 312.5.
    """
    shared, apart = sampled(1.0), sampled(0.0)
    assert shared.max() <= 500
    assert shared.mean() == pytest.approx(218.75, rel=0.01)
    assert apart.max() > 900
    assert apart.mean() == pytest.approx(312.5, rel=0.1)


def test_vulnerability_adjustments_of_the_settings_reach_the_samples(tmp_path: Path) -> None:
    """Vulnerability 1, of locations 1 and 3, is scaled to nothing; location 2 is as before."""
    samples = []
    for scale in (1.0, 1e-9):
        folder = write_analysis(tmp_path / str(scale))
        sets = [{"id": 1, "oed_fields": ["LocNumber"], "ord_output": {"elt_sample": True}}]
        folder.set("analysis_settings.json", "gul_summaries", value=sets)
        folder.set("analysis_settings.json", "vulnerability_adjustments", value={"adjustments": {"1": scale}})
        analysis, _ = load_analysis(InputFiles(mdk=folder.path / "oasislmf.json"), load_plugins())
        execute(analysis, folder.path / "out", Resources(1, 2**31, tmp_path / "store"), lambda progress: None)
        table = pd.read_csv(folder.path / "out" / "gul_S1_selt.csv")
        samples.append(table[table["SampleId"] > 0].groupby("SummaryId")["Loss"].sum())
    whole, scaled = samples
    assert (whole > 0).all()
    assert whole.index.tolist() == [1, 2, 3]
    assert scaled[scaled > 0].to_dict() == {2: whole[2]}
