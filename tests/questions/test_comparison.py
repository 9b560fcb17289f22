"""Two runs beside each other: what they were made of, and what they lose."""

from pathlib import Path

import pytest

import oasis_kernel as ok
from oasis_kernel.api import LocalRun
from oasis_kernel.engine.analysis import Resources
from oasis_kernel.plugins import load_plugins
from oasis_kernel.questions.comparison import Difference, compare

SETTINGS = {
    "number_of_samples": 2,
    "event_ranges": "1-60",
    "gul_output": True,
    "gul_summaries": [{"id": 1, "ord_output": {"alt_period": True, "ept_full_uncertainty_oep": True}}],
}
IL = {"il_output": True, "il_summaries": [{"id": 1, "ord_output": {"alt_period": True}}]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LocalRun]:
    """Three runs of the demonstration: as it is, with insured losses and more samples, without accounts."""
    root: Path = tmp_path_factory.mktemp("runs")
    files = load_plugins().demonstration("toy-wind")
    resources = Resources.of_this_machine(store=root / "store")
    whole = ok.read_portfolio(location=files.location, account=files.account)
    return {
        "base": ok.run("toy-wind", whole, settings=SETTINGS, out=root / "a", resources=resources),
        "more": ok.run("toy-wind", whole, settings={**SETTINGS, **IL}, samples=3, out=root / "b", resources=resources),
    }


def test_a_run_is_like_itself(runs: dict[str, LocalRun]) -> None:
    found = compare(runs["base"], runs["base"])
    assert found.same_losses_expected
    assert found.average_annual_loss["gul"].difference == 0.0
    assert found.average_annual_loss["gul"].ratio == 1.0
    assert all(losses.difference == 0.0 for *_, losses in found.exceedance)


def test_what_is_not_the_same_is_named_with_both_values(runs: dict[str, LocalRun]) -> None:
    found = compare(runs["base"], runs["more"]).as_dict()
    changes = {change["what"]: (change["a"], change["b"]) for change in found["changes"]}
    assert changes["samples"] == (2, 3)
    assert changes["settings.il_output"] == (False, True)
    assert not any(what.startswith(("portfolio.", "model", "engine")) for what in changes)
    assert not found["same_inputs"]


def test_losses_of_one_run_only_stand_alone(runs: dict[str, LocalRun]) -> None:
    found = compare(runs["base"], runs["more"])
    insured = found.average_annual_loss["il"]
    assert insured.a is None
    assert insured.b == runs["more"].aal("il")
    assert insured.difference is insured.ratio is None
    ground_up = found.average_annual_loss["gul"]
    assert ground_up.difference == runs["more"].aal() - runs["base"].aal()
    points = [losses for name, basis, _, losses in found.exceedance if (name, basis) == ("gul", "OEP")]
    assert points
    curve = runs["base"].ep("gul")
    assert curve is not None
    years = next(years for name, _, years, _ in found.exceedance if name == "gul")
    assert points[0].a == curve.loss_at(years)


@pytest.mark.parametrize(
    ("a", "b", "difference", "ratio"),
    [(2.0, 3.0, 1.0, 1.5), (0.0, 3.0, 3.0, None), (None, 3.0, None, None), (2.0, None, None, None)],
)
def test_difference_and_ratio(a: float | None, b: float | None, difference: float | None, ratio: float | None) -> None:
    assert Difference(a, b).as_dict() == {"a": a, "b": b, "difference": difference, "ratio": ratio}
