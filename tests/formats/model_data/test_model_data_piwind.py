"""PiWind: binary and csv say the same, nothing is refused."""

from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from oasis_kernel.errors import Severity
from oasis_kernel.formats.model_data import StandardModelData, check
from oasis_kernel.model.vendor import ModelChoice

EVERYWHERE = np.arange(1, 5000, dtype=np.uint64)


@pytest.fixture(scope="module")
def folder(piwind):
    return piwind / "model_data" / "PiWind"


@pytest.fixture(scope="module")
def both(folder):
    def opened(*ignored):
        choice = ModelChoice(event_set="p", event_occurrence_id="LT", ignore_file_type=frozenset(ignored))
        return StandardModelData(folder, choice)

    return opened("csv"), opened("bin")


def assert_same(one, other):
    if not is_dataclass(one):
        np.testing.assert_array_equal(one, other)
        return
    for field in fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


def test_the_model_has_the_known_size(both):
    binary, _ = both
    footprint = binary.hazard.footprint(binary.events(), EVERYWHERE)
    assert len(binary.events()) == 1447
    assert len(footprint.areaperil_id) == 39997
    assert binary.hazard.num_intensity_bins == 58
    assert binary.occurrence().periods == 1000
    assert len(binary.damage_bins.bin_from) == 12
    assert binary.vulnerability_file.ids().tolist() == list(range(1, 13))
    assert binary.aggregates() is binary.conditional_vulnerability() is binary.event_rates() is None
    assert binary.period_weights() is binary.intensity_bins() is None
    assert binary.return_periods()[0] == 5000
    assert binary.quantiles().tolist() == pytest.approx([0, 0.2, 0.4, 0.5, 0.75, 1.0])


def test_binary_and_csv_say_the_same(both):
    binary, listed = both
    events = binary.events()
    assert_same(binary.hazard.footprint(events, EVERYWHERE), listed.hazard.footprint(events, EVERYWHERE))
    ids = binary.vulnerability_file.ids()
    assert_same(binary.vulnerability(ids), listed.vulnerability(ids))
    assert_same(binary.damage_bins, listed.damage_bins)
    for table in ("events", "loss_factors", "return_periods", "quantiles"):
        assert_same(getattr(binary, table)(), getattr(listed, table)())
    one, other = binary.occurrence(), listed.occurrence()
    np.testing.assert_array_equal(one.date, other.date)
    np.testing.assert_array_equal(one.period, other.period)
    assert (one.has_dates, one.granular) == (other.has_dates, other.granular) == (True, False)


@pytest.mark.parametrize("ignored", [(), ("bin",)])
def test_nothing_is_refused(folder, ignored):
    choice = ModelChoice(event_set="p", event_occurrence_id="lt", ignore_file_type=frozenset(ignored))
    assert all(finding.severity is Severity.NOTE for finding in check(folder, choice))


def test_a_missing_event_set_names_those_that_are_there(folder):
    data = StandardModelData(folder, ModelChoice(event_set="historic"))
    with pytest.raises(Exception, match=r"events_historic\.bin.*Found events_p\.bin, events_p\.csv; choose another"):
        data.events()
    assert data.occurrence() is None
    notes = [str(f) for f in check(folder, ModelChoice(event_set="p"))]
    assert any("occurrence_lt.bin: is not used, because no event_occurrence_id is chosen" in note for note in notes)
