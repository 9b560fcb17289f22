"""The damage bin dictionary: ``damage_bin_dict.bin`` or csv."""

import numpy as np

from oasis_kernel.errors import Finding, Severity
from oasis_kernel.formats.model_data import tables
from oasis_kernel.formats.model_data.small_tables import Lookup
from oasis_kernel.model.hazard import DamageBins

_TYPES = (0, 1, 2, 3)
_ROUNDING = 1e-6


def read_damage_bins(lookup: Lookup) -> DamageBins:
    """The dictionary; row k is bin k + 1.

    Raises ``InvalidInput`` when it is missing or empty, when bins are not 1, 2, 3, ..., an interpolation point lies
    outside its bin, or a damage type is unknown.
    """
    table = lookup.read("damage_bin_dict", tables.DAMAGE_BIN)
    if table is None:
        raise lookup.missing("damage bin dictionary", "damage_bin_dict")
    rows = table.rows
    table.refuse(
        rows["bin_index"] != np.arange(1, len(rows) + 1),
        "bin_index",
        "must count 1, 2, 3, ... without gaps",
        "Number the bins in order, from 1",
    )
    for field in ("bin_from", "bin_to", "interpolation"):
        table.refuse(~np.isfinite(rows[field]), field, "must be a finite number", "Correct the bin")
    table.refuse(rows["bin_to"] < rows["bin_from"], "bin_to", "must not be below bin_from", "Swap or correct them")
    table.refuse(
        (rows["interpolation"] < rows["bin_from"] - _ROUNDING) | (rows["interpolation"] > rows["bin_to"] + _ROUNDING),
        "interpolation",
        "must be in [bin_from, bin_to]",
        "Give the mean damage of the bin",
    )
    table.refuse(
        ~np.isin(rows["damage_type"], _TYPES),
        "damage_type",
        "must be 0 (default), 1 (relative), 2 (absolute) or 3 (duration)",
        "Correct the type",
    )
    return DamageBins(
        bin_from=rows["bin_from"].copy(),
        bin_to=rows["bin_to"].copy(),
        interpolation=rows["interpolation"].copy(),
        damage_type=rows["damage_type"].copy(),
    )


def damage_bin_warnings(bins: DamageBins) -> list[Finding]:
    """What is unusual of a dictionary: gaps between bins, or limits that are not 0 and 1."""
    found = []
    if bins.bin_from[0] != 0:
        found.append(_warning(0, "bin_from", "is expected to be 0 in the first bin", float(bins.bin_from[0])))
    if bins.bin_to[-1] != 1 and bins.damage_type[-1] in (0, 1):
        found.append(
            _warning(len(bins.bin_to) - 1, "bin_to", "is expected to be 1 in the last bin", float(bins.bin_to[-1]))
        )
    same_type = bins.damage_type[1:] == bins.damage_type[:-1]
    apart = np.flatnonzero(same_type & (np.abs(bins.bin_from[1:] - bins.bin_to[:-1]) > _ROUNDING))
    if len(apart):
        row = int(apart[0]) + 1
        found.append(
            _warning(row, "bin_from", "is expected to be the bin_to of the bin before", float(bins.bin_from[row]))
        )
    return found


def _warning(row: int, field: str, message: str, value: float) -> Finding:
    return Finding(
        file="damage_bin_dict",
        row=row + 2,
        field=field,
        message=message,
        value=value,
        rule="damage bins cover [0, 1]",
        remedy="Check that this is intended",
        severity=Severity.WARNING,
    )
