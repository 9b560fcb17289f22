"""Write model data in the Oasis standard binary files, from the dataclasses of ``oasis_kernel.model.hazard``.

Every writer replaces its file whole (temporary name, then rename) and makes the folder if it is missing.
Sources: the Oasis standard layout. Values are written as given; ``check`` says whether they make sense.
"""

import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from oasis_kernel.formats.model_data import tables
from oasis_kernel.formats.model_data.publish import published
from oasis_kernel.formats.model_data.tables import Records
from oasis_kernel.model.hazard import (
    AggregateVulnerability,
    ConditionalVulnerability,
    DamageBins,
    Footprint,
    LossFactors,
    Occurrence,
    PeriodWeights,
    Vulnerability,
)


def write_damage_bins(path: Path, bins: DamageBins) -> None:
    """Write ``damage_bin_dict.bin``: row k is bin k + 1."""
    records = np.empty(len(bins.bin_from), dtype=tables.DAMAGE_BIN)
    records["bin_index"] = np.arange(1, len(records) + 1)
    for name in ("bin_from", "bin_to", "interpolation", "damage_type"):
        records[name] = getattr(bins, name)
    _write(path, [records])


def write_footprint(
    directory: Path,
    footprint: Footprint,
    num_intensity_bins: int,
    has_uncertainty: bool = False,
    footprint_set: str = "",
    wide: bool = False,
) -> None:
    """Write ``footprint.bin`` and ``footprint.idx`` (or ``footprint_<set>.*``); events without rows are left out.

    ``wide`` writes area peril ids in 8 bytes instead of 4.
    """
    rows = footprint_rows(footprint, wide)
    header = _footprint_header(num_intensity_bins, has_uncertainty)
    starts, stops = footprint.offsets[:-1], footprint.offsets[1:]
    index = np.empty(len(starts), dtype=tables.FOOTPRINT_INDEX)
    index["event_id"] = footprint.event_id
    index["offset"] = header.nbytes + starts * rows.itemsize
    index["size"] = (stops - starts) * rows.itemsize
    stem = f"footprint_{footprint_set}" if footprint_set else "footprint"
    _write(Path(directory) / f"{stem}.bin", [header, rows])
    _write(Path(directory) / f"{stem}.idx", [index[index["size"] > 0]])


def write_zipped_footprint(
    directory: Path, footprint: Footprint, num_intensity_bins: int, inflated_sizes: bool = True, wide: bool = False
) -> None:
    """Write ``footprint.bin.z`` and ``footprint.idx.z``: one zlib stream per event.

    ``inflated_sizes`` adds the size of the inflated rows to the index, which lets a reader refuse a stream that
    inflates beyond it.
    """
    rows = footprint_rows(footprint, wide)
    header = _footprint_header(num_intensity_bins, False, inflated_sizes)
    streams, entries, offset = [], [], header.nbytes
    for event, start, stop in zip(footprint.event_id, footprint.offsets[:-1], footprint.offsets[1:], strict=True):
        if start == stop:
            continue
        stream = zlib.compress(rows[start:stop].tobytes())
        entries.append((event, offset, len(stream), (stop - start) * rows.itemsize))
        streams.append(stream)
        offset += len(stream)
    index = np.array(entries, dtype=tables.FOOTPRINT_INDEX_SIZED)
    if not inflated_sizes:
        index = index[list(tables.FOOTPRINT_INDEX.names or ())].astype(tables.FOOTPRINT_INDEX)
    _write(Path(directory) / "footprint.bin.z", [header, *streams])
    _write(Path(directory) / "footprint.idx.z", [index])


def write_vulnerability(path: Path, vulnerability: Vulnerability, indexed: bool = False) -> None:
    """Write ``vulnerability.bin``, zeros left out; ``indexed`` moves the ids into ``vulnerability.idx`` beside it."""
    rows = vulnerability_rows(vulnerability)
    header = np.array([(vulnerability.probability.shape[2],)], dtype=tables.VULNERABILITY_HEADER)
    path = Path(path)
    if not indexed:
        _write(path, [header, rows])
        return
    packed = np.empty(len(rows), dtype=tables.VULNERABILITY_INDEXED)
    for name in packed.dtype.names or ():
        packed[name] = rows[name]
    starts = np.searchsorted(rows["vulnerability_id"], vulnerability.vulnerability_id)
    stops = np.searchsorted(rows["vulnerability_id"], vulnerability.vulnerability_id, side="right")
    index = np.zeros(len(starts), dtype=tables.VULNERABILITY_INDEX)
    index["vulnerability_id"] = vulnerability.vulnerability_id
    index["offset"] = header.nbytes + starts * packed.itemsize
    index["size"] = (stops - starts) * packed.itemsize
    _write(path, [header, packed])
    _write(path.with_suffix(".idx"), [index])


def write_conditional_vulnerability(path: Path, conditional: ConditionalVulnerability) -> None:
    """Write ``conditional_vulnerability.bin``, zeros left out."""
    rows = _dense_rows(conditional.vulnerability_id, conditional.probability, tables.CONDITIONAL_VULNERABILITY)
    header = np.array([(conditional.probability.shape[2],)], dtype=tables.VULNERABILITY_HEADER)
    _write(path, [header, rows])


def write_aggregates(directory: Path, aggregates: AggregateVulnerability, wide: bool = False) -> None:
    """Write ``aggregate_vulnerability.bin`` and ``weights.bin``."""
    members = np.empty(len(aggregates.member), dtype=tables.AGGREGATE_VULNERABILITY)
    members["aggregate_vulnerability_id"] = np.repeat(aggregates.aggregate_id, np.diff(aggregates.offsets))
    members["vulnerability_id"] = aggregates.member
    weights = np.empty(len(aggregates.weight), dtype=tables.weight_row(wide))
    weights["areaperil_id"] = aggregates.weight_areaperil
    weights["vulnerability_id"] = aggregates.weight_vulnerability
    weights["weight"] = aggregates.weight
    _write(Path(directory) / "aggregate_vulnerability.bin", [members])
    _write(Path(directory) / "weights.bin", [weights])


def write_events(path: Path, event_id: npt.ArrayLike) -> None:
    """Write an event set (``events.bin``, ``events_<set>.bin``)."""
    _write(path, [np.asarray(event_id, dtype="<i4")])


def write_occurrence(path: Path, occurrence: Occurrence) -> None:
    """Write ``occurrence.bin``: its options, the number of periods, then one record per occurrence."""
    options = tables.HAS_DATES * occurrence.has_dates | tables.GRANULAR * occurrence.granular
    header = np.array([(options, occurrence.periods)], dtype=tables.OCCURRENCE_HEADER)
    rows = np.empty(
        len(occurrence.event_id), dtype=tables.OCCURRENCE_GRANULAR if occurrence.granular else tables.OCCURRENCE
    )
    rows["event_id"], rows["period_no"], rows["occ_date_id"] = (
        occurrence.event_id,
        occurrence.period,
        occurrence.date,
    )
    _write(path, [header, rows])


def write_period_weights(path: Path, weights: PeriodWeights) -> None:
    """Write ``periods.bin``: the weights of periods 1, 2, ..."""
    rows = np.empty(len(weights.weight), dtype=tables.PERIOD)
    rows["period_no"] = np.arange(1, len(rows) + 1)
    rows["weighting"] = weights.weight
    _write(path, [rows])


def write_return_periods(path: Path, return_period: npt.ArrayLike) -> None:
    """Write ``returnperiods.bin``, largest first."""
    _write(path, [np.unique(np.asarray(return_period, dtype="<i4"))[::-1]])


def write_quantiles(path: Path, quantile: npt.ArrayLike) -> None:
    """Write ``quantile.bin``, smallest first."""
    _write(path, [np.unique(np.asarray(quantile, dtype="<f4"))])


def write_loss_factors(path: Path, factors: LossFactors) -> None:
    """Write ``lossfactors.bin``: per event its number of factors, then the factors."""
    bounds = np.flatnonzero(np.diff(factors.event_id)) + 1
    blocks: list[bytes | npt.NDArray[np.generic]] = [np.zeros(1, dtype="<i4")]
    for rows in np.split(np.arange(len(factors.event_id)), bounds):
        if len(rows) == 0:
            continue
        block = np.empty(len(rows), dtype=tables.LOSS_FACTOR_ROW)
        block["amplification_id"], block["factor"] = factors.amplification_id[rows], factors.factor[rows]
        blocks.append(np.array([(factors.event_id[rows[0]], len(rows))], dtype=tables.LOSS_FACTOR_EVENT))
        blocks.append(block)
    _write(path, blocks)


def footprint_rows(footprint: Footprint, wide: bool = False) -> Records:
    """The footprint's rows as records of ``footprint.bin``."""
    rows = np.empty(len(footprint.areaperil_id), dtype=tables.footprint_row(wide))
    rows["areaperil_id"] = footprint.areaperil_id
    rows["intensity_bin_id"] = footprint.intensity_bin
    rows["probability"] = footprint.probability
    return rows


def vulnerability_rows(vulnerability: Vulnerability) -> Records:
    """The non-zero cells of the dense array as records of ``vulnerability.bin``, by id, intensity, damage."""
    return _dense_rows(vulnerability.vulnerability_id, vulnerability.probability, tables.VULNERABILITY)


def _dense_rows(
    vulnerability_id: npt.NDArray[np.int32], probability: npt.NDArray[np.float32], dtype: np.dtype[np.void]
) -> Records:
    function, given, damage = np.nonzero(probability)
    identity, condition, result, value = dtype.names or ()
    rows = np.empty(len(function), dtype=dtype)
    rows[identity] = vulnerability_id[function]
    rows[condition], rows[result] = given + 1, damage + 1
    rows[value] = probability[function, given, damage]
    return rows


def _footprint_header(num_intensity_bins: int, has_uncertainty: bool, inflated_sizes: bool = False) -> Records:
    flags = tables.HAS_UNCERTAINTY * has_uncertainty | tables.INDEX_HAS_INFLATED_SIZE * inflated_sizes
    return np.array([(num_intensity_bins, flags)], dtype=tables.FOOTPRINT_HEADER)


def _write(path: Path, blocks: Iterable[bytes | npt.NDArray[np.generic]]) -> None:
    with published(Path(path)) as temporary, temporary.open("wb") as file:
        for block in blocks:
            file.write(block if isinstance(block, bytes) else np.ascontiguousarray(block).view(np.uint8).data)
