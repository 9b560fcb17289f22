"""Files of the Oasis financial module, and loss streams, to and from the model's arrays (Oasis file formats)."""

from pathlib import Path

import numpy as np

from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.model.terms import PROFILE_DTYPE, Leaves, Programme

PROGRAMME = np.dtype([("from_agg_id", "i4"), ("level_id", "i4"), ("to_agg_id", "i4")])
POLICY = np.dtype([(f"policy_{name}", "i4") for name in ("level_id", "agg_id", "layer_id", "profile_id")])
OUTPUT = np.dtype([(f"output_{name}", "i4") for name in ("id", "agg_id", "layer_id")])
PROFILE = np.dtype([(name, PROFILE_DTYPE[name]) for name in PROFILE_DTYPE.names[:10]])
ITEMS = np.dtype(
    [("item_id", "i4"), ("coverage_id", "u4"), ("areaperil_id", "u4"), ("vulnerability_id", "i4"), ("group_id", "u4")]
)
#: Special sample indices in the order of a loss block's columns.
SAMPLE_INDEX = (-1, -2, -3, -4, -5)


def read_programme(folder: Path) -> Programme:
    """The programme of a folder with fm_*.bin."""
    stepped = folder / "fm_profile_step.bin"
    raw = np.fromfile(stepped, PROFILE_DTYPE) if stepped.exists() else np.fromfile(folder / "fm_profile.bin", PROFILE)
    profile = np.zeros(len(raw), PROFILE_DTYPE)
    for name in raw.dtype.names:
        profile[name] = raw[name]
    columns = {}
    for file, dtype in {"fm_programme": PROGRAMME, "fm_policytc": POLICY, "fm_xref": OUTPUT}.items():
        table = np.fromfile(folder / f"{file}.bin", dtype)
        columns |= {name: table[name] for name in dtype.names}
    return Programme(profile=profile, **columns)


def read_leaves(folder: Path) -> Leaves:
    """The items of a folder with items.bin and coverages.bin."""
    items = np.fromfile(folder / "items.bin", ITEMS)
    return Leaves(items["coverage_id"].astype("i4"), np.fromfile(folder / "coverages.bin", "f4"))


def leaves_without_value(count: int) -> Leaves:
    """Leaves of a reinsurance pass: outputs of the pass before."""
    return Leaves(np.ones(count, "i4"), np.zeros(1, "f4"))


def write_programme(folder: Path, programme: Programme, leaves: Leaves) -> None:
    """Write fm_*.bin, items.bin and coverages.bin."""
    folder.mkdir(parents=True)
    for file, dtype in {"fm_programme": PROGRAMME, "fm_policytc": POLICY, "fm_xref": OUTPUT}.items():
        columns = [getattr(programme, name) for name in dtype.names]
        np.rec.fromarrays(columns, dtype=dtype).tofile(folder / f"{file}.bin")
    if (programme.profile["step_id"] > 0).any():
        programme.profile.tofile(folder / "fm_profile_step.bin")
    else:
        programme.profile[list(PROFILE.names)].astype(PROFILE).tofile(folder / "fm_profile.bin")
    items = np.zeros(len(leaves.coverage_id), ITEMS)
    items["item_id"] = np.arange(1, len(items) + 1)
    items["coverage_id"] = leaves.coverage_id
    items.tofile(folder / "items.bin")
    leaves.coverage_tiv.tofile(folder / "coverages.bin")


def write_losses(path: Path, block: LossBlock) -> None:
    """Write a block as a loss stream."""
    index = np.array([*SAMPLE_INDEX, *range(1, block.samples + 1)], "i4")
    pair = np.dtype([("sidx", "i4"), ("loss", "f4")])
    with path.open("wb") as stream:
        np.array([2 << 24 | 1, block.samples], "<i4").tofile(stream)
        for event, begin, end in zip(block.event_id, block.offsets[:-1], block.offsets[1:], strict=True):
            for row in range(begin, end):
                np.array([event, block.row[row] + 1], "i4").tofile(stream)
                np.rec.fromarrays([index, block.loss[row]], dtype=pair).tofile(stream)
                np.zeros(1, pair).tofile(stream)


def read_losses(path: Path) -> LossBlock:
    """The block in a loss stream; missing samples are 0."""
    raw = np.fromfile(path, "i4")
    samples, value, at = int(raw[1]), raw.view("f4"), 2
    events, rows, losses = [], [], []
    column = dict(zip(SAMPLE_INDEX, range(SPECIAL), strict=True)) | {s: SPECIAL + s - 1 for s in range(1, samples + 1)}
    while at < len(raw):
        events.append(int(raw[at]))
        rows.append(int(raw[at + 1]) - 1)
        loss = np.zeros(SPECIAL + samples, "f4")
        at += 2
        while raw[at] != 0:
            loss[column[int(raw[at])]] = value[at + 1]
            at += 2
        losses.append(loss)
        at += 2
    event = np.array(events, "i4")
    start = np.flatnonzero(np.r_[True, event[1:] != event[:-1]]) if len(event) else np.zeros(0, "i8")
    offsets = np.append(start, len(event)).astype("i8")
    return LossBlock(event[start], offsets, np.array(rows, "i4"), np.array(losses, "f4").reshape(-1, SPECIAL + samples))


def by_event_and_row(block: LossBlock) -> dict[tuple[int, int], np.ndarray]:
    """Losses that run through terms (maximum, exposure, mean, samples) by (event, row)."""
    event = np.repeat(block.event_id, np.diff(block.offsets))
    loss = np.delete(block.loss, (1, 3), axis=1)
    return {(int(e), int(row)): loss[k] for k, (e, row) in enumerate(zip(event, block.row, strict=True))}
