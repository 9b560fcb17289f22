"""What comes beside vulnerabilities: aggregates and weights, conditional functions, replacements, intensity bins."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.formats.model_data import tables
from oasis_kernel.formats.model_data.delimited import read_csv, read_perils
from oasis_kernel.formats.model_data.folder import Bytes, ModelFolder, as_records
from oasis_kernel.formats.model_data.small_tables import Lookup, Table
from oasis_kernel.formats.model_data.tables import Records
from oasis_kernel.formats.model_data.vulnerability import dense
from oasis_kernel.formats.model_data.vulnerability_rules import Cells, Shape
from oasis_kernel.model.hazard import (
    AggregateVulnerability,
    ConditionalVulnerability,
    DamageBins,
    IntensityBins,
    Vulnerability,
)


def read_aggregates(lookup: Lookup, wide: bool | None) -> AggregateVulnerability | None:
    """The aggregate vulnerabilities with their weights; None when the model has none.

    Weights are sorted by (area peril, vulnerability); of a pair that is listed twice the last one counts. ``wide``
    says whether area perils have 8 bytes; None: told by the file's size. Raises ``InvalidInput`` when there are
    aggregates without weights, or a weight is negative.
    """
    members = lookup.read("aggregate_vulnerability", tables.AGGREGATE_VULNERABILITY)
    if members is None or len(members.rows) == 0:
        return None
    weights = _weights(lookup, wide)
    if weights is None:
        raise lookup.missing(f"weights of {members.name}", "weights")
    value = weights.rows["weight"]
    weights.refuse(~((value >= 0) & np.isfinite(value)), "weight", "must not be negative", "Correct the weight")
    order = np.argsort(members.rows["aggregate_vulnerability_id"], kind="stable")
    aggregate, first = np.unique(members.rows["aggregate_vulnerability_id"][order], return_index=True)
    rows = weights.rows[np.lexsort((weights.rows["vulnerability_id"], weights.rows["areaperil_id"]))]
    last = np.ones(len(rows), dtype=np.bool_)
    last[:-1] = (rows["areaperil_id"][1:] != rows["areaperil_id"][:-1]) | (
        rows["vulnerability_id"][1:] != rows["vulnerability_id"][:-1]
    )
    rows = rows[last]
    return AggregateVulnerability(
        aggregate_id=aggregate.astype(np.int32),
        offsets=np.append(first, len(order)).astype(np.int64),
        member=members.rows["vulnerability_id"][order].astype(np.int32),
        weight_areaperil=rows["areaperil_id"].astype(np.uint64),
        weight_vulnerability=np.ascontiguousarray(rows["vulnerability_id"]),
        weight=np.ascontiguousarray(rows["weight"]),
    )


def read_conditional(lookup: Lookup, bins: DamageBins) -> ConditionalVulnerability | None:
    """The conditional vulnerabilities, dense over the damage bins; None when the model has none.

    A source damage bin without rows means no damage: a point mass on bin 1, which must then be [0, 0].
    """
    name = lookup.find("conditional_vulnerability")
    if name is None:
        return None
    if name.endswith(".csv"):
        rows = read_csv(lookup.folder, name, tables.CONDITIONAL_VULNERABILITY)
    else:
        rows = as_records(lookup.folder.read(name), tables.CONDITIONAL_VULNERABILITY, name, header=4)
    count = len(bins.bin_from)
    table = Table(name, rows)
    for field in ("source_damage_bin", "damage_bin"):
        outside = (rows[field] < 1) | (rows[field] > count)
        table.refuse(outside, field, f"must be in 1..{count} (damage_bin_dict)", "Correct the bin")
    found = dense(_as_cells(name, rows), Shape(count, count), None)
    probability = found.probability.copy()
    undefined = probability.sum(axis=2) == 0
    if undefined.any() and (bins.bin_from[0], bins.bin_to[0]) != (0, 0):
        function, source = np.nonzero(undefined)
        raise InvalidInput(
            Finding(
                file=name,
                field="source_damage_bin",
                message=f"must all have rows in vulnerability {found.vulnerability_id[function[0]]}, "
                "because damage bin 1 is not the bin without damage [0, 0]; missing",
                value=int(source[0]) + 1,
                rule="conditional vulnerability complete",
                remedy="Add the rows of this source damage bin",
            )
        )
    probability[..., 0][undefined] = 1
    return ConditionalVulnerability(found.vulnerability_id, probability)


def read_intensity_bins(folder: ModelFolder, num_intensity_bins: int) -> IntensityBins:
    """Intensity to bin by peril, from ``intensity_bin_dict.csv``; intensities not listed have the bin of 0."""
    name = folder.find("intensity_bin_dict.csv")
    if name is None:
        raise folder.missing("intensity bin dictionary of a dynamic footprint", ["intensity_bin_dict.csv"], "files")
    dtype = np.dtype([("intensity", "<i4"), ("intensity_bin", "<i4")])
    table = Table(name, read_csv(folder, name, dtype))
    table.refuse(table.rows["intensity"] < 0, "intensity", "must not be negative", "Correct the intensity")
    outside = (table.rows["intensity_bin"] < 1) | (table.rows["intensity_bin"] > num_intensity_bins)
    table.refuse(outside, "intensity_bin", f"must be in 1..{num_intensity_bins}", "Correct the bin")
    code = np.array([peril_code(peril) for peril in read_perils(folder, name)], dtype=np.int32)
    perils, peril = np.unique(code, return_inverse=True)
    bin_of = np.zeros((len(perils), int(table.rows["intensity"].max(initial=0)) + 1), dtype=np.int32)
    bin_of[peril, table.rows["intensity"]] = table.rows["intensity_bin"]
    without_zero = bin_of[:, 0] == 0
    if without_zero.any():
        raise InvalidInput(
            Finding(
                file=name,
                field="intensity",
                message="must list intensity 0 for each peril: it stands for every intensity not listed",
                value=read_perils(folder, name)[int(np.flatnonzero(without_zero[peril])[0])],
                rule="intensity 0",
                remedy="Add the row of intensity 0",
            )
        )
    return IntensityBins(perils, np.where(bin_of == 0, bin_of[:, :1], bin_of))


def peril_code(peril: str) -> int:
    """A peril's OED code as a number: the sum of ``ord(upper-case character) << 8 * place``."""
    return sum(ord(character) << 8 * place for place, character in enumerate(peril.upper()))


def replaced(vulnerability: Vulnerability, adjustments: Mapping[str, Any], shape: Shape) -> Vulnerability:
    """The functions with those in the settings' ``replace_data`` (or else ``replace_file``) replaced whole.

    A replaced function has the rows of the replacement and no others, whatever the file format. (The reference
    replaces whole for ``vulnerability.bin`` without index and csv only; with an index or Parquet it overwrites the
    cells that are listed and leaves the rest, so that probabilities no longer sum to 1.)
    Ids that the portfolio does not use are left out.
    """
    data = adjustments.get("replace_data")
    source = adjustments.get("replace_file")
    if data is not None:
        cells = _replacement_rows(data)
    elif source:
        cells = replacement_file(str(source))
    else:
        return vulnerability
    used = np.isin(cells["vulnerability_id"], vulnerability.vulnerability_id)
    name = "vulnerability_adjustments.replace_data" if data is not None else str(source)
    new = dense(Cells(name, cells["vulnerability_id"][used], cells[used], np.flatnonzero(used) + 2), shape, None)
    probability = vulnerability.probability.copy()
    probability[np.searchsorted(vulnerability.vulnerability_id, new.vulnerability_id)] = new.probability
    return Vulnerability(vulnerability.vulnerability_id, probability)


def _replacement_rows(data: Any) -> Records:
    try:
        rows = [(int(identity), *map(float, row)) for identity, listed in data.items() for row in listed]
        if any(len(row) != 4 for row in rows):
            raise ValueError("each row needs three numbers")
        return (
            np.array(rows, dtype=np.float64).reshape(-1, 4).view(_REPLACEMENT).reshape(-1).astype(tables.VULNERABILITY)
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidInput(
            Finding(
                file="analysis settings",
                field="vulnerability_adjustments.replace_data",
                message=f"must map vulnerability ids to rows [intensity bin, damage bin, probability]: {error}",
                rule="vulnerability replacements",
                remedy='Write {"1": [[1, 1, 0.5], [1, 2, 0.5]]}',
            )
        ) from error


_REPLACEMENT = np.dtype([(name, "<f8") for name in tables.VULNERABILITY.names or ()])


def replacement_file(source: str) -> Records:
    """The rows of a ``replace_file``: vulnerability id, intensity bin, damage bin, probability."""
    path = Path(source)
    if not path.is_file():
        raise InvalidInput(
            Finding(
                file=source,
                field="vulnerability_adjustments.replace_file",
                message="must be a csv file that is there",
                rule="vulnerability replacements",
                remedy="Give the path of the replacement csv, from the folder where the run starts",
            )
        )
    return read_csv(ModelFolder(path.parent), path.name, tables.VULNERABILITY)


def _weights(lookup: Lookup, wide: bool | None) -> Table | None:
    name = lookup.find("weights")
    if name is None:
        return None
    if name.endswith(".csv"):
        return lookup.read("weights", tables.weight_row(wide=True))
    if wide is None:
        content = lookup.folder.read(name)
        wide = not _plausible(content, tables.weight_row()) and _plausible(content, tables.weight_row(True))
    return lookup.read("weights", tables.weight_row(wide))


def _plausible(content: Bytes, dtype: np.dtype[np.void]) -> bool:
    """Whether the bytes make sense as weights of this width: read at the other width, vulnerability ids become 0."""
    if len(content) % dtype.itemsize:
        return False
    rows = content.view(dtype)
    return bool(((rows["vulnerability_id"] > 0) & (rows["weight"] >= 0)).all())


def _as_cells(name: str, rows: Records) -> Cells:
    renamed = np.empty(len(rows), dtype=tables.VULNERABILITY_INDEXED)
    renamed["intensity_bin_id"], renamed["damage_bin_id"] = rows["source_damage_bin"], rows["damage_bin"]
    renamed["probability"] = rows["probability"]
    return Cells(name, rows["vulnerability_id"], renamed, np.arange(len(rows)) + 2)
