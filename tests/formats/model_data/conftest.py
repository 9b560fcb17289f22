"""A random small model, and ways to write it down."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from oasis_kernel.formats.model_data import tables, write, write_tables
from oasis_kernel.model.hazard import DamageBins, Footprint, Vulnerability

INTENSITY_BINS = 6
DAMAGE_BINS = 5
AREA_PERILS = 40


class SmallModel(NamedTuple):
    bins: DamageBins
    footprint: Footprint
    vulnerability: Vulnerability
    events: np.ndarray


def make_footprint(runs: dict[int, list[tuple[int, list[tuple[int, float]]]]], wide: bool = False) -> Footprint:
    """A footprint from {event: [(area peril, [(bin, probability), ...]), ...]}."""
    rows = [(a, b, p) for listed in runs.values() for a, cells in listed for b, p in cells]
    counts = [sum(len(cells) for _, cells in listed) for listed in runs.values()]
    return Footprint(
        event_id=np.array(list(runs), dtype=np.int32),
        offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        areaperil_id=np.array([a for a, _, _ in rows], dtype=np.uint64),
        intensity_bin=np.array([b for _, b, _ in rows], dtype=np.int32),
        probability=np.array([p for _, _, p in rows], dtype=np.float32),
        intensity=np.empty(0, dtype=np.int32),
        return_period=np.empty(0, dtype=np.int32),
    )


def random_footprint(random: np.random.Generator, first_areaperil: int = 1, events: int = 25) -> Footprint:
    runs = {}
    for event in np.sort(random.choice(np.arange(1, 200), events, replace=False)):
        touched = np.sort(random.choice(AREA_PERILS, random.integers(1, 12), replace=False)) + first_areaperil
        runs[int(event)] = [(int(a), random_pmf(random, INTENSITY_BINS)) for a in touched]
    last = next(reversed(runs.values()))
    last[0] = (last[0][0], [(INTENSITY_BINS, 1.0)])  # so that the csv twin, too, has this number of bins
    return make_footprint(runs)


def random_pmf(random: np.random.Generator, bins: int) -> list[tuple[int, float]]:
    used = np.sort(random.choice(bins, random.integers(1, bins + 1), replace=False)) + 1
    weight = random.random(len(used)) + 0.05
    return list(zip(used.tolist(), (weight / weight.sum()).tolist(), strict=True))


def damage_bins() -> DamageBins:
    return DamageBins(
        bin_from=np.array([0, 0, 0.25, 0.5, 1], dtype=np.float32),
        bin_to=np.array([0, 0.25, 0.5, 1, 1], dtype=np.float32),
        interpolation=np.array([0, 0.125, 0.375, 0.75, 1], dtype=np.float32),
        damage_type=np.zeros(5, dtype=np.int32),
    )


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(42)


@pytest.fixture
def model(random: np.random.Generator) -> SmallModel:
    probability = random.random((4, INTENSITY_BINS, DAMAGE_BINS))
    probability[probability < 0.3] = 0
    probability[:, :, -1] += 0.1
    probability /= probability.sum(axis=2, keepdims=True)
    vulnerability = Vulnerability(np.array([2, 3, 7, 11], dtype=np.int32), probability.astype(np.float32))
    return SmallModel(damage_bins(), random_footprint(random), vulnerability, np.arange(1, 201, dtype=np.int32))


@pytest.fixture
def write_base(model: SmallModel) -> Callable[[Path], Path]:
    """Writes everything of the small model but its footprint and vulnerability."""

    def written(directory: Path) -> Path:
        write.write_damage_bins(directory / "damage_bin_dict.bin", model.bins)
        write.write_events(directory / "events.bin", model.events)
        return directory

    return written


@pytest.fixture
def directory(tmp_path: Path, model: SmallModel, write_base: Callable[[Path], Path]) -> Path:
    """The small model in binary files."""
    write_base(tmp_path)
    write.write_footprint(tmp_path, model.footprint, INTENSITY_BINS)
    write.write_vulnerability(tmp_path / "vulnerability.bin", model.vulnerability)
    return tmp_path


def write_footprint_as(form: str, directory: Path, footprint: Footprint) -> None:
    writers: dict[str, Callable[[], None]] = {
        "bin": lambda: write.write_footprint(directory, footprint, INTENSITY_BINS),
        "wide": lambda: write.write_footprint(directory, footprint, INTENSITY_BINS, wide=True),
        "z": lambda: write.write_zipped_footprint(directory, footprint, INTENSITY_BINS, inflated_sizes=False),
        "z sized": lambda: write.write_zipped_footprint(directory, footprint, INTENSITY_BINS),
        "z wide": lambda: write.write_zipped_footprint(directory, footprint, INTENSITY_BINS, wide=True),
        "csv": lambda: write_tables.write_csv(
            directory / "footprint.csv", write_tables.footprint_table(footprint, wide=True)
        ),
        "event parquet": lambda: write_tables.write_event_parquet(directory, footprint, INTENSITY_BINS),
        "chunked parquet": lambda: write_tables.write_chunked_parquet(directory, footprint, INTENSITY_BINS, 40),
    }
    writers[form]()


def write_vulnerability_as(form: str, directory: Path, vulnerability: Vulnerability) -> None:
    path = directory / "vulnerability.bin"
    writers: dict[str, Callable[[], None]] = {
        "bin": lambda: write.write_vulnerability(path, vulnerability),
        "idx": lambda: write.write_vulnerability(path, vulnerability, indexed=True),
        "csv": lambda: write_tables.write_csv(directory / "vulnerability.csv", write.vulnerability_rows(vulnerability)),
        "parquet": lambda: write_tables.write_vulnerability_parquet(directory, vulnerability, functions_per_part=3),
    }
    writers[form]()


@pytest.fixture
def write_footprint() -> Callable[[str, Path, Footprint], None]:
    """Writes a footprint in the named form."""
    return write_footprint_as


@pytest.fixture
def write_vulnerability() -> Callable[[str, Path, Vulnerability], None]:
    """Writes vulnerability functions in the named form."""
    return write_vulnerability_as


@pytest.fixture
def footprint_of() -> Callable[..., Footprint]:
    """Makes a footprint from {event: [(area peril, [(bin, probability), ...]), ...]}."""
    return make_footprint


@pytest.fixture
def overwrite() -> Callable[[Path, np.dtype, int, int, str, float], None]:
    """Changes one field of one record of a binary file."""

    def changed(path: Path, dtype: np.dtype, header: int, row: int, field: str, value: float) -> None:
        content = bytearray(path.read_bytes())
        records = np.frombuffer(content, dtype=np.uint8)[header:].view(dtype)
        records[field][row] = value
        path.write_bytes(bytes(content))

    return changed


@pytest.fixture
def footprint_row() -> np.dtype:
    """The record of ``footprint.bin``."""
    return tables.footprint_row()
