"""A portfolio and a model's keys to items and coverages.

An item is one peril on one coverage of one building; a coverage is what of one building is insured under one
coverage type. Both are numbered by first appearance in the order of the keys. Source: Oasis standard (items,
coverages and correlations files).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import (
    Coverages,
    Int32,
    Int64,
    Items,
    Portfolio,
    PreparedExposure,
    UInt64,
)
from oasis_kernel.model.prepare_options import PrepareOptions
from oasis_kernel.prepare.correlation import (
    PERIL_CORRELATION_GROUP,
    UNCORRELATED,
    PerilCorrelation,
    group_fields,
    peril_correlations,
)
from oasis_kernel.prepare.dependency import coverage_dependencies
from oasis_kernel.prepare.disaggregation import Buildings, building_ids, buildings_of
from oasis_kernel.prepare.groups import group_ids, hash_column, hash_integers, hash_text
from oasis_kernel.prepare.key_rows import KeyRows, correlated, first_of_each, key_rows, linked, subjects_at_risk

MOST_ITEMS = 2**31 - 1  # item ids are 32-bit


@dataclass(frozen=True)
class _Numbering:
    """Every item's place. All arrays have length n items, but ``first`` (per key row)."""

    row: npt.NDArray[np.intp]  # the key row
    building_id: Int32
    coverage_id: Int32
    first: Int64  # the 0-based item of each key row's first building


def prepare_exposure(
    portfolio: Portfolio, keys: pa.Table, model_settings: Mapping[str, Any], settings: PrepareOptions
) -> PreparedExposure:
    """The portfolio's items and coverages under one model; none at all when nothing with value is modelled.

    ``keys`` as checked (``prepare.keys.check_keys``); ``model_settings`` as the model's author wrote them. Ids are
    1-based and without gaps. (Where the reference drops perils that have no correlation settings its ids have gaps,
    and its coverages file no longer fits them; the items and their order are the same here.) Findings say what was
    dropped and why.
    """
    subjects = subjects_at_risk(portfolio)
    buildings = buildings_of(subjects, settings.do_disaggregation)
    correlations = peril_correlations(model_settings, settings)
    pairs = coverage_dependencies(model_settings)
    rows = key_rows(subjects, buildings, keys, pairs)
    rows, findings = correlated(rows, correlations, settings.quirks)
    rows = linked(first_of_each(rows), pairs)
    numbering = _numbered(rows, buildings)
    of_peril = [(correlations or {}).get(peril, UNCORRELATED) for peril in rows.perils]
    damage, hazard, unknown = group_fields(model_settings, settings, subjects.column_names, correlations is not None)
    hashes = _Hashes(subjects, buildings, rows, numbering, of_peril)
    group_id = hashes.group_id(damage)
    hazard_group_id = group_id if hazard == damage else hashes.group_id(hazard)
    items = _items(rows, numbering, of_peril, group_id, hazard_group_id)
    return PreparedExposure(
        items=items,
        coverages=_coverages(rows, numbering),
        item_map=_item_map(subjects, buildings, rows, numbering),
        keys=keys,
        findings=(*findings, *unknown),
    )


def _numbered(rows: KeyRows, buildings: Buildings) -> _Numbering:
    """Items and coverages of all buildings, numbered by first appearance."""
    count = buildings.count[rows.location]
    total = int(count.sum())
    if total > MOST_ITEMS:
        raise InvalidInput(
            Finding(
                file="location",
                message=f"must disaggregate into at most {MOST_ITEMS:,} items",
                field=f.NUMBER_OF_BUILDINGS,
                value=total,
                rule="items_too_many",
                remedy="Turn do_disaggregation off, or split the portfolio",
            )
        )
    row = np.repeat(np.arange(len(count)), count)
    building = building_ids(count)
    # Dropped perils leave coverages without rows; those get no ids.
    size = np.zeros(int(rows.insured.max(initial=-1)) + 1, dtype=np.int64)
    size[rows.insured] = count
    start = (np.cumsum(size) - size)[rows.insured]
    return _Numbering(row, building, (start[row] + building).astype(np.int32), np.cumsum(count) - count)


@dataclass(frozen=True)
class _Hashes:
    """Hashes of whatever a group field may be, one per item."""

    subjects: pa.Table
    buildings: Buildings
    rows: KeyRows
    numbering: _Numbering
    of_peril: Sequence[PerilCorrelation]

    def group_id(self, names: Sequence[str]) -> npt.NDArray[np.uint32]:
        """The group of each item: the hash of its fields."""
        if not len(self.numbering.row):
            return np.zeros(0, dtype=np.uint32)
        return group_ids([self._of(name) for name in names])

    def _of(self, name: str) -> UInt64:
        rows, numbering = self.rows, self.numbering
        if name == "peril_id":
            return hash_text(pa.array(rows.perils))[rows.peril][numbering.row]
        if name == PERIL_CORRELATION_GROUP:
            groups = np.array([correlation.group for correlation in self.of_peril], dtype=np.int64)
            return hash_integers(groups)[rows.peril][numbering.row]
        own: dict[str, npt.NDArray[np.integer]] = {
            "item_id": np.arange(1, len(numbering.row) + 1),
            "coverage_id": numbering.coverage_id,
            "building_id": numbering.building_id,
            "coverage_type_id": rows.coverage_type[numbering.row],
            "risk_id": _risk_id(self.buildings, rows, numbering),
        }
        if name in own:
            return hash_integers(own[name])
        position = self.subjects.schema.get_field_index(name)
        column = hash_column(self.subjects.column(position), f.default_of(self.subjects.schema.field(position)))
        return column[rows.location][numbering.row]


def _risk_id(buildings: Buildings, rows: KeyRows, numbering: _Numbering) -> Int32:
    separate = buildings.aggregate[rows.location][numbering.row]
    return np.where(separate, numbering.building_id, 1).astype(np.int32)


def _items(
    rows: KeyRows,
    numbering: _Numbering,
    of_peril: Sequence[PerilCorrelation],
    group_id: npt.NDArray[np.uint32],
    hazard_group_id: npt.NDArray[np.uint32],
) -> Items:
    row = numbering.row
    peril = rows.peril[row]

    def of_key(name: str, dtype: type[np.generic]) -> npt.NDArray[Any]:
        if name not in rows.keys.column_names:
            return np.zeros(len(row), dtype=dtype)
        return pc.fill_null(rows.keys[name], 0).to_numpy().astype(dtype)[row]

    def by_peril(values: Sequence[float], dtype: type[np.generic]) -> npt.NDArray[Any]:
        return np.array(values, dtype=dtype)[peril]

    source = rows.source[row]
    source_item = np.where(source >= 0, numbering.first[source] + numbering.building_id, 0) if len(row) else source
    return Items(
        coverage_id=numbering.coverage_id,
        areaperil_id=of_key("area_peril_id", np.uint64),
        vulnerability_id=of_key("vulnerability_id", np.int32),
        group_id=group_id,
        hazard_group_id=hazard_group_id,
        peril_correlation_group=by_peril([correlation.group for correlation in of_peril], np.int32),
        damage_correlation=by_peril([correlation.damage for correlation in of_peril], np.float32),
        hazard_correlation=by_peril([correlation.hazard for correlation in of_peril], np.float32),
        source_item_id=source_item.astype(np.int32),
        amplification_id=of_key("amplification_id", np.int32),
        intensity_adjustment=of_key("intensity_adjustment", np.int32),
        return_period=of_key("return_period", np.int32),
        peril_code=by_peril([peril_code(name) for name in rows.perils], np.int32),
        section_id=_sections(rows.keys),
    )


def peril_code(peril: str) -> int:
    """A peril's OED code as a number: its letters, upper case, as the bytes of a little-endian integer."""
    return sum(ord(letter) << (8 * position) for position, letter in enumerate(peril.upper()))


def _sections(keys: pa.Table) -> tuple[str, ...]:
    """The hazard sections the keys name, each once; a key may name several, separated by ';'."""
    if "section_id" not in keys.column_names:
        return ()
    listed = [text for text in keys["section_id"].unique().to_pylist() if text]
    return tuple(dict.fromkeys(section.strip() for text in listed for section in text.split(";") if section.strip()))


def _coverages(rows: KeyRows, numbering: _Numbering) -> Coverages:
    row = np.empty(int(numbering.coverage_id.max(initial=0)), dtype=np.intp)
    row[numbering.coverage_id - 1] = numbering.row  # all rows of a coverage have its value and type
    return Coverages(tiv=rows.tiv[row].astype(np.float32), coverage_type=rows.coverage_type[row])


def _item_map(subjects: pa.Table, buildings: Buildings, rows: KeyRows, numbering: _Numbering) -> pa.Table:
    row = numbering.row
    location = rows.location[row]
    taken = pa.array(location)

    def of_subject(name: f.Field) -> pa.Array | pa.ChunkedArray:
        if name not in subjects.column_names:
            return pa.nulls(len(row), f.ARROW[name.dtype])
        return subjects[name].take(taken)

    perils = pa.DictionaryArray.from_arrays(
        pa.array(rows.peril[row].astype(np.int32)), pa.array(rows.perils, pa.string())
    )
    return pa.table(
        {
            f.LOC_ID: of_subject(f.LOC_ID),
            f.PORTFOLIO_NUMBER: of_subject(f.PORTFOLIO_NUMBER),
            f.ACCOUNT_NUMBER: of_subject(f.ACCOUNT_NUMBER),
            f.LOCATION_NUMBER: of_subject(f.LOCATION_NUMBER),
            f.LOC_IDX: of_subject(f.LOC_IDX),
            "peril_id": perils.cast(pa.string()),
            "coverage_type_id": rows.coverage_type[row],
            "tiv": rows.tiv[row],
            "coverage_id": numbering.coverage_id,
            "item_id": np.arange(1, len(row) + 1, dtype=np.int32),
            "building_id": numbering.building_id,
            "risk_id": _risk_id(buildings, rows, numbering),
            "NumberOfRisks": buildings.risks[location].astype(np.int32),
        }
    )
