"""The suite passes a model that keeps the contract, and names what another breaks."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from small_model import SmallData, SmallHazard, SmallModel, hazard, location

from oasis_kernel.model.hazard import Footprint, Occurrence
from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.plugins.conformance import CHECKS, ModelConformance, conformance
from oasis_kernel.plugins.conformance.verdict import Outcome


class TestSmallModel(ModelConformance):
    def model(self) -> SmallModel:
        return SmallModel()

    def location(self) -> pa.Table:
        return location()


def broken(model: SmallModel) -> dict[str, str]:
    """The reasons of the checks that fail."""
    return {result.name: result.reason for result in conformance(model, location()) if not result.passed}


def test_every_check_answers() -> None:
    results = conformance(SmallModel(), location())
    assert [result.name for result in results] == [check.__name__ for check in CHECKS]
    assert all(result.demand for result in results)
    assert {result.outcome for result in results} == {Outcome.PASSED, Outcome.NOT_APPLICABLE}


def with_rows(*rows: list[float]) -> SmallModel:
    return SmallModel(data=SmallData(hazard=SmallHazard(np.array(rows))))


CALENDAR = Occurrence(np.array([1], "i4"), np.array([5], "i4"), np.array([0], "i8"), 4, True, False)


@pytest.mark.parametrize(
    ("model", "check", "reason"),
    [
        (SmallModel(name="Small Model"), "protocol_complete", "must have a short lower-case name"),
        (SmallModel(own_settings=[]), "settings_parse", "settings must be a mapping, got list"),
        (SmallModel(own_settings={"a": {1}}), "settings_parse", "settings must be plain JSON values"),
        (SmallModel(own_settings={"model_default_samples": -1}), "settings_parse", "must be >= 0, got -1"),
        (SmallModel(data=SmallData(event_id=(2, 1))), "events_ascend", "events must ascend, each once"),
        (SmallModel(data=SmallData(event_id=())), "events_ascend", "must not be empty"),
        (SmallModel(data=SmallData(chance=0.4)), "vulnerability_valid", "must sum to 1, got 0.8"),
        (SmallModel(data=SmallData(calendar=CALENDAR)), "occurrence_valid", "must lie in 1..4, got 5..5"),
        (with_rows([1, 10, 3, 1.0]), "footprint_valid", "intensity bins must be <= 2, got 3"),
        (with_rows([1, 10, 1, 0.5]), "footprint_valid", "event 1, area peril 10: probabilities must sum to 1"),
        (
            with_rows([1, 10, 1, 0.5], [1, 20, 1, 1.0], [1, 10, 2, 0.5]),
            "footprint_valid",
            "event 1: the rows of an area peril must be together",
        ),
    ],
)
def test_what_is_broken_is_named(model: SmallModel, check: str, reason: str) -> None:
    assert reason in broken(model)[check]


class Forgetful(SmallHazard):
    """Forgets the second place whenever fewer events are asked for."""

    def footprint(self, event_id: np.ndarray, areaperil_id: np.ndarray) -> Footprint:
        return super().footprint(event_id, areaperil_id if len(event_id) > 1 else areaperil_id[:1])


def test_answers_that_depend_on_the_grouping_of_events() -> None:
    found = broken(SmallModel(data=SmallData(hazard=Forgetful(hazard().rows))))
    assert "must only leave out the others' rows" not in found.get("footprint_valid", "")
    assert "an answer differs" in found["footprint_thread_safe"]


class Changed(SmallModel):
    """A model whose lookup's answer is changed by a function of the keys and the call's number."""

    calls = 0

    def __init__(self, change: Any):
        super().__init__()
        self.change = change

    def lookup(self, location: pa.Table) -> pa.Table:
        self.calls += 1
        return self.change(super().lookup(location), self.calls)


def column(name: str, values: list[Any], kind: pa.DataType | None = None) -> Any:
    return lambda keys, _: keys.set_column(keys.column_names.index(name), name, pa.array(values, kind))


@pytest.mark.parametrize(
    ("change", "check", "reason"),
    [
        (lambda keys, _: keys.drop_columns(["message"]), "keys_conform", "must have the column message"),
        (column("coverage_type", ["1"] * 3), "keys_conform", "coverage_type must be int32, got string"),
        (column("status", ["success", "ok", "fail"]), "keys_conform", "got {'ok'}"),
        (column("vulnerability_id", [7, None, 7], pa.int64()), "keys_have_ids", "vulnerability_id, 1 have none"),
        (column("vulnerability_id", [7, 0, 7], pa.int64()), "keys_have_ids", "must be positive, got 0"),
        (lambda keys, _: keys.slice(0, 2), "keys_cover_locations", "missing loc_id [3]"),
        (column("loc_id", [1, 2, 9], pa.int64()), "keys_cover_locations", "missing loc_id [3]"),
        (lambda keys, call: keys.slice(call - 1), "lookup_repeats", "the second answer differs"),
        (
            lambda keys, _: keys.set_column(5, "status", pc.replace_substring(keys["status"], "success", "fail")),
            "keys_have_ids",
            "none succeeded",
        ),
    ],
)
def test_lookups_that_break_the_contract(change: Any, check: str, reason: str) -> None:
    assert reason in broken(Changed(change))[check]


class GroundUp(SmallModel):
    """A model that computes its own losses, all the same."""

    def __init__(self, loss: float, row: int = 0):
        super().__init__()
        self.loss, self.row = loss, row

    def ground_up(self, event_id: np.ndarray, items: Any, coverages: Any, samples: int) -> LossBlock:
        count = len(event_id)
        loss = np.full((count, SPECIAL + samples), self.loss, dtype=np.float32)
        return LossBlock(event_id, np.arange(count + 1), np.full(count, self.row, dtype=np.int32), loss)


def test_models_with_their_own_losses() -> None:
    results = {result.name: result.outcome for result in conformance(GroundUp(5.0), location())}
    assert results["ground_up_valid"] == Outcome.PASSED
    assert results["footprint_valid"] == Outcome.NOT_APPLICABLE
    assert "losses must not be negative" in broken(GroundUp(-1.0))["ground_up_valid"]
    assert "losses must be finite" in broken(GroundUp(np.nan))["ground_up_valid"]
    assert "rows must be items 0..1" in broken(GroundUp(1.0, row=5))["ground_up_valid"]


def test_a_model_that_raises_fails_only_what_it_was_asked() -> None:
    class Raising(SmallData):
        def occurrence(self) -> Occurrence | None:
            raise ZeroDivisionError("no years")

    assert broken(SmallModel(data=Raising())) == {"occurrence_valid": "ZeroDivisionError: no years"}
