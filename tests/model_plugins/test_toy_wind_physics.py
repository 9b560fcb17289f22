"""The model's storms, wind and damage, held against the sources they cite."""

import itertools

import numpy as np
import pytest

from model_plugins.toy_wind import calendar, coast, damage, hazard, storms, wind

EVENTS = 2_000


@pytest.fixture(scope="module")
def drawn() -> storms.Storms:
    return storms.draw_storms(EVENTS, seed=7)


@pytest.fixture(scope="module")
def andrew() -> storms.Storms:
    """Of the order of Andrew (1992): 91 hPa, 19 km, 8.5 m/s westwards into Homestead."""
    row = {"gate": [3], "longitude": [-80.3], "latitude": [25.5], "heading_east": [-1.0], "heading_north": [0.0]}
    shape = {"speed": [8.5], "deficit": [91.0], "radius": [19.0], "holland_b": [1.6], "coriolis": [6.28e-5]}
    return storms.Storms(**{name: np.array(value) for name, value in (row | shape).items()})


def test_the_wind_is_strongest_at_the_radius_of_maximum_winds():
    radius = np.arange(5.0, 200.0, 0.5)
    profile = wind.gradient_wind(wind.pressure_term(radius, 60.0, 40.0, 1.4), radius, 0.0, 6e-5)
    assert abs(radius[profile.argmax()] - 40.0) <= 1.0
    assert np.all(np.diff(profile[: profile.argmax()]) > 0)
    assert np.all(np.diff(profile[profile.argmax() :]) <= 0)


def test_holland_gives_the_textbook_maximum():
    term = wind.pressure_term(np.array([30.0]), 60.0, 30.0, 1.5)
    np.testing.assert_allclose(np.sqrt(term), np.sqrt(1.5 * 6000 / (1.15 * np.e)), rtol=1e-12)


def test_the_calm_of_the_eye_and_of_far_away():
    radius = np.array([0.25, 1500.0])
    assert np.all(wind.gradient_wind(wind.pressure_term(radius, 60.0, 40.0, 1.4), radius, 0.0, 6e-5) < 1.0)


def test_the_right_hand_side_of_the_motion_is_stronger():
    radius = np.array([40.0, 40.0])
    right, left = wind.gradient_wind(wind.pressure_term(radius, 60.0, 40.0, 1.4), radius, np.array([8.0, -8.0]), 6e-5)
    assert 7.0 < right - left < 9.0


def test_winds_decay_towards_the_floor_over_land():
    left = wind.decay(np.array([0.0, 7.3, 1000.0]), sustained=50.0)
    np.testing.assert_allclose(left * 50.0, [50.0, 13.75 + 36.25 * np.exp(-0.095 * 7.3), 13.75], rtol=1e-12)
    np.testing.assert_array_equal(wind.decay(np.array([5.0]), sustained=10.0), [1.0])


def test_a_storm_like_andrew_has_gusts_like_andrew(andrew):
    longitude, latitude = coast.cell_centres(coast.land_cells())
    gust = wind.strongest_gusts(andrew, 0, longitude, latitude)
    assert 60.0 < gust.max() < 80.0  # survey estimates at Homestead: about 75 m/s
    strongest = gust.argmax()
    assert latitude[strongest] > andrew.latitude[0]  # right of a storm that moves west
    inland = gust[(np.abs(latitude - latitude[strongest]) < 0.05)]
    assert inland[0] < 0.85 * gust.max()  # the Gulf side, three hours later


def test_the_field_of_a_storm_matches_the_formula_cell_by_cell(andrew):
    """The table of the radial profile and single precision cost less than a percent (or half a metre a second)."""
    longitude, latitude = coast.cell_centres(coast.land_cells())
    x, y, hours = wind.track(andrew, 0)
    left = wind.decay(hours, wind.sustained_wind(andrew, 0))
    place_x, place_y = coast.to_kilometres(longitude, latitude)
    plain = np.zeros(len(longitude))
    for k in range(len(x)):
        east, north = place_x - x[k], place_y - y[k]
        radius = np.hypot(east, north)
        motion = 8.5 * (east * 0.0 - north * -1.0) / radius
        term = wind.pressure_term(radius, 91.0, 19.0, 1.6)
        plain = np.maximum(plain, wind.gradient_wind(term, radius, motion, 6.28e-5) * left[k])
    plain *= wind.LAND_SURFACE_FACTOR * wind.GUST_FACTOR
    np.testing.assert_allclose(wind.strongest_gusts(andrew, 0, longitude, latitude), plain, rtol=0.01, atol=0.5)


def test_storms_come_through_the_gates_at_their_rates(drawn):
    share = np.bincount(drawn.gate, minlength=len(coast.GATES)) / EVENTS
    expected = np.array([gate.annual_rate for gate in coast.GATES]) / coast.ANNUAL_RATE
    np.testing.assert_allclose(share, expected, atol=3 * np.sqrt(0.25 / EVENTS))
    assert sum(gate.annual_rate for gate in coast.GATES) == pytest.approx(coast.ANNUAL_RATE)


def test_storms_are_within_their_bounds(drawn):
    assert drawn.deficit.min() >= storms.DEFICIT_LEAST
    assert drawn.deficit.max() <= storms.DEFICIT_MOST
    assert np.all((drawn.radius >= storms.RADIUS_LEAST) & (drawn.radius <= storms.RADIUS_MOST))
    assert 0.07 < (drawn.deficit > 83).mean() < 0.13
    np.testing.assert_allclose(drawn.heading_east**2 + drawn.heading_north**2, 1.0, rtol=1e-12)


def test_intensity_at_landfall_is_of_the_order_of_the_record(drawn):
    sustained = np.array([wind.sustained_wind(drawn, number) for number in range(EVENTS)])
    assert 0.10 < (sustained >= 49.4).mean() < 0.40  # Saffir-Simpson 3 and above: a third of Florida's
    assert 0.001 < (sustained >= 70.5).mean() < 0.04  # 5: Labor Day 1935, Andrew, Michael among some 120


def test_landfalls_arrive_at_the_annual_rate_in_the_season():
    occurrence = calendar.draw_occurrences(EVENTS, seed=11)
    mean = calendar.PERIODS * coast.ANNUAL_RATE
    assert abs(len(occurrence.event_id) - mean) < 4 * np.sqrt(mean)
    per_year = np.bincount(occurrence.period, minlength=calendar.PERIODS + 1)[1:]
    assert per_year.var() == pytest.approx(per_year.mean(), rel=0.1)  # Poisson
    assert occurrence.period.min() >= 1
    assert occurrence.period.max() <= calendar.PERIODS
    assert np.all(np.diff(occurrence.period) >= 0)


def test_day_numbers_are_the_standards():
    days = calendar.day_number(np.array([0, 1, 2000, 2000]), np.array([3, 3, 2, 3]), np.array([1, 1, 29, 1]))
    assert days[0] == 0
    assert days[1] == 365
    assert days[3] - days[2] == 1  # 2000 was a leap year


def test_bands_of_gusts_keep_the_median_and_sum_to_one():
    median = np.array([26.0, 42.5, 60.0, 99.0])
    probability = hazard.band_probabilities(median)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0, atol=1e-6)
    reached = np.cumsum(probability, axis=1)
    band = np.searchsorted(hazard.BAND_EDGES, median, side="right")
    for row, (number, low) in enumerate(zip(band, reached, strict=True)):
        assert (low[number - 1] if number else 0.0) < 0.51, row
        assert low[number] > 0.49, row
    assert np.all((probability > 0).sum(axis=1) >= 3)


def test_damage_follows_emanuel():
    assert damage.mean_damage(np.array([damage.THRESHOLD]), damage.HALF_DAMAGE) == 0.0
    np.testing.assert_allclose(damage.mean_damage(np.array([damage.HALF_DAMAGE]), damage.HALF_DAMAGE), 0.5)
    gust = np.arange(20.0, 110.0)
    assert np.all(np.diff(damage.mean_damage(gust, damage.HALF_DAMAGE)) >= 0)


def test_damage_bins_keep_the_mean():
    mean = np.array([0.0, 0.002, 0.02, 0.1, 0.3, 0.6, 0.9])
    probability = damage.damage_probabilities(mean)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(probability @ damage.damage_bins().interpolation, mean, rtol=0.03, atol=1e-4)
    np.testing.assert_array_equal(probability[0], np.eye(probability.shape[1])[0])


def test_stronger_construction_is_damaged_less():
    functions = damage.vulnerability()
    centre = damage.damage_bins().interpolation
    mean = {
        identity: functions.probability[row] @ centre
        for row, identity in enumerate(functions.vulnerability_id.tolist())
    }
    weakest_first = (damage.MOBILE_HOME, damage.WOOD, damage.MASONRY, damage.STEEL, damage.CONCRETE)
    for weaker, stronger in itertools.pairwise(weakest_first):
        assert np.all(mean[damage.vulnerability_id(1, weaker, 1)] >= mean[damage.vulnerability_id(1, stronger, 1)])
    assert functions.probability.shape == (4 * 5 * 4, hazard.BANDS, len(centre))


def test_loss_costs_and_gusts_are_of_floridas_order():
    """Masonry homes: a few per mille a year in Miami, a fraction in Orlando; ASCE 7-16 has some 75 m/s in 700 years."""
    footprint = hazard.make_footprint(storms.draw_storms(1_000, seed=7))
    functions = damage.vulnerability()
    home = functions.vulnerability_id.tolist().index(damage.vulnerability_id(1, damage.MASONRY, 1))
    mean = functions.probability[home] @ damage.damage_bins().interpolation
    yearly = {}
    for town, longitude, latitude in (("Miami", -80.2, 25.78), ("Orlando", -81.38, 28.5)):
        here = footprint.areaperil_id == coast.cell_of(np.array([longitude]), np.array([latitude]))[0]
        chance = np.bincount(footprint.intensity_bin[here], footprint.probability[here], minlength=hazard.BANDS + 1)[1:]
        yearly[town] = chance * coast.ANNUAL_RATE / 1_000
    assert 2e-3 < yearly["Miami"] @ mean < 8e-3
    assert 0.2e-3 < yearly["Orlando"] @ mean < 1.5e-3
    above_75 = yearly["Miami"][np.searchsorted(hazard.BAND_EDGES, 75.0) + 1 :].sum()
    assert 300 < 1 / above_75 < 1500
