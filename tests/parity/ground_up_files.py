"""The reference's run folder and loss stream, read and written with numpy: only what the ground-up tests need."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oasis_kernel.model.exposure import Coverages, Items
from oasis_kernel.model.hazard import DamageBins, Footprint, LossFactors, Vulnerability
from oasis_kernel.steps.ground_up import GroundUp
from oasis_kernel.steps.ground_up_tables import DamageModel

ITEM = np.dtype([("item", "i4"), ("coverage", "u4"), ("areaperil", "u4"), ("vulnerability", "i4"), ("group", "u4")])
CORRELATION = np.dtype([("item", "i4"), ("peril_group", "i4"), ("damage", "f4"), ("hazard_group", "i4"),
                        ("hazard", "f4"), ("source", "i4")])  # fmt: skip
DAMAGE_BIN = np.dtype([("index", "i4"), ("lower", "f4"), ("upper", "f4"), ("middle", "f4"), ("type", "i4")])
FOOTPRINT = np.dtype([("areaperil", "u4"), ("bin", "i4"), ("probability", "f4")])
FOOTPRINT_INDEX = np.dtype([("event", "i4"), ("offset", "i8"), ("size", "i8")])
VULNERABILITY = np.dtype([("vulnerability", "i4"), ("intensity", "i4"), ("damage", "i4"), ("probability", "f4")])
PAIR = np.dtype([("sidx", "i4"), ("loss", "f4")])


@dataclass(frozen=True)
class RunFolder:
    """A reference run folder, as our model's values."""

    items: Items
    coverages: Coverages
    model: DamageModel
    footprint: Footprint


def read_run(folder: Path) -> RunFolder:
    """A run folder with the plain binary files."""
    item = np.fromfile(folder / "input" / "items.bin", ITEM)
    correlation = np.fromfile(folder / "input" / "correlations.bin", CORRELATION)
    tiv = np.fromfile(folder / "input" / "coverages.bin", "f4")
    static = folder / "static"
    bins = np.fromfile(static / "damage_bin_dict.bin", DAMAGE_BIN)
    footprint, intensities = read_footprint(static)
    used = np.unique(item["vulnerability"])
    return RunFolder(
        items=make_items(item, correlation, read_amplifications(folder / "input", len(item))),
        coverages=Coverages(tiv, np.ones(len(tiv), "i4")),
        model=DamageModel(
            DamageBins(*(np.ascontiguousarray(bins[name]) for name in ("lower", "upper", "middle", "type"))),
            read_vulnerability(static, used, intensities),
            loss_factors=read_loss_factors(static),
        ),
        footprint=footprint,
    )


def make_items(item: np.ndarray, correlation: np.ndarray, amplification: np.ndarray, **dynamic: np.ndarray) -> Items:
    """Items of the two tables, joined by item id."""
    zeros = np.zeros(len(item), "i4")
    joined = np.zeros(len(item), CORRELATION)
    joined[np.searchsorted(item["item"], correlation["item"])] = correlation
    return Items(
        coverage_id=item["coverage"].astype("i4"),
        areaperil_id=item["areaperil"].astype("u8"),
        vulnerability_id=item["vulnerability"].copy(),
        group_id=item["group"].copy(),
        hazard_group_id=joined["hazard_group"].astype("u4"),
        peril_correlation_group=joined["peril_group"].copy(),
        damage_correlation=joined["damage"].copy(),
        hazard_correlation=joined["hazard"].copy(),
        source_item_id=joined["source"].copy(),
        amplification_id=amplification,
        intensity_adjustment=dynamic.get("adjustment", zeros),
        return_period=dynamic.get("return_period", zeros),
        peril_code=dynamic.get("peril", zeros),
    )


def read_amplifications(folder: Path, items: int) -> np.ndarray:
    file = folder / "amplifications.bin"
    return np.fromfile(file, "i4", offset=4)[1::2].copy() if file.exists() else np.zeros(items, "i4")


def read_loss_factors(static: Path) -> LossFactors | None:
    file = static / "lossfactors.bin"
    if not file.exists():
        return None
    words = np.fromfile(file, "i4", offset=4)
    event, amplification, factor = [], [], []
    at = 0
    while at < len(words):
        count = words[at + 1]
        pairs = words[at + 2 : at + 2 + 2 * count]
        event.append(np.full(count, words[at], "i4"))
        amplification.append(pairs[::2])
        factor.append(pairs[1::2].view("f4"))
        at += 2 + 2 * count
    order = np.lexsort((np.concatenate(amplification), np.concatenate(event)))
    return LossFactors(*(np.concatenate(part)[order] for part in (event, amplification, factor)))


def read_footprint(static: Path) -> tuple[Footprint, int]:
    """The whole footprint, and the number of intensity bins."""
    intensities = int(np.fromfile(static / "footprint.bin", "i4", count=2)[0])
    rows = np.fromfile(static / "footprint.bin", FOOTPRINT, offset=8)
    index = np.fromfile(static / "footprint.idx", FOOTPRINT_INDEX)
    offsets = np.append(index["offset"] - 8, len(rows) * 12) // 12
    none = np.zeros(0, "i4")
    footprint = Footprint(index["event"].copy(), offsets, rows["areaperil"].astype("u8"), rows["bin"].copy(),
                          rows["probability"].copy(), none, none)  # fmt: skip
    return footprint, intensities


def read_vulnerability(static: Path, used: np.ndarray, intensities: int) -> Vulnerability:
    damages = int(np.fromfile(static / "vulnerability.bin", "i4", count=1)[0])
    rows = np.fromfile(static / "vulnerability.bin", VULNERABILITY, offset=4)
    rows = rows[np.isin(rows["vulnerability"], used) & (rows["intensity"] <= intensities)]
    ids = np.unique(rows["vulnerability"])
    probability = np.zeros((len(ids), intensities, damages), "f4")
    where = np.searchsorted(ids, rows["vulnerability"]), rows["intensity"] - 1, rows["damage"] - 1
    probability[where] = rows["probability"]
    return Vulnerability(ids, probability)


def stream(step: GroundUp, footprint: Footprint, max_bytes: int = 1 << 22) -> bytes:
    """Our losses as the reference writes them, with samples that are 0 left in."""
    parts = []
    samples = 0
    for block in step.blocks(footprint, max_bytes):
        samples = block.samples
        record = np.zeros(len(block.row), [("event", "i4"), ("item", "i4"), ("pair", PAIR, (6 + samples,))])
        record["event"] = np.repeat(block.event_id, np.diff(block.offsets))
        record["item"] = block.row + 1
        pair = record["pair"]
        pair["sidx"][:, :5] = (-5, -4, -3, -2, -1)
        pair["loss"][:, :5] = block.loss[:, 4::-1]
        pair["sidx"][:, 5:-1] = np.arange(1, samples + 1)
        pair["loss"][:, 5:-1] = block.loss[:, 5:]
        parts.append(record.tobytes())
    return np.array([1 | 2 << 24, samples], "i4").tobytes() + b"".join(parts)
