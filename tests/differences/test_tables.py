"""Tables that the reference mixes up, cuts short or names wrongly."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from faults.standard_folder import write_analysis

from oasis_kernel.engine.analysis import Resources
from oasis_kernel.engine.execute import execute
from oasis_kernel.engine.inputs import load_analysis
from oasis_kernel.formats.ord_occurrence import Occurrences
from oasis_kernel.formats.ord_periods import PeriodContext, period_tables
from oasis_kernel.model.hazard import Occurrence, PeriodWeights
from oasis_kernel.model.inputs import InputFiles
from oasis_kernel.model.losses import MEAN, SPECIAL, SummaryLosses
from oasis_kernel.model.results import TABLES, OutputRequest, file_name
from oasis_kernel.model.settings import OrdOutput
from oasis_kernel.plugins import load_plugins


@pytest.mark.parametrize("numbers", [(1, 2), (2, 1)])
def test_a_summary_sets_file_holds_that_set(tmp_path: Path, numbers: Sequence[int]) -> None:
    """Set 1 is by location, set 2 is the whole; the settings name them in either order."""
    fields = {1: ["LocNumber"], 2: []}
    sets = [{"id": number, "oed_fields": fields[number], "ord_output": {"elt_moment": True}} for number in numbers]
    folder = write_analysis(tmp_path / "analysis")
    folder.set("analysis_settings.json", "gul_summaries", value=sets)
    analysis, _ = load_analysis(InputFiles(mdk=folder.path / "oasislmf.json"), load_plugins())
    execute(analysis, tmp_path / "out", Resources(1, 2**31, tmp_path / "store"), lambda progress: None)
    by_location, whole = (pd.read_csv(tmp_path / "out" / f"gul_S{number}_melt.csv") for number in (1, 2))
    assert sorted(set(by_location["SummaryId"])) == [1, 2, 3]
    assert sorted(set(whole["SummaryId"])) == [1]
    means = [table[table["SampleType"] == 1].groupby("EventId")["MeanLoss"].sum() for table in (by_location, whole)]
    np.testing.assert_allclose(means[0], means[1], rtol=1e-6)


def test_the_zero_tail_of_a_weighted_curve_is_the_summarys_own() -> None:
    """Four periods of weights 0.1, 0.2, 0.3 and 0.4; summary 1 loses 100 in the first, summary 2 in the second.

    Below its loss (at 1 / 0.1 years) summary 1 has no loss in the second period (1 / 0.3) and the third (1 / 0.6): at 3
    years the mean of the losses above is 100 over 3 points. In the reference the second period may not count, because
    summary 2 uses it: 50.
    """
    loss = np.zeros((2, SPECIAL + 1), np.float32)
    loss[:, MEAN] = loss[:, SPECIAL] = 100
    both = SummaryLosses(np.array([1, 2], np.int32), np.array([1, 2], np.int32), loss)
    happens = Occurrence(np.array([1, 2], "i4"), np.array([1, 2], "i4"), np.array([9, 9]), 4, True, False)
    occurrences = Occurrences.of(happens, PeriodWeights(np.array([0.1, 0.2, 0.3, 0.4])))
    request = OutputRequest.of(OrdOutput(ept_full_uncertainty_oep=True, return_period_file=True))
    found = period_tables(lambda: [both], request, PeriodContext(occurrences, np.array([10, 3], np.int32)))
    rows = pd.concat([batch.to_pandas() for _, batch in found])
    tail = rows[(rows.SummaryId == 1) & (rows.EPCalc == 1) & (rows.EPType == 2)]
    assert tail.ReturnPeriod.tolist() == [10, 3]
    assert tail.Loss.tolist() == pytest.approx([100, 100 / 3])


def test_the_average_annual_loss_without_deviation_has_none() -> None:
    """A mean of 6 in one of three periods is 2 a year; the reference adds its deviation, and misspells the file."""
    loss = np.zeros((1, SPECIAL + 1), np.float32)
    loss[0, MEAN] = loss[0, SPECIAL] = 6
    one = SummaryLosses(np.array([1], np.int32), np.array([1], np.int32), loss)
    happens = Occurrence(np.array([1], "i4"), np.array([1], "i4"), np.array([9]), 3, True, False)
    request = OutputRequest.of(OrdOutput(alt_meanonly=True))
    ((name, batch),) = period_tables(lambda: [one], request, PeriodContext(Occurrences.of(happens)))
    assert batch.to_pydict() == {"SummaryId": [1, 1], "SampleType": [1, 2], "MeanLoss": [2, 2]}
    stem = TABLES[name].stem
    assert [file_name("gul", 1, stem, kind) for kind in ("csv", "parquet")] == [
        "gul_S1_altmeanonly.csv",
        "gul_S1_altmeanonly.parquet",
    ]
