"""Which of a model's keys become items: those of each location, peril and coverage type that is modelled and valued."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Float64, Int32, Int64, Portfolio, UInt64
from oasis_kernel.model.keys import KeyStatus
from oasis_kernel.prepare.correlation import PerilCorrelation
from oasis_kernel.prepare.dependency import driving_sources, source_rows
from oasis_kernel.prepare.disaggregation import Buildings


@dataclass(frozen=True)
class KeyRows:
    """The lookup's successes that become items: one per (location, peril, coverage type), in the order of the keys."""

    location: Int64  # row of the subjects table
    peril: Int64  # position in ``perils``
    coverage_type: Int32
    insured: Int64  # rank of (location, coverage type) by first appearance, dropped perils included
    tiv: Float64  # of one building
    source: Int64  # the key row this one's damage follows; -1: none
    keys: pa.Table
    perils: tuple[str, ...]

    def where(self, chosen: npt.NDArray[np.bool_]) -> "KeyRows":
        """The chosen rows."""
        return replace(
            self,
            location=self.location[chosen],
            peril=self.peril[chosen],
            coverage_type=self.coverage_type[chosen],
            insured=self.insured[chosen],
            tiv=self.tiv[chosen],
            source=self.source[chosen],
            keys=self.keys.filter(pa.array(chosen)),
        )


def subjects_at_risk(portfolio: Portfolio) -> pa.Table:
    """What carries the insured values, one row per loc_id: the locations, or the accounts where there are none.

    Rows without any value are left out before the first row of each loc_id is taken.
    """
    table = portfolio.location if portfolio.location is not None else portfolio.account
    if table is None:
        raise InvalidInput(Finding("portfolio", "needs a location file, or an account file for cyber and liability"))
    valued = np.zeros(table.num_rows, dtype=bool)
    for name in dict.fromkeys(f.TIV_OF_COVERAGE.values()):
        if name in table.column_names:
            valued |= pc.fill_null(table[name], 0.0).to_numpy() != 0.0
    table = table.filter(pa.array(valued))
    first = np.sort(np.unique(table[f.LOC_ID].to_numpy(), return_index=True)[1])
    return table if len(first) == table.num_rows else table.take(pa.array(first))


def key_rows(subjects: pa.Table, buildings: Buildings, keys: pa.Table, pairs: Sequence[tuple[int, int]]) -> KeyRows:
    """The successes at subjects with value, and those without that drive others."""
    keys = keys.filter(pc.equal(keys["status"], KeyStatus.SUCCESS))
    location = pd.Index(subjects[f.LOC_ID].to_numpy()).get_indexer(keys["loc_id"].to_numpy()).astype(np.int64)
    keys, location = keys.filter(pa.array(location >= 0)), location[location >= 0]
    perils = keys["peril_id"].combine_chunks().dictionary_encode()
    coverage_type = keys["coverage_type"].to_numpy().astype(np.int32)
    rows = KeyRows(
        location=location,
        peril=perils.indices.to_numpy(zero_copy_only=False).astype(np.int64),
        coverage_type=coverage_type,
        insured=joint(location, coverage_type),
        tiv=_tiv(subjects, coverage_type, location) / buildings.divisor[location],
        source=np.full(len(location), -1, dtype=np.int64),
        keys=keys,
        perils=tuple(perils.dictionary.to_pylist()),
    )
    kept = rows.tiv > 0.0
    if pairs:
        place = joint(joint(location, rows.peril), _area_peril(rows))
        kept |= driving_sources(pairs, place, coverage_type, kept)
    rows = rows.where(kept)
    return replace(rows, insured=pd.factorize(rows.insured)[0].astype(np.int64))


def _tiv(subjects: pa.Table, coverage_type: Int32, location: Int64) -> Float64:
    """The insured value of each key row's coverage type at its location, of all its buildings."""
    tiv = np.zeros(len(location))
    for kind in np.unique(coverage_type):
        name = f.TIV_OF_COVERAGE.get(int(kind))
        if name is not None and name in subjects.column_names:
            chosen = coverage_type == kind
            tiv[chosen] = pc.fill_null(subjects[name], 0.0).to_numpy()[location[chosen]]
    return tiv


def _area_peril(rows: KeyRows) -> UInt64:
    return pc.fill_null(rows.keys["area_peril_id"], 0).to_numpy().astype(np.uint64)


def joint(left: Int64, right: npt.NDArray[np.integer]) -> Int64:
    """One number per distinct pair of numbers that are not negative."""
    if len(left) and int(left.max()) * (int(right.max()) + 1) + int(right.max()) >= 2**62:
        left, right = pd.factorize(left)[0].astype(np.int64), pd.factorize(right)[0]
    return left * (int(right.max(initial=0)) + 1) + right.astype(np.int64)


def correlated(
    rows: KeyRows, correlations: Mapping[str, PerilCorrelation] | None, quirks: str
) -> tuple[KeyRows, list[Finding]]:
    """The rows whose perils have correlation settings, or all (``fixed``), with a warning for each peril without."""
    if correlations is None:
        return rows, []
    without = [code for code, peril in enumerate(rows.perils) if peril not in correlations]
    count = np.bincount(rows.peril, minlength=len(rows.perils))
    kept = quirks == "fixed"
    message = "has no correlation settings: its items are " + ("kept, uncorrelated" if kept else "left out")
    findings = [
        Finding(
            file="model_settings.json",
            message=message,
            field="peril_correlation_group",
            value=rows.perils[code],
            rule="peril_uncorrelated",
            remedy="Give the peril a peril_correlation_group that correlation_settings describes",
            severity=Severity.WARNING,
        )
        for code in without
        if count[code]
    ]
    return (rows if kept or not without else rows.where(~np.isin(rows.peril, without))), findings


def first_of_each(rows: KeyRows) -> KeyRows:
    """The first row of each (location, peril, coverage type)."""
    risk = joint(joint(rows.location, rows.peril), rows.coverage_type)
    again = pd.Series(risk).duplicated().to_numpy()
    return rows.where(~again) if again.any() else rows


def linked(rows: KeyRows, pairs: Sequence[tuple[int, int]]) -> KeyRows:
    """The rows with the row that each one's damage follows."""
    if not pairs:
        return rows
    risk = joint(rows.location, rows.peril)
    return replace(rows, source=source_rows(pairs, risk, rows.coverage_type, _area_peril(rows)))
