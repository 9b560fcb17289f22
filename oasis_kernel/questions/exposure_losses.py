"""The losses of a portfolio with given damage factors, as tables at any level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.errors import Finding, OasisError

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
        layered = [name for name in self.losses if name != "loss_gul"]
        columns = [self._shared(keys, _COVERAGE, "tiv")]
        columns += [self._total(keys, "loss_gul") if self.compatible else self._shared(keys, _ITEM, "loss_gul")]
        columns += [self._total(keys, name) for name in layered]
        table = _grouped(self.outputs, keys, []).select(list(keys))
        for name, values in zip(("tiv", "loss_gul", *layered), columns, strict=True):
            table = table.append_column(name, values)
        return table

    def _shared(self, keys: Sequence[str], owner: str, name: str) -> pa.ChunkedArray:
        """The sum over groups of what each owner has once."""
        once = _grouped(self.outputs, [*keys, owner], [(name, "max")])
        return _grouped(once, keys, [(f"{name}_max", "sum")])[f"{name}_max_sum"]

    def _total(self, keys: Sequence[str], name: str) -> pa.ChunkedArray:
        return _grouped(self.outputs, keys, [(name, "sum")])[f"{name}_sum"]


def _grouped(table: pa.Table, keys: Sequence[str], sums: Sequence[tuple[str, str]]) -> pa.Table:
    """Groups in order of first appearance; sums run in the order of rows."""
    wide = [(name, pc.cast(table[name], pa.float64())) for name, _ in sums]
    plain = pa.table({**{key: table[key] for key in keys}, **dict(wide)})
    return plain.group_by(list(keys), use_threads=False).aggregate(list(sums))
