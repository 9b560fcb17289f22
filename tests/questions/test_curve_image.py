"""A curve as a picture: the same bytes each time, whatever it is called."""

import struct

import numpy as np
import pyarrow as pa
import pytest

from oasis_kernel.questions.curve_image import curve_png
from oasis_kernel.questions.exceedance import ExceedanceCurve


@pytest.fixture(scope="module")
def curve() -> ExceedanceCurve:
    periods = np.array([2.0, 10.0, 100.0, 1000.0] * 2, np.float32)
    return ExceedanceCurve.from_table(
        pa.table(
            {
                "SummaryId": np.ones(8, np.int32),
                "EPCalc": np.full(8, 2, np.int32),
                "EPType": np.repeat(np.array([1, 3], np.int32), 4),
                "ReturnPeriod": periods,
                "Loss": periods * 1000,
            }
        )
    )


def test_a_curve_is_a_picture_of_the_size_asked_for(curve):
    picture = curve_png(curve, "Base case", (4.0, 3.0))
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">2I", picture[16:24]) == (480, 360)
    assert curve_png(curve, "Base case", (4.0, 3.0)) == picture


@pytest.mark.parametrize("title", ["", "$x", "$x_{$", "50 $ or $$", "\U00037e60 \n\t\x00", "名前", "\ud800", "a" * 200])
def test_any_title_can_be_drawn(curve, title):
    assert curve_png(curve, title)[:4] == b"\x89PNG"
