"""Figures have the numbers of the tables in their marks, and say them in words too."""

import numpy as np
import pyarrow as pa
import pytest

from widgets.figures.averages import average_losses, summary_names
from widgets.figures.events import event_page, event_rows
from widgets.figures.exceedance import exceedance
from widgets.figures.maps import exposure_map, loss_map, view_of
from widgets.figures.outlines import Box, outline

EPT = pa.table(
    {
        "SummaryId": [1, 1, 1, 1, 1, 1],
        "EPCalc": [2, 2, 2, 2, 2, 2],
        "EPType": [1, 1, 3, 3, 2, 2],
        "ReturnPeriod": [100.0, 10.0, 100.0, 10.0, 100.0, 10.0],
        "Loss": [900.0, 90.0, 1000.0, 100.0, 1500.0, 150.0],
    }
)
PALT = pa.table(
    {
        "SummaryId": [1, 2, 1, 2],
        "SampleType": [1, 1, 2, 2],
        "MeanLoss": [9.0, 9.0, 10.0, 30.0],
        "SDLoss": [1.0, 1.0, 5.0, 6.0],
    }
)
INFO = pa.table({"summary_id": [1, 2], "AccNumber": ["A", "B <b>"], "tiv": [1000.0, 6000.0]})
BY_LOCATION = pa.table(
    {"summary_id": [1, 2], "PortNumber": [1, 1], "AccNumber": ["A", "A"], "LocNumber": [1, 2], "tiv": [100.0, 300.0]}
)
PLACES = [
    {"PortNumber": "1", "AccNumber": "A", "LocNumber": "1", "Latitude": 25.5, "Longitude": -80.5, "BuildingTIV": 100.0},
    {"PortNumber": "1", "AccNumber": "A", "LocNumber": "2", "Latitude": 26.5, "Longitude": -81.0, "BuildingTIV": 300.0},
]


def test_an_exceedance_curve_has_both_curves_and_their_table():
    drawn = exceedance(EPT)
    occurrence, aggregate = drawn.figure.marks
    assert occurrence.labels == ["OEP"]
    np.testing.assert_array_equal(occurrence.x, [10.0, 100.0])
    np.testing.assert_array_equal(occurrence.y, [90.0, 900.0])
    np.testing.assert_array_equal(aggregate.y, [100.0, 1000.0])
    assert "losses at return periods" in drawn.words
    for loss in ("900", "1,000", "1,500"):
        assert f">{loss}</td>" in drawn.words


def test_no_loss_at_all_is_said():
    drawn = exceedance(EPT.slice(0, 0))
    assert drawn.figure is None
    assert "No year has a loss" in drawn.words


def test_averages_are_those_of_the_samples_largest_first_by_name():
    drawn = average_losses(PALT, INFO)
    (bars,) = drawn.figure.marks
    assert [*bars.x] == ["B <b>", "A"]
    np.testing.assert_array_equal(bars.y, [30.0, 10.0])
    assert "B &lt;b&gt;" in drawn.words
    assert "All together: 40 a year." in drawn.words
    assert summary_names(BY_LOCATION)[2] == "1 / A / 2"


@pytest.mark.parametrize("begin", ["DEMO / HOTELS / HOTELS-00", ""])
def test_each_summary_has_a_bar_of_its_own_however_long_its_name(begin):
    names = [f"{begin}{number}" for number in (7, 6)] if begin else ["x" * 30, "y" + "x" * 29]
    info = pa.table({"summary_id": [1, 2], "Name": names, "tiv": [1.0, 1.0]})
    (bars,) = average_losses(PALT, info).figure.marks
    assert len(set(bars.x)) == 2


def test_a_loss_map_joins_losses_to_places():
    drawn = loss_map(PLACES, PALT, BY_LOCATION)
    dots = drawn.figure.marks[-1]
    np.testing.assert_array_equal(dots.x, [-80.5, -81.0])
    np.testing.assert_array_equal(dots.color, [10.0, 30.0])


def test_a_level_that_is_not_by_location_says_what_to_do():
    drawn = loss_map(PLACES, PALT, INFO)
    assert drawn.figure is None
    assert "Run again with the summary level" in drawn.words


def test_locations_without_a_place_are_counted():
    drawn = exposure_map([*PLACES, {**PLACES[0], "Latitude": None}])
    assert len(drawn.figure.marks[-1].x) == 2
    assert "1 location without Latitude and Longitude" in drawn.words
    assert "together 500" in drawn.words


def test_no_place_at_all_is_no_map():
    assert exposure_map([]).figure is None


def test_a_view_holds_all_points_and_has_some_size():
    view = view_of([-80.5], [25.5])
    assert view.west < -80.5 < view.east
    assert view.north - view.south >= 0.05


def test_outlines_come_from_files_that_are_there():
    florida = Box(-83.0, 25.0, -80.0, 28.0)
    longitude, latitude = outline(florida)
    inside = (longitude > -83) & (longitude < -80) & (latitude > 25) & (latitude < 28)
    assert inside.sum() > 20
    assert len(outline(Box(-30.0, -45.0, -29.0, -44.0))[0]) == 0


@pytest.mark.parametrize("view", [Box(-5.0, 50.0, 2.0, 55.0), Box(150.0, -35.0, 152.0, -33.0)])
def test_england_and_sydney_have_coasts(view):
    assert len(outline(view)[0])


def test_events_are_sorted_and_paged():
    names = ("EventId", "SummaryId", "SampleType", "ChanceOfLoss", "MeanLoss", "SDLoss", "MaxLoss", "FootprintExposure")
    rows = [(n, 1, kind, 0.5, 10.0 * n, 1.0, 99.0, 5.0) for n in (1, 2, 3) for kind in (1, 2)]
    melt = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    found = event_rows(melt)
    assert found["EventId"].to_pylist() == [3, 2, 1]
    page = event_page(found, 1, size=2)
    assert "Events 3 to 3 of 3" in page
    assert "50 %" in page
    assert "No event has a loss" in event_page(found.slice(0, 0), 0)


def test_a_map_of_some_of_the_locations_says_how_many_there_are():
    row = {"AccNumber": "A", "LocNumber": "1", "Latitude": 52.76, "Longitude": -0.9, "BuildingTIV": 10.0}
    assert "The first 1 of 12,598 locations, together 10." in exposure_map([row], 12_598).words
    assert "1 location, together 10." in exposure_map([row], 1).words
