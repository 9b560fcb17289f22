"""The demo portfolio through the whole engine, beside the same average made by hand."""

from pathlib import Path

import numpy as np
import pytest

import oasis_kernel as ok
from model_plugins.toy_wind import demo_portfolio, demo_settings, lookup
from model_plugins.toy_wind.model import ToyWind
from oasis_kernel import api
from oasis_kernel.engine.analysis import Resources
from oasis_kernel.model.results import SampleType
from oasis_kernel.model.vendor import ModelChoice
from oasis_kernel.questions.result import Run

pytestmark = pytest.mark.slow
VALUES = ("BuildingTIV", "OtherTIV", "ContentsTIV", "BITIV")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> ToyWind:
    return ToyWind(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def portfolio() -> ok.Portfolio:
    return ok.read_portfolio(**demo_portfolio()._asdict())


@pytest.fixture(scope="module")
def run(model, portfolio, tmp_path_factory) -> Run:
    folder: Path = tmp_path_factory.mktemp("run")
    used = Resources.of_this_machine(store=folder / "store")
    return api.run(model, portfolio, settings=demo_settings(), samples=20, out=folder / "out", resources=used)


def annual_loss(model: ToyWind, portfolio: ok.Portfolio) -> float:
    """Sum over occurrences, keys, bands and damage bins of value x probability x damage, divided by the years."""
    data = model.open(ModelChoice(event_set="p", event_occurrence_id="lt"))
    keys = lookup.keys(portfolio.location).to_pylist()
    values = {row["loc_id"]: [row[name] or 0.0 for name in VALUES] for row in portfolio.location.to_pylist()}
    found = [row for row in keys if row["status"] == "success"]
    cells = np.unique([row["area_peril_id"] for row in found]).astype(np.uint64)
    functions = np.unique([row["vulnerability_id"] for row in found]).astype(np.int32)
    mean = data.vulnerability(functions).probability.astype(float) @ data.damage_bins.interpolation
    years = np.bincount(data.occurrence().event_id, minlength=data.events()[-1] + 1) / data.occurrence().periods
    footprint = data.hazard.footprint(data.events(), cells)
    rate = np.repeat(years[footprint.event_id], np.diff(footprint.offsets)) * footprint.probability
    place = np.searchsorted(cells, footprint.areaperil_id)
    bands = data.hazard.num_intensity_bins
    yearly = np.bincount(place * bands + footprint.intensity_bin - 1, rate, minlength=len(cells) * bands)
    ratio = yearly.reshape(len(cells), bands) @ mean.T
    return sum(
        values[row["loc_id"]][row["coverage_type"] - 1]
        * ratio[np.searchsorted(cells, row["area_peril_id"]), np.searchsorted(functions, row["vulnerability_id"])]
        for row in found
    )


def test_the_average_annual_loss_is_the_one_made_by_hand(run, model, portfolio):
    averages = run.table("gul", "palt").to_pydict()
    by_kind = dict(zip(averages["SampleType"], averages["MeanLoss"], strict=True))
    by_hand = annual_loss(model, portfolio)
    assert by_kind[SampleType.ANALYTICAL] == pytest.approx(by_hand, rel=1e-3)
    assert by_kind[SampleType.SAMPLE] == pytest.approx(by_hand, rel=0.05)


def test_the_loss_cost_is_plausible_for_the_region(run, portfolio):
    insured = sum(sum(portfolio.location[name].to_pylist()) for name in VALUES)
    assert 1e-3 < run.aal("gul") / insured < 6e-3


def test_curves_rise_with_the_return_period(run):
    curve = run.ep("gul")
    for basis in (1, 3):
        points = curve.points(basis)
        assert np.all(np.diff(points.return_period) > 0)
        assert np.all(np.diff(points.loss) >= 0)
    assert np.all(curve.points(3).loss >= curve.points(1).loss)


def test_accounts_add_up_to_the_portfolio(run):
    assert run.aal("gul", level=2) == pytest.approx(run.aal("gul"), rel=1e-5)


def test_terms_and_reinsurance_take_their_part(run):
    assert 0 < run.aal("ri") < run.aal("il") < run.aal("gul")
    net = run.ep("ri")
    assert net.loss_at(100) == pytest.approx(20e6, rel=0.01)  # what the catastrophe layers leave


def test_every_location_has_its_fate(run):
    status = run.locations()["status"].to_pylist()
    assert len(status) == 300
    assert status.count("modelled") == 293
