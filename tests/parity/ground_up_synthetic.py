"""Small random models and portfolios that visit what PiWind does not, as our values and as the reference's files."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from ground_up_files import CORRELATION, DAMAGE_BIN, FOOTPRINT, FOOTPRINT_INDEX, ITEM, VULNERABILITY, make_items

from oasis_kernel.model.exposure import Coverages
from oasis_kernel.model.hazard import (
    AggregateVulnerability,
    ConditionalVulnerability,
    DamageBins,
    Footprint,
    IntensityBins,
    Vulnerability,
)
from oasis_kernel.steps.ground_up_tables import DamageModel

AREAPERILS = np.array([3, 4, 8, 15, 16, 23], "u4")
INTENSITIES = 7
EVENTS = np.array([1, 2, 5, 9, 30], "i4")
CURVES = np.arange(1, 9, dtype="i4")
PERILS = ("WTC", "WSS")


@dataclass(frozen=True)
class Variant:
    """What a random model has."""

    name: str
    curved: bool = False
    typed: bool = False  # damage types 1, 2, 3 in one dictionary
    groups: tuple[int, ...] = (1, 2)
    aggregates: bool = False
    depends: bool = False
    dynamic: bool = False
    flags: tuple[str, ...] = ()
    options: dict = field(default_factory=dict)
    adjustments: dict[int, float] = field(default_factory=dict)
    bins: int = 9


DAMAGE_OFF = ("--ignore-correlation",)
ALL_OFF = ("--ignore-correlation", "--ignore-haz-correlation")
EFFECTIVE = ("--effective-damageability",)

VARIANTS = [
    Variant("plain"),
    Variant("curved bins, groups 0 and 3", curved=True, groups=(0, 3)),
    Variant("curved bins, group 5, many bins", curved=True, groups=(5, 3), bins=40),
    Variant("damage types", typed=True, curved=True),
    Variant("aggregates", aggregates=True),
    Variant("aggregates, effective", aggregates=True, flags=EFFECTIVE, options={"effective_damageability": True}),
    Variant("adjustments", adjustments={1: 1e-7, 2: 100.0, 3: 0.7, 4: 1.3}),
    Variant("no correlation", flags=ALL_OFF, options={"damage_correlation": False, "hazard_correlation": False}),
    Variant("hazard correlation alone", flags=DAMAGE_OFF, options={"damage_correlation": False}),
    Variant("dependency", depends=True, curved=True),
    Variant("dependency, effective", depends=True, flags=EFFECTIVE, options={"effective_damageability": True}),
    Variant("dynamic footprint", dynamic=True, flags=("--dynamic-footprint", "True")),
]


@dataclass
class Synthetic:
    """Tables in the reference's layout."""

    bins: np.ndarray
    vulnerability: np.ndarray
    footprint: list[np.ndarray]
    item: np.ndarray
    correlation: np.ndarray
    tiv: np.ndarray
    aggregate: np.ndarray | None = None
    weights: np.ndarray | None = None
    conditional: np.ndarray | None = None
    dynamic: dict[str, np.ndarray] = field(default_factory=dict)


AGGREGATE = np.dtype([("aggregate", "i4"), ("vulnerability", "i4")])
WEIGHT = np.dtype([("areaperil", "u4"), ("vulnerability", "i4"), ("weight", "f4")])
CONDITIONAL = np.dtype([("vulnerability", "i4"), ("source", "i4"), ("damage", "i4"), ("probability", "f4")])


def make(variant: Variant, seed: int) -> Synthetic:
    """The random tables of a variant."""
    rng = np.random.default_rng(seed)
    bins = _bins(variant, rng)
    made = Synthetic(bins, _vulnerability(len(bins), rng), _footprint(rng), *_items(variant, rng))
    if variant.aggregates:
        made.aggregate = np.array([(100 + a, v) for a in range(4) for v in rng.permutation(CURVES)[: 2 + a]], AGGREGATE)
        pairs = [(a, v) for a in AREAPERILS for v in CURVES if rng.random() < 0.7]
        made.weights = np.array([(a, v, rng.choice([0, rng.random()])) for a, v in pairs], WEIGHT)
        chosen = rng.random(len(made.item)) < 0.6
        made.item["vulnerability"][chosen] = 100 + rng.integers(0, 4, chosen.sum())
    if variant.depends:
        made.conditional = _conditional(len(bins), rng)
    if variant.dynamic:
        items = len(made.item)
        made.dynamic = {"adjustment": rng.integers(0, 3, items).astype("i4"),
                        "return_period": rng.choice([0, 0, 60, 150], items).astype("i4"),
                        "peril": (made.item["areaperil"] % 2).astype("i4")}  # fmt: skip
    return made


def _bins(variant: Variant, rng: np.random.Generator) -> np.ndarray:
    ends = np.linspace(0, 1, variant.bins - 1).astype("f4")
    bins = np.zeros(variant.bins, DAMAGE_BIN)
    bins["index"] = np.arange(1, variant.bins + 1)
    bins["lower"] = np.concatenate([[0], ends[:-1], [1]])
    bins["upper"] = np.concatenate([[0], ends[1:], [1]])
    bins["middle"] = (bins["lower"] + bins["upper"]) / 2
    if variant.curved:
        share = rng.choice([0.3, 0.45, 0.5, 0.58, 0.7], variant.bins)
        bins["middle"] = bins["lower"] + share * (bins["upper"] - bins["lower"])
    if variant.typed:
        bins["type"] = rng.integers(0, 4, variant.bins)
        bins["upper"][-1] = 1.5
    return bins


def _vulnerability(damages: int, rng: np.random.Generator) -> np.ndarray:
    rows = []
    for curve in CURVES:
        for intensity in range(1, INTENSITIES + 1):
            probability = rng.dirichlet(np.full(damages, 0.6))
            probability[rng.random(damages) < 0.3] = 0
            total = probability.sum() or 1.0
            if rng.random() < 0.7:
                probability /= total  # the others do not add up to 1
            if rng.random() < 0.1:
                probability[:] = 0
            rows += [(curve, intensity, d + 1, p) for d, p in enumerate(probability) if p > 0]
    return np.array(rows, VULNERABILITY)


def _footprint(rng: np.random.Generator) -> list[np.ndarray]:
    events = []
    for _ in EVENTS:
        rows = []
        for areaperil in AREAPERILS[rng.random(len(AREAPERILS)) < 0.75]:
            count = int(rng.choice([1, 1, 2, 4, 6]))
            intensity = np.sort(rng.permutation(INTENSITIES)[:count]) + 1
            probability = rng.dirichlet(np.ones(count))
            if count > 2 and rng.random() < 0.5:
                probability[rng.integers(0, count)] = 0
                probability /= probability.sum()
            rows += list(zip([areaperil] * count, intensity, probability, strict=True))
        events.append(np.array(rows, FOOTPRINT))
    return events


def _items(variant: Variant, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    coverages, items = 24, 90
    item = np.zeros(items, ITEM)
    item["item"] = np.arange(1, items + 1)
    item["coverage"] = (
        np.sort(np.concatenate([np.arange(coverages), rng.integers(0, coverages, items - coverages)])) + 1
    )
    item["areaperil"] = rng.choice(AREAPERILS, items)
    item["vulnerability"] = rng.choice(CURVES, items)
    item["group"] = rng.choice(rng.integers(1, 2**31, 20), items)
    correlation = np.zeros(items, CORRELATION)
    correlation["item"] = item["item"]
    correlation["peril_group"] = rng.choice(variant.groups, items)
    weights = {group: rng.choice([0.0, 0.4, 0.7, 1.0], 2) for group in variant.groups}
    correlation["damage"] = [weights[group][0] for group in correlation["peril_group"]]
    correlation["hazard"] = [weights[group][1] for group in correlation["peril_group"]]
    correlation["hazard_group"] = rng.choice(rng.integers(1, 2**31, 15), items)
    tiv = rng.choice([1e3, 12345.67, 2.5e5, 9.9e6], coverages).astype("f4") * rng.random(coverages).astype("f4")
    if variant.depends:
        _link(item, correlation, tiv)
    return item, correlation, tiv


def _link(item: np.ndarray, correlation: np.ndarray, tiv: np.ndarray) -> None:
    """Coverages in fours: 1 drives 2 and 3, 2 drives 4; items beyond the source's stay independent."""
    tiv[4] = 0  # an uninsured source
    for coverage, source in (
        [(c, c - 1) for c in range(2, 24, 4)]
        + [(c, c - 2) for c in range(3, 24, 4)]
        + [(c, c - 2) for c in range(4, 25, 4)]
    ):
        here, there = np.flatnonzero(item["coverage"] == coverage), np.flatnonzero(item["coverage"] == source)
        for mine, its in zip(here, there, strict=False):
            item["areaperil"][mine] = item["areaperil"][its]
            item["vulnerability"][mine] = 50 + coverage % 3
            correlation["source"][mine] = item["item"][its]


def _conditional(bins: int, rng: np.random.Generator) -> np.ndarray:
    rows = []
    for curve in (50, 51, 52):
        for source in range(1, bins + 1):
            if rng.random() < 0.2:
                continue  # undefined: no damage
            probability = rng.dirichlet(np.full(bins, 0.5))
            rows += [(curve, source, d + 1, p) for d, p in enumerate(probability)]
    return np.array(rows, CONDITIONAL)


def ours(made: Synthetic) -> tuple[DamageModel, "object", Coverages, Footprint]:
    """The tables as our values: model, items, coverages, footprint (static)."""
    damages = int(made.vulnerability["damage"].max())
    probability = np.zeros((len(CURVES), INTENSITIES, damages), "f4")
    rows = made.vulnerability
    probability[rows["vulnerability"] - 1, rows["intensity"] - 1, rows["damage"] - 1] = rows["probability"]
    bins = made.bins
    model = DamageModel(
        DamageBins(*(np.ascontiguousarray(bins[name]) for name in ("lower", "upper", "middle", "type"))),
        Vulnerability(CURVES, probability),
        aggregates=_our_aggregates(made),
        conditional=_our_conditional(made),
        intensity_bins=_our_dictionary() if made.dynamic else None,
    )
    dynamic = dict(made.dynamic)
    if dynamic:
        dynamic["peril"] = np.array([peril_code(PERILS[p]) for p in dynamic["peril"]], "i4")
    items = make_items(made.item, made.correlation, np.zeros(len(made.item), "i4"), **dynamic)
    joined = np.concatenate(made.footprint)
    none = np.zeros(0, "i4")
    footprint = Footprint(EVENTS, np.concatenate([[0], np.cumsum([len(rows) for rows in made.footprint])]),
                          joined["areaperil"].astype("u8"), joined["bin"].copy(), joined["probability"].copy(),
                          none, none)  # fmt: skip
    return model, items, Coverages(made.tiv, np.ones(len(made.tiv), "i4")), footprint


def _our_aggregates(made: Synthetic) -> AggregateVulnerability | None:
    if made.aggregate is None:
        return None
    ids, counts = np.unique(made.aggregate["aggregate"], return_counts=True)
    weights = np.sort(made.weights, order=["areaperil", "vulnerability"], kind="stable")
    return AggregateVulnerability(ids, np.concatenate([[0], np.cumsum(counts)]), made.aggregate["vulnerability"].copy(),
                                  weights["areaperil"].astype("u8"), weights["vulnerability"].copy(),
                                  weights["weight"].copy())  # fmt: skip


def _our_conditional(made: Synthetic) -> ConditionalVulnerability | None:
    if made.conditional is None:
        return None
    size = len(made.bins)
    probability = np.zeros((3, size, size), "f4")
    rows = made.conditional
    probability[rows["vulnerability"] - 50, rows["source"] - 1, rows["damage"] - 1] = rows["probability"]
    return ConditionalVulnerability(np.array([50, 51, 52], "i4"), probability)


def peril_code(peril: str) -> int:
    return sum(ord(letter) << 8 * k for k, letter in enumerate(peril))


def _dictionary() -> dict[str, list[int]]:
    """Intensities 0..9 of each peril; some are left out and take the bin of intensity 0."""
    return {"WTC": [1, 1, 2, 3, 3, 4, 5, 6, 7, 7], "WSS": [1, 2, 2, -1, 4, 5, 5, -1, 6, 7]}


def _our_dictionary() -> IntensityBins:
    codes = np.array(sorted(peril_code(peril) for peril in PERILS), "i4")
    bin_of = np.zeros((2, 10), "i4")
    for peril, bins in _dictionary().items():
        bin_of[np.searchsorted(codes, peril_code(peril))] = [b if b > 0 else bins[0] for b in bins]
    return IntensityBins(codes, bin_of)


def write(made: Synthetic, variant: Variant, folder: Path) -> None:
    """The tables as a run folder of the reference."""
    inputs, static = folder / "input", folder / "static"
    inputs.mkdir(parents=True)
    static.mkdir()
    made.item.tofile(inputs / "items.bin")
    made.correlation.tofile(inputs / "correlations.bin")
    made.tiv.tofile(inputs / "coverages.bin")
    EVENTS.tofile(inputs / "events.bin")
    made.bins.tofile(static / "damage_bin_dict.bin")
    _with_header(static / "vulnerability.bin", [made.vulnerability["damage"].max()], made.vulnerability)
    if variant.adjustments:
        adjustments = {"adjustments": {str(k): v for k, v in variant.adjustments.items()}}
        settings = {
            "model_supplier_id": "x",
            "model_name_id": "x",
            "model_settings": {},
            "gul_output": True,
            "gul_summaries": [{"id": 1}],
            "number_of_samples": 1,
            "vulnerability_adjustments": adjustments,
        }
        (folder / "analysis_settings.json").write_text(json.dumps(settings))
    if made.aggregate is not None:
        made.aggregate.tofile(static / "aggregate_vulnerability.bin")
        made.weights.tofile(static / "weights.bin")
    if made.conditional is not None:
        _with_header(static / "conditional_vulnerability.bin", [len(made.bins)], made.conditional)
    if variant.dynamic:
        _write_dynamic(made, inputs, static)
        return
    _with_header(static / "footprint.bin", [INTENSITIES, 1], np.concatenate(made.footprint))
    sizes = np.array([rows.nbytes for rows in made.footprint])
    index = np.zeros(len(EVENTS), FOOTPRINT_INDEX)
    index["event"], index["size"], index["offset"] = EVENTS, sizes, 8 + np.cumsum(sizes) - sizes
    index.tofile(static / "footprint.idx")


def _with_header(file: Path, header: list[int], rows: np.ndarray) -> None:
    file.write_bytes(np.array(header, "i4").tobytes() + rows.tobytes())


def _write_dynamic(made: Synthetic, inputs: Path, static: Path) -> None:
    rng = np.random.default_rng(7)
    cases = []
    for section, areaperils in ((1, AREAPERILS[:3]), (2, AREAPERILS[3:])):
        for areaperil in areaperils:
            for period in (50, 100, 200):
                count = int(rng.integers(1, 4))
                chance = rng.dirichlet(np.ones(count))
                level = rng.permutation(8)[:count] + (period > 100)
                cases += list(zip([section] * count, [areaperil] * count, [period] * count, level, chance, strict=True))
    names = ("section_id", "areaperil_id", "return_period", "intensity", "probability")
    types = (pa.int64(), pa.uint32(), pa.int64(), pa.int64(), pa.float64())
    columns = [pa.array([c[k] for c in cases], kind) for k, kind in enumerate(types)]
    pq.write_table(pa.table(columns, names=names), static / "hazard_case.parquet")
    periods = {1: (0, 50), 2: (50, 100), 5: (100, 200), 9: (50, 200), 30: (100, 100)}
    events = [(e, s, *periods[e], float(rng.random())) for e in periods for s in (1, 2) if e != 9 or s == 1]
    names = ("event_id", "section_id", "rp_from", "rp_to", "interpolation")
    pq.write_table(pa.table([pa.array([row[k] for row in events]) for k in range(5)], names=names),
                   static / "event_definition.parquet")  # fmt: skip
    meta = {"num_intensity_bins": INTENSITIES, "has_intensity_uncertainty": True}
    (static / "footprint_parquet_meta.json").write_text(json.dumps(meta))
    lines = ["peril_id,intensity,intensity_bin"]
    for peril, bins in _dictionary().items():
        lines += [f"{peril},{intensity},{b}" for intensity, b in enumerate(bins) if b > 0]
    (static / "intensity_bin_dict.csv").write_text("\n".join(lines) + "\n")
    (inputs / "sections.csv").write_text("section_id\n1\n2\n")
    numbers = made.item["item"]
    _csv(inputs / "item_adjustments.csv", "item_id,intensity_adjustment,return_period",
         zip(numbers, made.dynamic["adjustment"], made.dynamic["return_period"], strict=True))  # fmt: skip
    _csv(inputs / "gul_summary_map.csv", "item_id,peril_id",
         zip(numbers, [PERILS[p] for p in made.dynamic["peril"]], strict=True))  # fmt: skip
    _csv(inputs / "keys.csv", "LocID,PerilID,CoverageTypeID,AreaPerilID,VulnerabilityID",
         [(1, "WTC", 1, areaperil, 1) for areaperil in AREAPERILS])  # fmt: skip


def _csv(file: Path, header: str, rows: object) -> None:
    file.write_text("\n".join([header, *(",".join(str(value) for value in row) for row in rows)]) + "\n")
