"""Curves read from an EPT table: looked up, drawn, printed."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from oasis_kernel.errors import OasisError
from oasis_kernel.model.results import Basis, Calculation
from oasis_kernel.questions.exceedance import ExceedanceCurve, short_amount

YEARS = np.array([1000.0, 250.0, 100.0, 10.0, 2.0])
LOSSES = np.array([900.0, 500.0, 300.0, 100.0, 0.0])


def ept(*blocks: tuple[int, int, int, float]) -> pa.Table:
    """An EPT table of one block for each (summary, EPCalc, EPType, factor on the losses)."""
    columns = ("SummaryId", "EPCalc", "EPType")
    table = {name: np.repeat([block[k] for block in blocks], len(YEARS)) for k, name in enumerate(columns)}
    table["ReturnPeriod"] = np.tile(YEARS, len(blocks)).astype(np.float32)
    table["Loss"] = np.concatenate([LOSSES * block[3] for block in blocks]).astype(np.float32)
    return pa.table(table)


@pytest.fixture
def curve() -> ExceedanceCurve:
    return ExceedanceCurve.from_table(
        ept((1, 1, 1, 0.5), (1, 2, 1, 1.0), (1, 2, 2, 2.0), (1, 2, 3, 1.2), (2, 2, 1, 9.0))
    )


def test_a_listed_return_period_has_its_own_loss(curve):
    assert curve.loss_at(250) == 500.0
    assert curve.loss_at(250, Basis.AGGREGATE) == pytest.approx(600.0)
    assert curve.loss_at(250, calculation=Calculation.MEAN_DAMAGE) == 250.0
    assert curve.loss_at(250, tail=True) == 1000.0


def test_between_two_return_periods_the_loss_is_linear(curve):
    assert curve.loss_at(175) == pytest.approx(400.0)


@pytest.mark.parametrize("years", [1.0, 2000.0])
def test_beyond_the_table_there_is_no_loss_to_tell(curve, years):
    assert curve.loss_at(years) is None


def test_what_the_table_does_not_have_is_none(curve):
    assert curve.loss_at(250, Basis.AGGREGATE, Calculation.SAMPLE_MEAN) is None


def test_without_samples_the_mean_damage_curve_speaks():
    curve = ExceedanceCurve.from_table(ept((1, 1, 1, 1.0)))
    assert curve.calculation is Calculation.MEAN_DAMAGE
    assert curve.loss_at(100) == 300.0


def test_another_summary_is_another_curve():
    table = ept((1, 2, 1, 1.0), (2, 2, 1, 9.0))
    assert ExceedanceCurve.from_table(table, summary_id=2).loss_at(100) == 2700.0


def test_a_summary_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(OasisError, match=r"summary_id must be in the EPT table, got 3. It has 1, 2"):
        ExceedanceCurve.from_table(ept((1, 2, 1, 1.0), (2, 2, 1, 1.0)), summary_id=3)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_text_is_as_wide_as_asked_and_labelled(curve, width):
    text = curve.text(width)
    lines = text.splitlines()
    assert "full uncertainty" in lines[0]
    assert "● OEP (largest event of a year)   ○ AEP (sum of a year's events)" in lines
    picture = lines[2:-2]
    assert all(len(line) <= width for line in lines[2:])
    assert [line.split("┤")[0].strip() for line in picture if "┤" in line] == ["1.2 k", "900", "600", "300", "0"]
    assert next(line for line in picture if "○" in line or "●" in line).rstrip().endswith("○")  # AEP ends highest
    assert "10" in lines[-1].split()
    assert "1,000" in lines[-1].split()
    assert lines[-2].count("┴") == len(lines[-1].split())


def test_text_of_a_portfolio_without_losses():
    table = ept((1, 2, 1, 0.0))
    assert "0 ┤" in ExceedanceCurve.from_table(table).text(60)


def test_plot_has_named_axes_and_both_curves(curve):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    axes = curve.plot()
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "return period (years)"
    assert axes.get_ylabel() == "loss"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "OEP: largest event of a year",
        "AEP: sum of a year's events",
    ]
    np.testing.assert_allclose(axes.lines[0].get_xydata()[-1], [1000.0, 900.0])
    axes.figure.canvas.draw()
    assert curve.plot(axes) is axes
    pyplot.close(axes.figure)


def test_importing_the_question_does_not_import_matplotlib():
    code = "import sys, oasis_kernel.questions.exceedance; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0"), (12, "12"), (12_500, "12.5 k"), (3.2e6, "3.2 M"), (1.1e9, "1.1 B"), (5e12, "5 T"), (-2e6, "-2 M")],
)
def test_amounts_are_short(amount, text):
    assert short_amount(amount) == text
