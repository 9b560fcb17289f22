"""A portfolio as it was read, and as the engine sees it: locations, items and coverages."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oasis_kernel.errors import Finding

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
UInt32 = npt.NDArray[np.uint32]
UInt64 = npt.NDArray[np.uint64]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Portfolio:
    """The OED tables of one portfolio, columns under their OED names, text as text, blanks as null.

    ``location`` has ``loc_id`` (1-based rank of PortNumber, AccNumber, LocNumber; equal triples share it) and
    ``loc_idx`` (0-based row of the file); ``account`` has ``acc_id`` and ``acc_idx``. A portfolio without
    locations (cyber) has ``location`` None. ``sources`` names the file behind each table, for findings.
    """

    location: pa.Table | None
    account: pa.Table | None = None
    reinsurance_info: pa.Table | None = None
    reinsurance_scope: pa.Table | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    reporting_currency: str | None = None
    #: The path or URL of each table that was read from a file, and of the rates; tables given in memory have none.
    files: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()  # warnings and notes of the reader; errors never get this far


@dataclass(frozen=True)
class Items:
    """One row per (location, peril, coverage, building) that is modelled and has value; row k is item k + 1.

    All arrays have length n items.
    """

    coverage_id: Int32  # 1-based, row of Coverages + 1
    areaperil_id: UInt64
    vulnerability_id: Int32
    group_id: UInt32  # items of one group share their damage uniforms
    hazard_group_id: UInt32
    peril_correlation_group: Int32  # 0: none
    damage_correlation: Float32
    hazard_correlation: Float32
    source_item_id: Int32  # the item whose damage is this one's hazard (coverage dependency); 0: none
    amplification_id: Int32  # post-loss amplification; 0: none
    intensity_adjustment: Int32  # dynamic footprints; 0: none
    return_period: Int32  # protection standard in years, dynamic footprints; 0: none
    peril_code: Int32  # sum of ord(upper char) << 8 * i over the peril's OED code
    section_id: tuple[str, ...] = ()  # dynamic footprints: the hazard sections the portfolio touches

    def __len__(self) -> int:
        return len(self.coverage_id)


@dataclass(frozen=True)
class Coverages:
    """What is insured of one building under one coverage type; row k is coverage k + 1."""

    tiv: Float32  # in the portfolio's (or the reporting) currency
    coverage_type: Int32  # OED coverage type: 1 building, 2 other, 3 contents, 4 business interruption, 7.. cyber


@dataclass(frozen=True)
class PreparedExposure:
    """A portfolio turned into items for one model.

    ``item_map`` has one row per item, in item order, with the columns of the reference's gul_summary_map plus
    ``risk_id`` and ``NumberOfRisks``: loc_id, PortNumber, AccNumber, LocNumber, loc_idx, peril_id,
    coverage_type_id, tiv, coverage_id, item_id, building_id, risk_id.
    ``keys`` is the model's lookup as returned (see ``oasis_kernel.model.keys``).
    """

    items: Items
    coverages: Coverages
    item_map: pa.Table
    keys: pa.Table
    findings: tuple[Finding, ...] = ()  # what was left out, or kept against the model's settings
