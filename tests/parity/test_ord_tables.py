"""Every ORD table of the reference's own PiWind runs, rebuilt from the sample losses it printed."""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oasis_kernel.formats.ord import TableWriter
from oasis_kernel.formats.ord_batches import SCHEMAS
from oasis_kernel.formats.ord_events import EventContext, event_table
from oasis_kernel.formats.ord_occurrence import Occurrences
from oasis_kernel.formats.ord_periods import PERIOD_TABLES, PeriodContext, period_tables
from oasis_kernel.model.hazard import Occurrence
from oasis_kernel.model.losses import EXPOSURE, MAXIMUM, MEAN, SPECIAL, SummaryLosses
from oasis_kernel.model.results import TABLES, OutputRequest
from oasis_kernel.model.settings import OrdOutput

pytestmark = pytest.mark.parity

EVENT_TABLES = tuple(name for name in TABLES if name not in PERIOD_TABLES)
KEYS = {"EventId", "SummaryId", "SampleId", "SampleType", "Period", "Year", "Month", "Day", "Hour", "Minute",
        "EPCalc", "EPType", "ReturnPeriod", "Quantile"}  # fmt: skip
CASES = [
    *(("all_outputs", stem, 1) for stem in ("gul_S1", "il_S1", "ri_S1", "rl_IP1_S1")),
    *(("case_5", stem, 10) for stem in ("gul_S1", "il_S1", "ri_S1")),
    *(("case_6", stem, 10) for stem in ("gul_S1", "il_S1", "ri_S1")),  # Parquet: losses are not rounded
]
EVERY_FLAG = {
    name: True
    for name in OrdOutput.model_fields
    if name not in ("alct_confidence", "alct_convergence", "alt_meanonly", "parquet_format", "return_period_file")
}


class Tables(NamedTuple):
    """What one output folder says of one perspective, and how to ask for the same."""

    folder: Path
    stem: str
    losses: SummaryLosses

    def expected(self, name: str) -> pd.DataFrame:
        return read(self.folder, f"{self.stem}_{TABLES[name].stem}")


def read(folder: Path, name: str) -> pd.DataFrame:
    parquet = folder / f"{name}.parquet"
    return pd.read_parquet(parquet) if parquet.exists() else pd.read_csv(folder / f"{name}.csv")


def rebuild(folder: Path, stem: str, samples: int) -> SummaryLosses:
    """The summary losses behind a printed SELT: exposure and largest loss are MELT's, where it was printed."""
    selt = read(folder, f"{stem}_selt")
    pairs = selt[["EventId", "SummaryId"]].drop_duplicates().reset_index(drop=True)
    row = pairs.reset_index().set_index(["EventId", "SummaryId"])["index"]
    loss = np.zeros((len(pairs), SPECIAL + samples), np.float32)
    place = row.loc[list(zip(selt.EventId, selt.SummaryId, strict=True))].to_numpy()
    column = np.where(selt.SampleId > 0, SPECIAL + selt.SampleId - 1, -1 - selt.SampleId)
    loss[place, column] = selt.Loss
    np.maximum.at(loss[:, EXPOSURE], place, selt.ImpactedExposure.to_numpy(np.float32))
    if any(folder.glob(f"{stem}_melt.*")):
        melt = read(folder, f"{stem}_melt")
        place = row.loc[list(zip(melt.EventId, melt.SummaryId, strict=True))].to_numpy()
        loss[place, MAXIMUM] = melt.MaxLoss
        loss[place, EXPOSURE] = melt.FootprintExposure
        analytical = (melt.SampleType == 1).to_numpy()
        loss[place[analytical], MEAN] = melt.MeanLoss[analytical]
    return SummaryLosses(pairs.EventId.to_numpy(np.int32), pairs.SummaryId.to_numpy(np.int32), loss)


@pytest.fixture(scope="module")
def occurrences(piwind: Path) -> Occurrences:
    raw = np.fromfile(piwind / "model_data/PiWind/occurrence_lt.bin", np.int32)
    rows = raw[2:].reshape(-1, 3)
    occurrence = Occurrence(rows[:, 0], rows[:, 1], rows[:, 2].astype(np.int64), int(raw[1]), True, False)
    return Occurrences.of(occurrence)


@pytest.fixture(scope="module")
def return_periods(piwind: Path) -> np.ndarray:
    return np.fromfile(piwind / "model_data/PiWind/returnperiods.bin", np.int32)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(map(str, case)))
def tables(request: pytest.FixtureRequest, piwind: Path) -> Tables:
    case, stem, samples = request.param
    folder = piwind / "expected" / case / "output"
    return Tables(folder, stem, rebuild(folder, stem, samples))


def chunks(losses: SummaryLosses, events: int = 97) -> list[SummaryLosses]:
    """The same losses in chunks of whole events."""
    starts = np.flatnonzero(np.diff(losses.event_id, prepend=-1))
    bounds = [*starts[::events], len(losses.event_id)]
    return [SummaryLosses(losses.event_id[a:b], losses.summary_id[a:b], losses.loss[a:b]) for a, b in pairwise(bounds)]


def written(name: str, batches: list[pa.RecordBatch], folder: Path, beside: Path) -> pd.DataFrame:
    """Our table as it reads from a file of the kind that is ``beside`` it."""
    extension = "parquet" if any(beside.glob("*.parquet")) else "csv"
    with TableWriter(str(folder / f"table.{extension}"), name) as writer:
        for batch in batches:
            writer.write(batch)
    return read(folder, "table")


def compare(name: str, ours: pd.DataFrame, theirs: pd.DataFrame, tolerance: float = 1e-5) -> None:
    assert list(ours.columns) == list(theirs.columns)
    assert len(ours) == len(theirs)
    for column in TABLES[name].columns:
        got, wanted = ours[column.name].to_numpy(), theirs[column.name].to_numpy()
        if column.name in KEYS:
            np.testing.assert_array_equal(got, wanted, err_msg=column.name)
        else:
            unit = 1.01 * 10.0 ** -min(column.decimals or 0, 2)
            np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=unit, err_msg=column.name)


@pytest.mark.parametrize("name", EVENT_TABLES)
def test_tables_by_event_and_occurrence(
    name: str, tables: Tables, occurrences: Occurrences, piwind: Path, tmp_path: Path
) -> None:
    quantiles = np.fromfile(piwind / "model_data/PiWind/quantile.bin", np.float32)
    context = EventContext(tables.stem.partition("_")[0], occurrences, quantiles)
    ours = written(name, list(event_table(name, chunks(tables.losses), context)), tmp_path, tables.folder)
    compare(name, ours, tables.expected(name))


@pytest.mark.parametrize("memory", [2**30, 1])
def test_tables_by_period(
    memory: int, tables: Tables, occurrences: Occurrences, return_periods: np.ndarray, tmp_path: Path
) -> None:
    request = OutputRequest.of(OrdOutput(**EVERY_FLAG, return_period_file=True))
    context = PeriodContext(occurrences, return_periods, memory)
    found = list(period_tables(lambda: chunks(tables.losses), request, context))
    for name in ("PALT", "EPT", "PSEPT"):
        ours = written(name, [batch for table, batch in found if table == name], tmp_path, tables.folder)
        compare(name, ours, tables.expected(name), tolerance=2e-6)


@pytest.mark.parametrize("stem", ["gul_S1", "il_S1"])
def test_full_uncertainty_alone(
    stem: str, piwind: Path, occurrences: Occurrences, return_periods: np.ndarray, tmp_path: Path
) -> None:
    """case_1 asks for EPCalc 2 only, and gets 1 with it."""
    folder = piwind / "expected/case_1/output"
    flags = OrdOutput(
        alt_period=True, ept_full_uncertainty_aep=True, ept_full_uncertainty_oep=True, return_period_file=True
    )
    losses = rebuild(folder, stem, 10)
    context = PeriodContext(occurrences, return_periods)
    found = list(period_tables(lambda: [losses], OutputRequest.of(flags), context))
    for name in ("PALT", "EPT"):
        ours = written(name, [batch for table, batch in found if table == name], tmp_path, folder)
        compare(name, ours, read(folder, f"{stem}_{TABLES[name].stem}"), tolerance=2e-6)


def test_parquet_has_the_reference_types(piwind: Path) -> None:
    folder = piwind / "expected/case_6/output"
    for name, schema in SCHEMAS.items():
        file = folder / f"gul_S1_{TABLES[name].stem}.parquet"
        if file.exists():
            assert pq.read_schema(file).remove_metadata() == schema
