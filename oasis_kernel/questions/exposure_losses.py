"""The losses of a portfolio with given damage factors, as tables at any level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from oasis_kernel.errors import Finding, OasisError
from oasis_kernel.model.exposure import Int64

LOSS_FACTOR = "loss_factor"
#: Losses of a table, and what they are called where people read them.
LOSSES: Mapping[str, str] = {
    "loss_gul": "ground-up",
    "loss_il": "insured",
    "loss_ri": "net",
    "loss_rl": "ceded",
}

_ACCOUNT = ("PortNumber", "AccNumber")
_LOCATION = (*_ACCOUNT, "LocNumber")
#: What a row of each level is, from coarse to fine.
LEVELS: Mapping[str, tuple[str, ...]] = {
    "portfolio": ("PortNumber",),
    "account": _ACCOUNT,
    "policy": (*_ACCOUNT, "PolNumber"),
    "layer": (*_ACCOUNT, "PolNumber", "LayerNumber"),
    "location": _LOCATION,
    "coverage": (*_LOCATION, "coverage_type_id"),
    "item": (*_LOCATION, "coverage_type_id", "peril_id", "building_id", "PolNumber", "LayerNumber"),
}
#: Levels that only the account file defines.
POLICY_LEVELS = ("policy", "layer")
#: Several outputs of one item share its ground-up loss, several items of one coverage its value.
_ITEM, _COVERAGE = "agg_id", "coverage_id"


@dataclass(frozen=True)
class ExposureLosses:
    """Deterministic losses. Amounts are in the portfolio's (or the reporting) currency.

    ``outputs`` has one row per loss factor and output (item and layer; item where there is no account file):
    loss_factor, the columns of the reference's fm_summary_map with LayerNumber, tiv, and the losses: loss_gul
    (ground-up), loss_il (insured), loss_ri (net of reinsurance), loss_rl (ceded) as far as the portfolio's files go.
    ``contracts``: loss_factor, InuringPriority, RiskLevel, ReinsNumber, ReinsType, recovery; without rows when there
    is no reinsurance. ``terms`` (``exposure_terms.SCHEMA``) has rows, and ``programme`` says in words what there is,
    when the losses were asked for with ``explain``.
    """

    factors: tuple[float, ...]
    perils: tuple[str, ...]
    outputs: pa.Table
    contracts: pa.Table
    terms: pa.Table
    programme: str = ""
    currency: str | None = None
    findings: tuple[Finding, ...] = ()
    #: As the reference's tables: an item's ground-up loss counts once for every layer of it.
    compatible: bool = False

    @property
    def losses(self) -> tuple[str, ...]:
        """The losses there are: some of ``LOSSES``."""
        return tuple(name for name in LOSSES if name in self.outputs.column_names)

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels there are: policies and layers need an account file."""
        insured = "loss_il" in self.losses
        return tuple(name for name in LEVELS if insured or name not in POLICY_LEVELS)

    def table(self, level: str = "location") -> pa.Table:
        """The losses by loss factor and the fields of a level, in the order of the files.

        Columns: loss_factor, the level's fields, tiv, losses. Ground-up losses and values count once in a row, however
        many layers insure them. OasisError for a level that there is not.
        """
        if level not in self.levels:
            raise OasisError(f"level must be one of {', '.join(self.levels)}, got {level!r}")
        fields = [name for name in LEVELS[level] if name in self.outputs.column_names]
        return self._summed([LOSS_FACTOR, *fields])

    @property
    def totals(self) -> pa.Table:
        """The losses of the whole portfolio, one row per loss factor."""
        return self._summed([LOSS_FACTOR])

    def as_dict(self, level: str = "location") -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return {
            "loss_factors": list(self.factors),
            "perils": list(self.perils),
            "currency": self.currency,
            "totals": self.totals.to_pylist(),
            "level": level,
            "losses": self.table(level).to_pylist(),
            "contracts": self.contracts.to_pylist(),
            "terms": self.terms.to_pylist(),
            "programme": self.programme,
            "findings": [finding.as_dict() for finding in self.findings],
        }

    def _summed(self, keys: Sequence[str]) -> pa.Table:
        group, first = _groups([self.outputs[key] for key in keys])
        rows = {key: self.outputs[key].take(pa.array(first)) for key in keys}
        for name in ("tiv", *self.losses):
            values = self.outputs[name].to_numpy().astype(np.float64)
            once = self._once(group, name)
            rows[name] = pa.array(np.bincount(group[once], weights=values[once], minlength=len(first)))
        return pa.table(rows)

    def _once(self, group: Int64, name: str) -> Int64:
        """The outputs whose amount counts: of those in a group that share an item (a coverage), the first."""
        owner = {"tiv": _COVERAGE, "loss_gul": _ITEM}.get(name)
        if owner is None or (self.compatible and owner == _ITEM):
            return np.arange(len(group))
        owners = self.outputs[owner].to_numpy().astype(np.int64)
        return np.unique(group * (owners.max() + 1) + owners, return_index=True)[1]


def _groups(columns: Sequence[pa.ChunkedArray]) -> tuple[Int64, Int64]:
    """The group of each row, numbered by first appearance, and the first row of each group."""
    code = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
        own = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        # Numbered anew at each column, so that the product of codes stays small.
        code = np.unique(code * len(encoded.dictionary) + own, return_inverse=True)[1]
    _, first, group = np.unique(code, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return rank[group], np.sort(first)
