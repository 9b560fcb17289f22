"""The reference's own tools beside ours on random summary losses: every table, with weights, dates and lists."""

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from oasis_kernel.formats.ord import TableWriter
from oasis_kernel.formats.ord_events import EventContext, event_table
from oasis_kernel.formats.ord_occurrence import Occurrences, calendar
from oasis_kernel.formats.ord_periods import PERIOD_TABLES, PeriodContext, period_tables
from oasis_kernel.model.hazard import EventRates, Occurrence, PeriodWeights
from oasis_kernel.model.losses import EXPOSURE, MAXIMUM, MEAN, SPECIAL, SummaryLosses
from oasis_kernel.model.results import TABLES, OutputRequest
from oasis_kernel.model.settings import OrdOutput

pytestmark = [pytest.mark.differential, pytest.mark.slow]

EVENTS, SUMMARIES, PERIODS = 60, 4, 40
RETURN_PERIODS = np.array([500, 50, 40, 30, 17, 10, 5, 3, 2, 1], np.int32)
QUANTILES = np.array([0, 0.1, 0.35, 0.5, 0.95, 1], np.float32)
SUMMARY_STREAM = 3 << 24 | 1
CURVES = ("-F", "-W", "-S", "-M", "-f", "-w", "-s", "-m")
INDEX = np.dtype([("summary_id", "i4"), ("offset", "i8")])


class Case(NamedTuple):
    samples: int
    weighted: bool
    granular: bool
    listed: bool


CASES = [
    Case(10, weighted=False, granular=False, listed=True),
    Case(5, weighted=True, granular=True, listed=True),
    Case(6, weighted=True, granular=False, listed=False),
    Case(1, weighted=False, granular=True, listed=False),
]


class Inputs(NamedTuple):
    losses: SummaryLosses
    occurrence: Occurrence
    weights: PeriodWeights | None
    rates: EventRates


def random_inputs(case: Case) -> Inputs:
    rng = np.random.default_rng(case.samples)
    pairs = [(e, s) for e in range(1, EVENTS + 1) for s in range(1, SUMMARIES + 1) if rng.random() < 0.7]
    event, summary = np.array(pairs, np.int32).T
    loss = np.zeros((len(pairs), SPECIAL + case.samples), np.float32)
    loss[:, SPECIAL:] = rng.gamma(0.7, 1e5, (len(pairs), case.samples)) * (rng.random((len(pairs), case.samples)) < 0.6)
    loss[:, MEAN] = rng.gamma(0.7, 1e5, len(pairs)) * (rng.random(len(pairs)) < 0.8)
    loss[:, EXPOSURE] = rng.uniform(1e6, 2e6, len(pairs))
    loss[:, MAXIMUM] = loss[:, EXPOSURE]
    days = rng.integers(700_000, 740_000, 80)
    days = days[calendar(days, granular=False)[:, 2] < 28]  # the reference gets granular month ends wrong
    date = days * 1440 + rng.integers(0, 1440, len(days)) if case.granular else days
    happens = rng.integers(1, EVENTS, len(days)).astype(np.int32)  # some events never, some more than once
    period = rng.integers(1, PERIODS + 1, len(days)).astype(np.int32)
    occurrence = Occurrence(happens, period, date, PERIODS, True, case.granular)
    weights = PeriodWeights(rng.dirichlet(np.ones(PERIODS))) if case.weighted else None
    rated = np.arange(1, EVENTS + 1, 2, dtype=np.int32)
    return Inputs(SummaryLosses(event, summary, loss), occurrence, weights, EventRates(rated, rng.random(len(rated))))


def stream(losses: SummaryLosses) -> tuple[bytes, np.ndarray]:
    """The losses as the reference's summary stream, and its index."""
    out = bytearray(np.array([SUMMARY_STREAM, losses.samples, 1], np.int32).tobytes())
    index = []
    pair = np.dtype([("sidx", "i4"), ("loss", "f4")])
    for event, summary, loss in zip(losses.event_id, losses.summary_id, losses.loss, strict=True):
        index.append((summary, len(out)))
        out += np.array([event, summary], np.int32).tobytes() + loss[EXPOSURE].tobytes()
        samples = [(s + 1, x) for s, x in enumerate(loss[SPECIAL:]) if x != 0]
        out += np.array([(-5, loss[MAXIMUM]), (-1, loss[MEAN]), *samples, (0, 0)], pair).tobytes()
    return bytes(out), np.array(index, INDEX)


def write_inputs(inputs: Inputs, folder: Path) -> None:
    (folder / "input").mkdir()
    (folder / "work" / "all").mkdir(parents=True)
    data, index = stream(inputs.losses)
    (folder / "work/all/summary.bin").write_bytes(data)
    index.tofile(folder / "work/all/summary.idx")
    occurrence = inputs.occurrence
    when = "i8" if occurrence.granular else "i4"
    rows = np.empty(len(occurrence.event_id), [("e", "i4"), ("p", "i4"), ("d", when)])
    rows["e"], rows["p"], rows["d"] = occurrence.event_id, occurrence.period, occurrence.date
    head = np.array([1 + 2 * occurrence.granular, occurrence.periods], np.int32)
    (folder / "input/occurrence.bin").write_bytes(head.tobytes() + rows.tobytes())
    QUANTILES.tofile(folder / "input/quantile.bin")
    RETURN_PERIODS.tofile(folder / "input/returnperiods.bin")
    if inputs.weights is not None:
        weight = np.empty(PERIODS, [("period", "i4"), ("weight", "f8")])
        weight["period"], weight["weight"] = np.arange(1, PERIODS + 1), inputs.weights.weight
        weight.tofile(folder / "input/periods.bin")
    rates = pd.DataFrame({"EventIds": inputs.rates.event_id, "Event_rates": inputs.rates.rate})
    rates.to_csv(folder / "input/event_rates.csv", index=False)


def run_reference(folder: Path, case: Case) -> None:
    python = os.environ.get("OASISLMF_PYTHON")
    if not python:
        pytest.skip("needs OASISLMF_PYTHON, a Python that has oasislmf 2.5.8")
    tools = Path(python).parent
    summary = "work/all/summary.bin"
    listed = ["-r"] if case.listed else []
    commands = [
        ["eltpy", "-i", summary, "-s", "selt.csv", "-m", "melt.csv", "-q", "qelt.csv"],
        ["pltpy", "-i", summary, "-s", "splt.csv", "-m", "mplt.csv", "-q", "qplt.csv"],
        ["aalpy", "-K", "all", "-a", "palt.csv", "-c", "alct.csv"],
        ["aalpy", "-K", "all", "-M", "-a", "altmeanonly.csv"],
        ["lecpy", "-K", "all", "-O", "ept.csv", "-o", "psept.csv", *CURVES, *listed],
    ]
    for command in commands:
        subprocess.run([tools / command[0], *command[1:]], cwd=folder, check=True, timeout=600)


def run_ours(inputs: Inputs, case: Case, folder: Path) -> None:
    occurrences = Occurrences.of(inputs.occurrence, inputs.weights)
    context = EventContext("ri", occurrences, QUANTILES, inputs.rates)
    flags = {name: True for name, field in OrdOutput.model_fields.items() if field.default is False}
    request = OutputRequest.of(OrdOutput(**flags | {"return_period_file": case.listed, "parquet_format": False}))
    rows = len(inputs.losses.event_id) // 2
    rows = int(np.searchsorted(inputs.losses.event_id, inputs.losses.event_id[rows]))
    cut = [
        SummaryLosses(inputs.losses.event_id[part], inputs.losses.summary_id[part], inputs.losses.loss[part])
        for part in (slice(0, rows), slice(rows, None))
    ]
    writers = {name: TableWriter(str(folder / f"our_{table.stem}.csv"), name) for name, table in TABLES.items()}
    for name, writer in writers.items():
        with writer:
            if name not in PERIOD_TABLES:
                for batch in event_table(name, cut, context):
                    writer.write(batch)
                continue
            for table, batch in period_tables(lambda: cut, request, PeriodContext(occurrences, RETURN_PERIODS)):
                if table == name:
                    writer.write(batch)


@pytest.fixture(scope="module", params=CASES, ids=str)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    inputs = random_inputs(request.param)
    write_inputs(inputs, folder)
    run_reference(folder, request.param)
    run_ours(inputs, request.param, folder)
    return folder


@pytest.mark.parametrize("name", TABLES)
def test_table_is_the_reference_s(name: str, folder: Path) -> None:
    """Rows in the same order, but for curves: the reference's indexed path orders those by summary."""
    table = TABLES[name]
    theirs = pd.read_csv(folder / f"{table.stem}.csv")
    ours = pd.read_csv(folder / f"our_{table.stem}.csv")
    if name in ("EPT", "PSEPT"):
        by = list(table.column_names[:3])
        ours, theirs = (frame.sort_values(by, kind="stable", ignore_index=True) for frame in (ours, theirs))
    assert list(ours.columns) == list(theirs.columns)
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-5, atol=0.011, check_dtype=False)
