"""Events, occurrences, periods, return periods, quantiles and rates: binary and csv, and what is refused."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oasis_kernel.errors import InvalidInput
from oasis_kernel.formats.model_data import StandardModelData, check, tables, write, write_tables
from oasis_kernel.formats.model_data.timeline import date_number
from oasis_kernel.model.hazard import Occurrence, PeriodWeights
from oasis_kernel.model.vendor import ModelChoice


def opened(directory, **choice):
    return StandardModelData(directory, ModelChoice(**choice))


def occurrence(granular=False, periods=5):
    return Occurrence(
        event_id=np.array([2, 1, 2], dtype=np.int32),
        period=np.array([1, 3, 5], dtype=np.int32),
        date=np.array([2_000_000, 306, 307]) * (1440 if granular else 1) // (3 if not granular else 1),
        periods=periods,
        has_dates=True,
        granular=granular,
    )


@given(st.dates())
def test_date_numbers_count_days(day):
    first = date_number(*(np.array([value]) for value in (day.year, day.month, day.day)))[0]
    assert first == (day - date(1, 3, 1)).days + 365
    if day < date.max:
        after = day + timedelta(days=1)
        assert date_number(*(np.array([value]) for value in (after.year, after.month, after.day)))[0] == first + 1


@pytest.mark.parametrize("granular", [False, True])
def test_occurrences_come_back(granular, directory):
    wanted = occurrence(granular)
    write.write_occurrence(directory / "occurrence_Late.bin", wanted)
    found = opened(directory, event_occurrence_id="Late").occurrence()
    for field in ("event_id", "period", "date"):
        np.testing.assert_array_equal(getattr(found, field), getattr(wanted, field))
    assert (found.periods, found.has_dates, found.granular) == (5, True, granular)
    assert opened(directory).occurrence() is None


def test_occurrences_as_csv(directory):
    text = "event_id,period_no,occ_year,occ_month,occ_day\n1,1,2024,2,29\n2,4,1,1,1\n"
    (directory / "occurrence.csv").write_text(text)
    found = opened(directory).occurrence()
    days = [(date(2024, 2, 29) - date(1, 3, 1)).days + 365, 306]
    assert found.date.tolist() == days
    assert (found.periods, found.has_dates, found.granular) == (4, True, False)
    write.write_period_weights(directory / "periods.bin", PeriodWeights(np.full(9, 1 / 9)))
    assert opened(directory).occurrence().periods == 9
    (directory / "occurrence.csv").write_text(
        "event_id,period_no,occ_year,occ_month,occ_day,occ_hour,occ_minute\n1,1,2024,2,29,13,5\n"
    )
    found = opened(directory).occurrence()
    assert found.granular
    assert found.date.tolist() == [days[0] * 1440 + 13 * 60 + 5]
    (directory / "occurrence.csv").write_text("event_id,period_no,occ_date_id\n1,2,7\n")
    found = opened(directory).occurrence()
    assert (found.date.tolist(), found.has_dates) == ([7], False)


@pytest.mark.parametrize("period", [0, 6])
def test_periods_outside_are_refused(period, directory, overwrite):
    write.write_occurrence(directory / "occurrence.bin", occurrence())
    overwrite(directory / "occurrence.bin", tables.OCCURRENCE, 8, 1, "period_no", period)
    with pytest.raises(InvalidInput, match=rf"occurrence\.bin row 3: period_no must be in 1..5, got {period}"):
        opened(directory).occurrence()
    assert any("period_no must be in 1..5" in str(finding) for finding in check(directory, ModelChoice()))


def test_occurrence_headers_are_checked(directory):
    path = directory / "occurrence.bin"
    write.write_occurrence(path, occurrence())
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(InvalidInput, match="size must hold whole records of 12 bytes after its header of 8 bytes"):
        opened(directory).occurrence()
    path.write_bytes(np.array([2, 5], dtype="<i4").tobytes() + content[8:])
    with pytest.raises(InvalidInput, match="options must be 0, 1 or 3 in the header, got 2"):
        opened(directory).occurrence()
    path.write_bytes(np.array([1, 0], dtype="<i4").tobytes() + content[8:])
    with pytest.raises(InvalidInput, match="periods must be at least 1 in the header, got 0"):
        opened(directory).occurrence()


def test_an_occurrence_asked_for_by_name_must_be_there(directory):
    write.write_occurrence(directory / "occurrence_lt.bin", occurrence())
    with pytest.raises(
        InvalidInput, match=r"occurrence_st\.bin.*Found occurrence_lt\.bin; choose another event_occurr"
    ):
        opened(directory, event_occurrence_id="st").occurrence()


class TestPeriodWeights:
    def written(self, directory, rows):
        write_tables.write_csv(directory / "periods.csv", np.array(rows, dtype=tables.PERIOD))
        write.write_occurrence(directory / "occurrence.bin", occurrence(periods=5))
        return opened(directory)

    def test_come_back_by_period(self, directory):
        rows = [(2, 0.5), (1, 0.125), (3, 0.25), (5, 0.125), (4, 0.0)]
        assert self.written(directory, rows).period_weights().weight.tolist() == [0.125, 0.5, 0.25, 0.0, 0.125]

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([(1, 0.5), (2, 0.5)], r"must list exactly the periods 1..5; missing: 3, 4, 5, got 2"),
            ([(1, 0.5), (2, 0.5), (2, 0.1), (3, 0), (4, 0)], "row 4: period_no must be listed once, got 2"),
            ([(1, 0.5), (2, 0.5), (6, 0.1), (3, 0), (4, 0)], "row 4: period_no must be in 1..5, got 6"),
            ([(1, -0.5), (2, 0.5), (3, 0.1), (4, 0), (5, 0)], "row 2: weighting must not be negative, got -0.5"),
        ],
    )
    def test_are_refused(self, rows, message, directory):
        with pytest.raises(InvalidInput, match=message):
            self.written(directory, rows).period_weights()


@pytest.mark.parametrize("listed", [False, True])
def test_return_periods_quantiles_and_rates_come_back(listed, directory):
    if listed:
        write_tables.write_csv(directory / "returnperiods.csv", np.array([100, 50, 2]).astype(tables.RETURN_PERIOD))
        write_tables.write_csv(directory / "quantile.csv", np.array([0.5, 0.1]).astype(tables.QUANTILE))
    else:
        write.write_return_periods(directory / "returnperiods.bin", [2, 100, 50])
        write.write_quantiles(directory / "quantile.bin", [0.5, 0.1])
    (directory / "event_rates.csv").write_text("EventIds,Event_rates\n7,0.01\n2,0.5\n")
    data = opened(directory)
    assert data.return_periods().tolist() == [100, 50, 2]
    assert data.quantiles().tolist() == pytest.approx([0.1, 0.5])
    assert data.event_rates().event_id.tolist() == [2, 7]
    assert data.event_rates().rate.tolist() == [0.5, 0.01]


def test_tables_that_are_not_there_are_none(directory):
    data = opened(directory)
    assert data.return_periods() is data.quantiles() is data.event_rates() is data.period_weights() is None
    assert data.loss_factors() is data.aggregates() is data.conditional_vulnerability() is data.intensity_bins() is None


@pytest.mark.parametrize(
    ("name", "text", "reader", "message"),
    [
        (
            "returnperiods.csv",
            "return_period\n10\n50\n",
            "return_periods",
            "row 3: return_period must strictly decrease",
        ),
        (
            "returnperiods.csv",
            "return_period\n10\n10\n",
            "return_periods",
            "row 3: return_period must strictly decrease",
        ),
        (
            "returnperiods.csv",
            "return_period\n10\n0\n",
            "return_periods",
            "row 3: return_period must be at least 1, got",
        ),
        ("quantile.csv", "quantile\n0.1\n1.5\n", "quantiles", r"row 3: quantile must be in \[0, 1\], got 1.5"),
        ("event_rates.csv", "EventIds,Event_rates\n1,-1\n", "event_rates", "row 2: Event_rates must not be negative"),
        ("event_rates.csv", "EventIds,Event_rates\n1,1\n1,2\n", "event_rates", "row 3: EventIds must be listed once"),
        ("events.csv", "event_id\n1\n0\n", "events", "row 3: event_id must be at least 1, got 0"),
        ("events.csv", "event_id\n4\n3\n4\n", "events", "row 4: event_id must be listed once, got 4"),
    ],
)
def test_impossible_tables_are_refused(name, text, reader, message, directory):
    (directory / "events.bin").unlink()
    (directory / name).write_text(text)
    with pytest.raises(InvalidInput, match=rf"{name} {message}"):
        getattr(opened(directory), reader)()
    assert any(name in str(finding) for finding in check(directory, ModelChoice()))


class TestCsv:
    def refused(self, directory, content, message):
        (directory / "events.bin").unlink()
        (directory / "events.csv").write_bytes(content)
        with pytest.raises(InvalidInput, match=message):
            opened(directory).events()

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"event_id\n1\nabc\n", r"events\.csv row 3: event_id must be a number \(int32\), got 'abc'"),
            (b"event_id\n1\n1.5\n", r"events\.csv row 3: event_id must be a number \(int32\), got '1.5'"),
            (b"event_id\n1\n99999999999\n", r"row 3: event_id must be a number \(int32\), got '99999999999'"),
            (b"event_id,x\n1,2\n,3\n", r"events\.csv row 3: event_id must not be blank, got ''"),
            (b"id\n1\n", r"events\.csv row 1: header must have the columns event_id; event_id missing, got 'id'"),
            (
                "event_id\n1\n".encode("utf-16"),
                r"events\.csv: cannot be read as csv: .*Save the file as comma-separated",
            ),
            (b"event_id\n1\n\xe9\n", "row 3: event_id must be a number"),
            (b"event_id\n1,2\n", r"events\.csv: cannot be read as csv: .*Expected 1 columns"),
            (b"", r"events\.csv: is empty"),
        ],
    )
    def test_refusals(self, content, message, directory):
        self.refused(directory, content, message)

    @pytest.mark.parametrize(
        "content",
        [
            b"event_id\n3\n1\n",
            b"\xef\xbb\xbfEvent_ID\r\n3\r\n1\r\n",
            b'name,"event_id"\nAna,3\nBob,1',
            b"event_id\n3.0\n1\n",
        ],
    )
    def test_spellings(self, content, directory):
        (directory / "events.bin").unlink()
        (directory / "events.csv").write_bytes(content)
        assert opened(directory).events().tolist() == [1, 3]
