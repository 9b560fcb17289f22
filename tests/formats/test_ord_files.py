"""Tables as files: the same bytes whatever the chunks, whole or absent, and the corrected cases of the reference."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oasis_kernel.errors import InvalidInput
from oasis_kernel.formats import ord as ord_files
from oasis_kernel.formats.ord import TableWriter, write_summary_info
from oasis_kernel.formats.ord_batches import SCHEMAS, batch_of
from oasis_kernel.formats.ord_events import EventContext, event_table
from oasis_kernel.formats.ord_occurrence import Occurrences, calendar
from oasis_kernel.formats.ord_periods import PERIOD_TABLES, PeriodContext, period_tables
from oasis_kernel.formats.ord_spool import BatchSpool
from oasis_kernel.model.hazard import Occurrence, PeriodWeights
from oasis_kernel.model.losses import EXPOSURE, MEAN, SPECIAL, SummaryLosses
from oasis_kernel.model.results import TABLES, OutputRequest, file_name
from oasis_kernel.model.settings import OrdOutput

SAMPLES, PERIODS = 7, 12
INFO = pa.table({"summary_id": [1, 2, 3], "LocNumber": ["a", "b,c", "0"], "tiv": [1.0, 2.5, 1e6]})
EVERYTHING = OrdOutput(**{name: True for name, field in OrdOutput.model_fields.items() if field.default is False})


@pytest.fixture(scope="module")
def losses() -> SummaryLosses:
    rng = np.random.default_rng(5)
    pairs = [(e, s) for e in range(1, 31) for s in (1, 2, 3) if rng.random() < 0.7]
    event, summary = np.array(pairs, np.int32).T
    loss = rng.gamma(0.5, 1e4, (len(pairs), SPECIAL + SAMPLES)) * (rng.random((len(pairs), 1)) < 0.8)
    loss[:, EXPOSURE] = 1e6
    return SummaryLosses(event, summary, loss.astype(np.float32))


@pytest.fixture(scope="module", params=[False, True], ids=["equal", "weighted"])
def occurrences(request: pytest.FixtureRequest) -> Occurrences:
    rng = np.random.default_rng(6)
    event, period = rng.integers(1, 31, 40).astype(np.int32), rng.integers(1, PERIODS + 1, 40).astype(np.int32)
    occurrence = Occurrence(event, period, rng.integers(1, 9**6, 40), PERIODS, True, False)
    return Occurrences.of(occurrence, PeriodWeights(rng.dirichlet(np.ones(PERIODS))) if request.param else None)


def cut(losses: SummaryLosses, events: int) -> list[SummaryLosses]:
    starts = np.flatnonzero(np.diff(losses.event_id, prepend=-1))[::events]
    return [
        SummaryLosses(losses.event_id[a:b], losses.summary_id[a:b], losses.loss[a:b])
        for a, b in pairwise([*starts, len(losses.event_id)])
    ]


def write_all(folder: Path, chunks: list[SummaryLosses], occurrences: Occurrences, memory: int) -> dict[str, bytes]:
    """Every table's bytes, as CSV and as Parquet with the summaries' names."""
    folder.mkdir()
    request = OutputRequest.of(EVERYTHING)
    context = EventContext("gul", occurrences)
    periods = PeriodContext(occurrences, np.array([20, 12, 5, 2], np.int32), memory)
    batches: dict[str, Iterable[pa.RecordBatch]] = {name: [] for name in TABLES}
    for name, batch in period_tables(lambda: chunks, request, periods):
        batches[name] = [*batches[name], batch]
    for name, table in TABLES.items():
        if name not in PERIOD_TABLES:
            batches[name] = list(event_table(name, chunks, context))
        for extension in ("csv", "parquet"):
            with TableWriter(str(folder / f"{table.stem}.{extension}"), name, INFO) as writer:
                for batch in batches[name]:
                    writer.write(batch)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_bytes_depend_on_neither_chunks_nor_memory(
    losses: SummaryLosses, occurrences: Occurrences, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ord_files, "ROW_GROUP", 64)
    whole = write_all(tmp_path / "whole", [losses], occurrences, 2**30)
    assert len(whole) == 2 * len(TABLES)
    for events, memory in ((1, 1), (4, 2**30), (7, 3000)):
        pieces = write_all(tmp_path / f"by{events}", cut(losses, events), occurrences, memory)
        assert {name for name in whole if pieces[name] != whole[name]} == set()


def test_a_table_without_losses_has_its_header(tmp_path: Path) -> None:
    with TableWriter(str(tmp_path / "t.csv"), "PALT"):
        pass
    assert (tmp_path / "t.csv").read_text() == "SummaryId,SampleType,MeanLoss,SDLoss\n"
    with TableWriter(str(tmp_path / "t.parquet"), "PALT"):
        pass
    assert pq.read_schema(tmp_path / "t.parquet") == SCHEMAS["PALT"]


def test_an_error_leaves_no_file(tmp_path: Path) -> None:
    for name in ("t.csv", "t.parquet"):
        with pytest.raises(ZeroDivisionError), TableWriter(str(tmp_path / name), "PALT"):
            raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_summary_info_is_joined_by_summary(tmp_path: Path) -> None:
    columns = {"SummaryId": np.array([2, 1, 9]), "SampleType": 1, "MeanLoss": 1.5, "SDLoss": 0}
    for extension in ("csv", "parquet"):
        with TableWriter(str(tmp_path / f"t.{extension}"), "PALT", INFO) as writer:
            writer.write(batch_of("PALT", columns))
    assert (tmp_path / "t.csv").read_text() == (
        "SummaryId,SampleType,MeanLoss,SDLoss,LocNumber,tiv\n"
        '2,1,1.500000,0.000000,"b,c",2.5\n1,1,1.500000,0.000000,a,1.0\n9,1,1.500000,0.000000,,\n'
    )
    joined = pq.read_table(tmp_path / "t.parquet")
    assert joined["LocNumber"].to_pylist() == ["b,c", "a", None]
    assert joined["tiv"].to_pylist() == [2.5, 1.0, None]


def test_summary_info_is_written_as_the_reference_writes_it(tmp_path: Path) -> None:
    write_summary_info(str(tmp_path / "i.csv"), INFO)
    assert (tmp_path / "i.csv").read_text() == 'summary_id,LocNumber,tiv\n1,a,1.0\n2,"b,c",2.5\n3,0,1000000.0\n'


@pytest.mark.parametrize("granular", [False, True])
def test_dates_are_right_on_every_day(granular: bool) -> None:
    """Month ends too, which the reference's granular dates get wrong."""
    days = pd.date_range("1995-12-25", "2004-03-05", freq="D")
    number = np.array([_day_number(day.year, day.month, day.day) for day in days])
    found = calendar(number * 1440 + 725 if granular else number, granular=granular)
    expected = np.stack([days.year, days.month, days.day], axis=1)
    np.testing.assert_array_equal(found[:, :3], expected)
    assert np.unique(found[:, 3:], axis=0).tolist() == ([[12, 5]] if granular else [[0, 0]])


def _day_number(year: int, month: int, day: int) -> int:
    """Days since 1 March of year 0, by the Oasis standard's formula for occurrence files."""
    m = (month + 9) % 12
    y = year - m // 10
    return 365 * y + y // 4 - y // 100 + y // 400 + (306 * m + 5) // 10 + day - 1


def test_convergence_of_three_samples_reads_three() -> None:
    """The reference reads past the samples when their number is one below a power of 2."""
    loss = np.zeros((1, SPECIAL + 3), np.float32)
    loss[0, SPECIAL:] = 2, 4, 9
    one = SummaryLosses(np.array([1], np.int32), np.array([2], np.int32), loss)
    happens = Occurrence(np.array([1], np.int32), np.array([1], np.int32), np.array([9]), 2, True, False)
    request = OutputRequest.of(OrdOutput(alt_period=True, alct_convergence=True))
    found = dict(period_tables(lambda: [one], request, PeriodContext(Occurrences.of(happens))))
    rows = found["ALCT"].to_pandas()
    assert rows["SampleSize"].tolist() == [1, 2, 3] * 2
    assert rows["MeanLoss"].tolist() == [0, 0, 0, 1.0, 3.25, 2.5]


def test_per_sample_mean_with_weights_needs_no_psept() -> None:
    """The reference writes EPCalc 3 of weighted periods only when PSEPT is asked for too."""
    loss = np.zeros((1, SPECIAL + 2), np.float32)
    loss[0, MEAN] = 1
    loss[0, SPECIAL:] = 10, 30
    one = SummaryLosses(np.array([1], np.int32), np.array([1], np.int32), loss)
    happens = Occurrence(np.array([1], np.int32), np.array([1], np.int32), np.array([9]), 2, True, False)
    occurrences = Occurrences.of(happens, PeriodWeights(np.array([0.25, 0.75])))
    flags = OrdOutput(ept_per_sample_mean_oep=True, return_period_file=True)
    context = PeriodContext(occurrences, np.array([8, 4, 2], np.int32))
    found = [batch.to_pandas() for _, batch in period_tables(lambda: [one], OutputRequest.of(flags), context)]
    rows = pd.concat(found)
    mean = rows[rows.EPCalc == 3]
    assert list(zip(mean.ReturnPeriod, mean.Loss, strict=True)) == [(4, 20), (2, 0)]


def test_listed_return_periods_need_a_list(losses: SummaryLosses, occurrences: Occurrences) -> None:
    request = OutputRequest.of(OrdOutput(psept_oep=True, return_period_file=True))
    with pytest.raises(InvalidInput, match="return_periods must name the return periods that curves are asked for at"):
        list(period_tables(lambda: [losses], request, PeriodContext(occurrences)))


def test_without_samples_only_means_have_losses(tmp_path: Path) -> None:
    loss = np.array([[5, 0, 10, 1, 9]], np.float32)
    one = SummaryLosses(np.array([1], np.int32), np.array([1], np.int32), loss)
    happens = Occurrence(np.array([1], np.int32), np.array([1], np.int32), np.array([9]), 2, True, False)
    occurrences = Occurrences.of(happens)
    for name in ("SELT", "SPLT", "MPLT", "QELT", "QPLT"):
        rows = pa.Table.from_batches(event_table(name, [one], EventContext("ri", occurrences)), SCHEMAS[name])
        assert rows.num_rows == (0 if name[0] == "Q" else 1), name
    found = period_tables(
        lambda: [one], OutputRequest.of(EVERYTHING), PeriodContext(occurrences, np.array([2], np.int32))
    )
    curves = [batch.to_pandas() for name, batch in found if name == "EPT"]
    assert set(pd.concat(curves).EPCalc) == {1}


def test_spool_gives_back_by_key_whatever_fits_in_memory() -> None:
    batches = [batch_of("ALT", {"SummaryId": n, "SampleType": 1, "MeanLoss": np.zeros(4)}) for n in range(6)]
    for memory in (0, 100, 2**20):
        with BatchSpool(memory) as spool:
            for n, batch in enumerate(batches):
                spool.add((n % 2,), batch)
            found = [(key[0], batch["SummaryId"][0].as_py()) for key, batch in spool.ordered()]
        assert found == [(0, 0), (0, 2), (0, 4), (1, 1), (1, 3), (1, 5)]


def test_file_names() -> None:
    assert file_name("gul", 1, "ept", "csv") == "gul_S1_ept.csv"
    assert file_name("rl", 2, "selt", "parquet", 1) == "rl_IP1_S2_selt.parquet"


def test_request_of_flags() -> None:
    request = OutputRequest.of(
        OrdOutput(plt_moment=True, ept_mean_sample_aep=True, psept_oep=True, parquet_format=True)
    )
    assert request.tables == ("MPLT", "EPT", "PSEPT")
    assert {(int(calculation), int(basis)) for calculation, basis in request.curves} == {(4, 3), (1, 3), (0, 1)}
    assert request.parquet
    assert request.needs_occurrence
    assert not OutputRequest.of(OrdOutput(elt_sample=True)).needs_occurrence
