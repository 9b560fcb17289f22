import threading
from dataclasses import fields, replace

import numpy as np
import pytest

from oasis_kernel.errors import InvalidInput
from oasis_kernel.model.exposure import Coverages, Items
from oasis_kernel.model.hazard import (
    AggregateVulnerability,
    ConditionalVulnerability,
    DamageBins,
    Footprint,
    IntensityBins,
    LossFactors,
    Vulnerability,
)
from oasis_kernel.model.losses import CHANCE, DEVIATION, EXPOSURE, MAXIMUM, MEAN, SPECIAL, LossBlock
from oasis_kernel.model.options import GroundUpOptions
from oasis_kernel.steps.ground_up import GroundUp, batches
from oasis_kernel.steps.ground_up_tables import DamageModel

BINS = DamageBins(
    np.array([0, 0, 0.5, 1], "f4"),
    np.array([0, 0.5, 1, 1], "f4"),
    np.array([0, 0.25, 0.75, 1], "f4"),
    np.zeros(4, "i4"),
)
CURVES = np.zeros((2, 3, 4), "f4")
CURVES[0] = [[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]]
CURVES[1] = [[0.25, 0.25, 0.25, 0.25], [0, 1, 0, 0], [0, 0, 0, 1]]
MODEL = DamageModel(BINS, Vulnerability(np.array([7, 9], "i4"), CURVES))
COVERAGES = Coverages(np.array([1000, 500, 0], "f4"), np.array([1, 3, 1], "i4"))
NONE = np.zeros(0, "i4")


def items(**columns: list) -> Items:
    """Four items: coverage 1 twice at area peril 10, coverages 2 and 3 at 20."""
    defaults = {
        "coverage_id": ([1, 1, 2, 3], "i4"),
        "areaperil_id": ([10, 10, 20, 20], "u8"),
        "vulnerability_id": ([7, 9, 7, 9], "i4"),
        "group_id": ([11, 12, 13, 14], "u4"),
        "hazard_group_id": ([21, 22, 23, 24], "u4"),
        "damage_correlation": ([0, 0, 0, 0], "f4"),
        "hazard_correlation": ([0, 0, 0, 0], "f4"),
    }
    names = ["peril_correlation_group", "source_item_id", "amplification_id", "intensity_adjustment", "return_period"]
    defaults |= {name: ([0] * 4, "i4") for name in [*names, "peril_code"]}
    return Items(**{name: np.array(columns.get(name, value), kind) for name, (value, kind) in defaults.items()})


def footprint(*events: list[tuple], first: int = 1) -> Footprint:
    """Events of rows (area peril, intensity bin, probability[, intensity, return period])."""
    rows = [row for event in events for row in event]
    columns = [np.array(column) for column in zip(*rows, strict=True)] if rows else [NONE] * 3
    dynamic = [column.astype("i4") for column in columns[3:]] or [NONE, NONE]
    return Footprint(
        np.arange(first, first + len(events), dtype="i4"),
        np.concatenate([[0], np.cumsum([len(event) for event in events])]),
        columns[0].astype("u8"), columns[1].astype("i4"), columns[2].astype("f4"), *dynamic,
    )  # fmt: skip


def losses(hazard: Footprint, who: Items | None = None, model: DamageModel = MODEL, **options: object) -> LossBlock:
    """The losses of a footprint in one block."""
    step = GroundUp(who or items(), COVERAGES, model, GroundUpOptions(**({"samples": 0} | options)))
    (block,) = step.blocks(hazard, 1 << 30)
    return block


CERTAIN = [(10, 2, 1.0), (20, 3, 1.0)]


def test_special_values_of_a_certain_hazard() -> None:
    block = losses(footprint(CERTAIN))
    assert block.event_id.tolist() == [1]
    assert block.offsets.tolist() == [0, 4]
    assert block.row.tolist() == [0, 1, 2, 3]
    assert block.samples == 0
    assert block.loss[:, MEAN].tolist() == [125, 250, 437.5, 0]
    assert block.loss[:, DEVIATION].tolist() == [125, 0, 62.5, 0]
    assert block.loss[:, EXPOSURE].tolist() == [500, 500, 500, 0]  # coverage 1 has two touched items; 3 no value
    assert block.loss[:, CHANCE].tolist() == [0.5, 1, 1, 1]
    assert block.loss[:, MAXIMUM].tolist() == [500, 500, 500, 0]


def test_hazard_in_doubt_is_averaged_into_the_special_values() -> None:
    block = losses(footprint([(10, 1, 0.5), (10, 2, 0.5)]))
    assert block.loss[:, MEAN].tolist() == [62.5, 375]
    assert block.loss[:, CHANCE].tolist() == [0.25, 0.875]


def test_events_that_touch_nothing_are_left_out() -> None:
    hazard = footprint([(99, 1, 1.0)], CERTAIN, [], [(20, 1, 1.0)])
    block = losses(hazard)
    assert block.event_id.tolist() == [2, 4]
    assert block.offsets.tolist() == [0, 4, 6]
    nothing = GroundUp(items(), COVERAGES, MODEL, GroundUpOptions(samples=3)).blocks(footprint([(99, 1, 1.0)]))
    assert list(nothing) == []


def test_rows_come_in_touch_order() -> None:
    block = losses(footprint([(20, 3, 1.0), (10, 2, 1.0)]), items(coverage_id=[3, 1, 2, 3]))
    assert block.row.tolist() == [2, 3, 0, 1]


def test_a_group_shares_its_numbers_and_draws_are_in_the_bins() -> None:
    who = items(group_id=[5, 5, 5, 6], coverage_id=[1, 1, 1, 1], vulnerability_id=[7, 7, 7, 7], areaperil_id=[10] * 4)
    block = losses(footprint([(10, 2, 1.0)]), who, samples=500)
    samples = block.loss[:, SPECIAL:]
    assert (samples[0] == samples[1]).all()
    assert (samples[0] == samples[2]).all()
    assert (samples[0] != samples[3]).any()
    assert 0 <= samples.min() <= samples.max() <= 500
    np.testing.assert_allclose(samples.mean(axis=1), 125, rtol=1e-3)  # a Latin hypercube is hardly off


def test_correlated_groups_move_together() -> None:
    columns = {"areaperil_id": [10] * 4, "vulnerability_id": [7] * 4, "damage_correlation": [1.0] * 4}
    who = items(peril_correlation_group=[1, 1, 2, 2], **columns)
    samples = losses(footprint([(10, 3, 1.0)]), who, samples=50).loss[:, SPECIAL:] / [[1000], [1000], [500], [1]]
    np.testing.assert_allclose(samples[0], samples[1])
    assert (samples[0] != samples[2]).any()
    alone = losses(footprint([(10, 3, 1.0)]), who, samples=50, damage_correlation=False).loss[:, SPECIAL:]
    assert (alone[0] != alone[1]).any()


def random_case(samples: int, **options: object) -> tuple[GroundUp, Footprint]:
    rng = np.random.default_rng(3)
    count = 300
    who = Items(
        **{name: rng.integers(1, 4, count).astype("i4") for name in ("peril_correlation_group", "amplification_id")},
        **{name: np.zeros(count, "i4") for name in ("source_item_id", "intensity_adjustment", "return_period")},
        peril_code=np.zeros(count, "i4"),
        **{name: rng.integers(1, 90, count).astype("u4") for name in ("group_id", "hazard_group_id")},
        damage_correlation=rng.choice([0, 0.5, 0.8], count).astype("f4"),
        hazard_correlation=rng.choice([0, 0.5, 0.8], count).astype("f4"),
        coverage_id=rng.integers(1, 121, count).astype("i4"),
        areaperil_id=rng.integers(1, 20, count).astype("u8"),
        vulnerability_id=rng.choice([7, 9], count).astype("i4"),
    )  # fmt: skip
    events = []
    for _ in range(40):
        places = rng.permutation(19)[:7] + 1
        events.append([(a, b, p) for a in places for b, p in zip((1, 2, 3), rng.dirichlet((1, 1, 1)), strict=True)])
    coverages = Coverages(rng.random(120).astype("f4") * 1000, np.ones(120, "i4"))
    return GroundUp(who, coverages, MODEL, GroundUpOptions(samples=samples, **options)), footprint(*events)


def windows_joined(blocks: list[LossBlock]) -> list[LossBlock]:
    """Blocks of one event each, whose samples came a few at a time, as blocks of all samples."""
    found: list[list[LossBlock]] = []
    for block in blocks:
        if not block.first_sample:
            found.append([])
        assert all((block.row == earlier.row).all() for earlier in found[-1])
        found[-1].append(block)
    whole = [np.concatenate([w[0].loss, *(later.loss[:, SPECIAL:] for later in w[1:])], axis=1) for w in found]
    return [replace(w[0], loss=loss) for w, loss in zip(found, whole, strict=True)]


@pytest.mark.parametrize("at_once", [1, 7, 32, 33, 99])
@pytest.mark.parametrize("options", [{"allocation_rule": 1}, {"allocation_rule": 3, "effective_damageability": True}])
def test_an_event_a_few_samples_at_a_time_has_the_same_losses(at_once: int, options: dict) -> None:
    step, hazard = random_case(33, **options)
    whole = list(step.blocks(hazard, 1 << 30, at_once))
    assert len(whole) == 1, "what fits a block is not divided"
    parts = list(step.blocks(hazard, 1, at_once))
    windows = -(-33 // at_once)
    assert max(part.samples for part in parts) == -(-33 // windows), "as equal as they can be"
    assert sum(not part.first_sample for part in parts) * windows == len(parts)
    assert joined(windows_joined(parts)) == joined(whole)


def joined(blocks: list[LossBlock]) -> tuple[bytes, bytes, bytes]:
    return tuple(b"".join(getattr(b, name).tobytes() for b in blocks) for name in ("event_id", "row", "loss"))


@pytest.mark.parametrize("samples", [0, 1, 33])
@pytest.mark.parametrize("options", [{"allocation_rule": 1}, {"allocation_rule": 3, "effective_damageability": True}])
def test_losses_do_not_depend_on_the_blocks(samples: int, options: dict) -> None:
    step, hazard = random_case(samples, **options)
    whole = list(step.blocks(hazard, 1 << 30))
    assert len(whole) == 1
    for max_bytes in (1, 50_000):
        parts = list(step.blocks(hazard, max_bytes))
        assert all(part.loss.nbytes <= max_bytes or len(part.event_id) == 1 for part in parts)
        assert joined(parts) == joined(whole)
    half = int(hazard.offsets[20])
    later = replace(
        hazard,
        event_id=hazard.event_id[20:],
        offsets=hazard.offsets[20:] - half,
        areaperil_id=hazard.areaperil_id[half:],
        intensity_bin=hazard.intensity_bin[half:],
        probability=hazard.probability[half:],
    )
    assert joined(whole)[2].endswith(joined(list(step.blocks(later)))[2])


@pytest.mark.parametrize("generator", [0, 1, 2])
def test_an_item_loses_the_same_alone_and_among_many(generator: int) -> None:
    count = 250
    numbers = np.arange(1, count + 1)
    everyone = Items(
        **{name: np.zeros(count, "i4") for name in ("source_item_id", "intensity_adjustment", "return_period")},
        **{name: np.zeros(count, "i4") for name in ("peril_code", "amplification_id")},
        **{name: numbers.astype("u4") for name in ("group_id", "hazard_group_id")},
        **{name: np.full(count, 0.6, "f4") for name in ("damage_correlation", "hazard_correlation")},
        peril_correlation_group=np.full(count, 3, "i4"),
        coverage_id=numbers.astype("i4"),
        areaperil_id=np.full(count, 10, "u8"),
        vulnerability_id=np.full(count, 9, "i4"),
    )
    coverages = Coverages(np.full(count, 1000, "f4"), np.ones(count, "i4"))
    hazard = footprint([(10, 1, 0.4), (10, 2, 0.3), (10, 3, 0.3)])
    options = GroundUpOptions(samples=120, random_generator=generator)
    (together,) = GroundUp(everyone, coverages, MODEL, options).blocks(hazard)
    for number in (0, 99, 249):
        columns = {column.name: getattr(everyone, column.name) for column in fields(everyone)}
        one = {name: column[[number]] for name, column in columns.items() if isinstance(column, np.ndarray)}
        (alone,) = GroundUp(Items(**one), coverages, MODEL, options).blocks(hazard)
        assert (alone.loss[0] == together.loss[number]).all()


def test_threads_share_one_step() -> None:
    step, hazard = random_case(20)
    results: list[tuple] = []

    def work() -> None:
        results.append(joined(list(step.blocks(hazard, 30_000))))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [results[0]] * 4


def test_batches_hold_whole_events() -> None:
    assert list(batches(np.array([3, 4, 9, 1, 1]), 7)) == [(0, 2), (2, 3), (3, 5)]
    assert list(batches(np.array([3, 4]), 0)) == [(0, 1), (1, 2)]
    assert list(batches(np.array([2, 2, 2]), 100)) == [(0, 3)]


def test_the_threshold_is_single_precision_and_after_allocation() -> None:
    who = items(coverage_id=[1, 1, 2, 3], vulnerability_id=[9, 9, 9, 9])
    everything = losses(footprint([(10, 2, 1.0)]), who, samples=50)
    assert everything.loss[:, SPECIAL:].min() > 0
    above = losses(footprint([(10, 2, 1.0)]), who, samples=50, threshold=100.0).loss[:, SPECIAL:]
    expected = everything.loss[:, SPECIAL:]
    assert (above == np.where(expected >= 100, expected, 0)).all()


def test_adjustments_stretch_the_damage_numbers() -> None:
    plain = losses(footprint([(10, 1, 1.0)]), samples=30)
    nil = losses(footprint([(10, 1, 1.0)]), samples=30, vulnerability_adjustments={9: 1e-9})
    assert nil.loss[1, SPECIAL:].max() == 0 < plain.loss[1, SPECIAL:].max()
    assert (nil.loss[0] == plain.loss[0]).all()
    assert (nil.loss[:, :SPECIAL] == plain.loss[:, :SPECIAL]).all()


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # without compilation, 0 / 0 warns
def test_what_fixed_puts_right() -> None:
    silent = replace(MODEL, vulnerability=Vulnerability(np.array([7, 9], "i4"), CURVES * [[[0]], [[0.9]]]))
    hazard = footprint([(10, 2, 1.0)])
    options = {"samples": 40, "vulnerability_adjustments": {9: 2.0}, "allocation_rule": 2}
    as_is = losses(hazard, model=silent, **options)
    fixed = losses(hazard, model=silent, quirks="fixed", **options)
    assert as_is.loss[:, CHANCE].tolist() == [1, 1]
    assert fixed.loss[:, CHANCE].tolist() == [0, 1]
    assert as_is.loss[1, SPECIAL:].max() > 500  # extrapolated beyond the end of the bin, which is 0.5
    assert fixed.loss[1, SPECIAL:].max() == 500
    assert as_is.loss[:, EXPOSURE].tolist() == [250, 250]  # the value divided twice
    assert fixed.loss[:, EXPOSURE].tolist() == [500, 500]


def test_correlation_group_0_spoils_the_seeds_unless_fixed() -> None:
    columns = {"areaperil_id": [10] * 4, "vulnerability_id": [7] * 4, "damage_correlation": [1.0] * 4}
    hazard = footprint([(10, 3, 1.0)], [(10, 3, 1.0)])

    def factors(groups: list[int], quirks: str) -> np.ndarray:
        block = losses(hazard, items(peril_correlation_group=groups, **columns), samples=20, quirks=quirks)
        return block.loss.reshape(2, 4, -1)[:, :3, SPECIAL:] / np.array([1000, 1000, 500])[None, :, None]

    spoilt = factors([1, 2, 2, 0], "compatible")
    np.testing.assert_allclose(spoilt[0, 0], spoilt[0, 1])  # one row for every group
    np.testing.assert_allclose(spoilt[0], spoilt[1])  # and every event
    right = factors([1, 2, 2, 0], "fixed")
    np.testing.assert_allclose(right, factors([1, 2, 2, 3], "compatible"))
    assert (right[0, 0] != right[0, 1]).any()


def test_post_loss_amplification() -> None:
    factors = LossFactors(np.array([1, 1, 2], "i4"), np.array([1, 2, 1], "i4"), np.array([1.5, 2.0, 3.0], "f4"))
    model = replace(MODEL, loss_factors=factors)
    who = items(amplification_id=[1, 2, 3, 0])
    hazard = footprint(CERTAIN, CERTAIN, CERTAIN)
    plain = losses(hazard, who, samples=5).loss.reshape(3, 4, -1)

    def ratio(**options: object) -> list[float]:
        block = losses(hazard, who, model, samples=5, amplification=True, **options)
        return (block.loss.reshape(3, 4, -1)[:, :3, EXPOSURE] / plain[:, :3, EXPOSURE]).tolist()

    assert ratio() == [[1.5, 2, 1], [3, 1, 1], [1, 1, 1]]
    assert ratio(secondary_factor=0.5) == [[1.25, 1.5, 1], [2, 1, 1], [1, 1, 1]]
    assert ratio(uniform_factor=1.25) == [[1.25] * 3] * 3
    assert ratio(quirks="fixed") == [[1] * 3] * 3
    assert (losses(hazard, who, model, samples=5).loss.reshape(3, 4, -1) == plain).all()


def test_aggregates_are_mixtures_by_area_peril() -> None:
    ten, weights = np.array([10, 10, 20], "u8"), np.array([1.0, 3.0, 1.0], "f4")
    aggregates = AggregateVulnerability(np.array([50], "i4"), np.array([0, 2]), np.array([9, 7], "i4"), ten,
                                        np.array([7, 9, 7], "i4"), weights)  # fmt: skip
    block = losses(footprint(CERTAIN), items(vulnerability_id=[50, 50, 50, 7]), replace(MODEL, aggregates=aggregates))
    assert block.row.tolist() == [0, 1, 3, 2]
    assert block.loss[[0, 1, 3], MEAN].tolist() == [0.25 * 125 + 0.75 * 250] * 2 + [437.5]


def test_dynamic_footprints_find_bins_by_item_and_respect_protection() -> None:
    model = replace(MODEL, intensity_bins=IntensityBins(np.array([1, 2], "i4"), np.array([[1, 2, 3], [3, 3, 3]], "i4")))
    hazard = footprint([(10, 0, 1.0, 2, 100), (20, 0, 1.0, 1, 100)])
    who = items(intensity_adjustment=[0, 1, 5, 0], return_period=[0, 100, 50, 101], peril_code=[1, 1, 1, 2])
    block = losses(hazard, who, model, samples=3)
    assert block.loss[:, MEAN].tolist() == [875, 250, 0, 0]  # bins 3, 2, 1 (below 0 counts as 0), protected
    assert (block.loss[3] == 0).all()
    assert block.loss[:, EXPOSURE].tolist() == [500, 500, 500, 0]
    with pytest.raises(InvalidInput, match="must give intensities"):
        losses(footprint(CERTAIN), who, model)


CONDITIONAL = ConditionalVulnerability(np.array([60], "i4"), np.array([np.eye(4)[[0, 2, 3, 3]]], "f4"))


def test_a_dependent_coverage_follows_its_sources_damage() -> None:
    who = items(areaperil_id=[10, 10, 10, 10], vulnerability_id=[7, 9, 60, 9], source_item_id=[0, 0, 1, 0])
    model = replace(MODEL, conditional=CONDITIONAL)
    block = losses(footprint([(10, 2, 1.0)]), who, model, samples=60)
    assert block.row.tolist() == [0, 1, 2, 3]
    source, dependent = block.loss[0, SPECIAL:], block.loss[2, SPECIAL:]
    assert ((dependent > 0) == (source > 0)).all()
    assert (dependent[source > 0] >= 250).all()  # the source's bin 2 means the dependent's bin 3
    assert block.loss[2, MEAN] == 0.5 * 0.75 * 500
    step = GroundUp(who, COVERAGES, model, GroundUpOptions(samples=60))
    windows = list(step.blocks(footprint([(10, 2, 1.0)]), 1, 25))
    assert len(windows) == 3
    assert (windows_joined(windows)[0].loss == next(iter(step.blocks(footprint([(10, 2, 1.0)])))).loss).all()
    ignored = losses(footprint([(10, 2, 1.0)]), items(areaperil_id=[10] * 4, source_item_id=[0, 0, 1, 0]), model,
                     coverage_dependency=frozenset())  # fmt: skip
    assert ignored.loss[2, MEAN] == 62.5


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"vulnerability_id": [7, 9, 8, 9]}, "must hold every vulnerability that items use, got 8"),
        ({"damage_correlation": [0, 1.5, 0, 0]}, r"must lie between 0 and 1 \(item 2\), got 1.5"),
        ({"source_item_id": [0, 0, 1, 0]}, r"must be an item at the same area peril \(item 3\)"),
        ({"source_item_id": [0, 0, 0, 9]}, r"must be an item \(item 4\), got 9"),
        ({"source_item_id": [0, 0, 4, 3]}, r"must not come back to itself \(item 3\)"),
        ({"source_item_id": [0, 0, 0, 3]}, r"must be conditional for an item that depends on another"),
        ({"vulnerability_id": [7, 9, 60, 9]}, r"must not be conditional for an item that depends on no other"),
        ({"areaperil_id": [20] * 4, "source_item_id": [3, 4, 0, 0]}, r"must lie in the one coverage that drives it"),
    ],
)
def test_items_that_cannot_be(columns: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        GroundUp(items(**columns), COVERAGES, replace(MODEL, conditional=CONDITIONAL), GroundUpOptions(samples=1))


def test_model_data_that_cannot_be() -> None:
    few = DamageBins(*(column[:3] for column in (BINS.bin_from, BINS.bin_to, BINS.interpolation, BINS.damage_type)))
    high = IntensityBins(np.array([1], "i4"), np.array([[1, 4]], "i4"))
    cases = [
        (replace(MODEL, damage_bins=few), "must have at most the 3 bins of the dictionary, got 4"),
        (replace(MODEL, intensity_bins=high), "must lie between 1 and 3, got 4"),
        (
            replace(MODEL, conditional=ConditionalVulnerability(np.array([60]), np.ones((1, 3, 4), "f4"))),
            "4 damage bins",
        ),
    ]
    for model, message in cases:
        with pytest.raises(InvalidInput, match=message):
            GroundUp(items(), COVERAGES, model, GroundUpOptions(samples=1))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(10, 0, 1.0)], r"must lie between 1 and 3 \(event 1, area peril 10\), got 0"),
        ([(10, 4, 1.0)], r"must lie between 1 and 3 \(event 1, area peril 10\), got 4"),
        ([(10, 1, 1.0), (20, 1, 1.0), (10, 2, 1.0)], "event 1 has area peril 10 in two places"),
    ],
)
def test_footprints_that_cannot_be(rows: list[tuple], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        losses(footprint(rows))


@pytest.mark.parametrize(
    ("name", "value"),
    [("samples", -1), ("random_generator", 3), ("allocation_rule", 4), ("copula_mode", "x"), ("uniform_factor", -1.0)],
)
def test_options_that_cannot_be(name: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=f"{name} must .*, got"):
        GroundUpOptions(**({"samples": 1} | {name: value}))
