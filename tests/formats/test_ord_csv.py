"""CSV text is printf's, for every float32 there is."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oasis_kernel.formats.ord_batches import batch_of
from oasis_kernel.formats.ord_csv import CsvEncoder
from oasis_kernel.model.results import TABLES

BITS = st.integers(0, 2**32 - 1)
MONEY = st.floats(0, 1e8, width=32).map(lambda x: int(np.float32(x).view(np.uint32)))


def printf(value: np.float32, decimals: int) -> str:
    return f"{float(value):.{decimals}f}"


def text_of(name: str, columns: dict) -> str:
    return b"".join(CsvEncoder(TABLES[name]).encode(batch_of(name, columns))).decode()


@settings(deadline=None, max_examples=200)
@given(st.lists(st.one_of(BITS, MONEY), min_size=1, max_size=50))
@example([0, 2**31, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7F7FFFFF, 0x4B800000, 0x4B7FFFFF, 0x5F000000, 1])
def test_floats_are_rounded_as_printf_rounds_them(bits: list[int]) -> None:
    values = np.array(bits, np.uint32).view(np.float32)
    columns = {"EPCalc": 2, "EPType": 1, "SummaryId": 7, "ReturnPeriod": values, "Loss": values[::-1]}
    wanted = [f"7,2,1,{printf(a, 6)},{printf(b, 6)}\n" for a, b in zip(values, values[::-1], strict=True)]
    assert text_of("EPT", columns) == "".join(wanted)
    columns = {"EventId": 1, "SummaryId": 2, "SampleId": 3, "Loss": values, "ImpactedExposure": values}
    assert text_of("SELT", columns) == "".join(f"1,2,3,{printf(v, 2)},{printf(v, 2)}\n" for v in values)


@pytest.mark.parametrize("decimals", [2, 4, 6])
def test_halves_go_to_even(decimals: int) -> None:
    """0.125 and 0.375 are exact: C prints 0.12 and 0.38."""
    column = {2: "MeanLoss", 4: "ChanceOfLoss", 6: "PeriodWeight"}[decimals]
    values = np.array([0.125, 0.375, 0.5, 1 / 64, 3 / 128, 0.99999997], np.float32)
    columns = dict.fromkeys(TABLES["MPLT"].column_names, 0) | {column: values}
    place = TABLES["MPLT"].column_names.index(column)
    found = [line.split(",")[place] for line in text_of("MPLT", columns).splitlines()]
    assert found == [printf(v, decimals) for v in values]


def test_whole_numbers() -> None:
    values = np.array([0, -1, 9, 10, -(2**31), 2**31 - 1], np.int32)
    text = text_of("SELT", {"EventId": values, "SummaryId": 1, "SampleId": -4, "Loss": 0, "ImpactedExposure": 0})
    assert [line.split(",")[0] for line in text.splitlines()] == [str(v) for v in values]


def test_rows_end_with_their_summary_s_text() -> None:
    endings = [b",,", b",a,1.5", b",,"]
    columns = {"SummaryId": np.array([1, 0, 9, -1]), "SampleType": 1, "MeanLoss": 0.5, "SDLoss": 0}
    encoder = CsvEncoder(TABLES["PALT"], endings)
    lines = b"".join(encoder.encode(batch_of("PALT", columns))).decode().splitlines()
    assert lines == [
        "1,1,0.500000,0.000000,a,1.5",
        "0,1,0.500000,0.000000,,",
        "9,1,0.500000,0.000000,,",
        "-1,1,0.500000,0.000000,,",
    ]
