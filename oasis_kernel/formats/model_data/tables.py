"""Records of the Oasis standard model files: little-endian, packed, as the reference engine writes them."""

import numpy as np
import numpy.typing as npt

Records = npt.NDArray[np.void]

DAMAGE_BIN = np.dtype(
    [("bin_index", "<i4"), ("bin_from", "<f4"), ("bin_to", "<f4"), ("interpolation", "<f4"), ("damage_type", "<i4")]
)

FOOTPRINT_HEADER = np.dtype([("num_intensity_bins", "<i4"), ("flags", "<i4")])
FOOTPRINT_INDEX = np.dtype([("event_id", "<i4"), ("offset", "<i8"), ("size", "<i8")])
FOOTPRINT_INDEX_SIZED = np.dtype([*FOOTPRINT_INDEX.descr, ("inflated_size", "<i8")])

#: Bits of the footprint header's flags.
HAS_UNCERTAINTY = 1
INDEX_HAS_INFLATED_SIZE = 2

#: The vulnerability (and conditional vulnerability) files start with the number of damage bins.
VULNERABILITY_HEADER = np.dtype([("num_damage_bins", "<i4")])
VULNERABILITY = np.dtype(
    [("vulnerability_id", "<i4"), ("intensity_bin_id", "<i4"), ("damage_bin_id", "<i4"), ("probability", "<f4")]
)
VULNERABILITY_INDEXED = np.dtype([("intensity_bin_id", "<i4"), ("damage_bin_id", "<i4"), ("probability", "<f4")])
VULNERABILITY_INDEX = np.dtype(
    [("vulnerability_id", "<i4"), ("offset", "<i8"), ("size", "<i8"), ("original_size", "<i8")]
)
CONDITIONAL_VULNERABILITY = np.dtype(
    [("vulnerability_id", "<i4"), ("source_damage_bin", "<i4"), ("damage_bin", "<i4"), ("probability", "<f4")]
)

AGGREGATE_VULNERABILITY = np.dtype([("aggregate_vulnerability_id", "<i4"), ("vulnerability_id", "<i4")])

EVENT = np.dtype([("event_id", "<i4")])
OCCURRENCE_HEADER = np.dtype([("options", "<i4"), ("periods", "<i4")])
HAS_DATES = 1
GRANULAR = 2
OCCURRENCE = np.dtype([("event_id", "<i4"), ("period_no", "<i4"), ("occ_date_id", "<i4")])
OCCURRENCE_GRANULAR = np.dtype([("event_id", "<i4"), ("period_no", "<i4"), ("occ_date_id", "<i8")])
PERIOD = np.dtype([("period_no", "<i4"), ("weighting", "<f8")])
RETURN_PERIOD = np.dtype([("return_period", "<i4")])
QUANTILE = np.dtype([("quantile", "<f4")])
EVENT_RATE = np.dtype([("EventIds", "<i4"), ("Event_rates", "<f8")])

LOSS_FACTOR = np.dtype([("event_id", "<i4"), ("amplification_id", "<i4"), ("factor", "<f4")])
LOSS_FACTOR_EVENT = np.dtype([("event_id", "<i4"), ("count", "<i4")])
LOSS_FACTOR_ROW = np.dtype([("amplification_id", "<i4"), ("factor", "<f4")])


def footprint_row(wide: bool = False) -> np.dtype[np.void]:
    """The record of a footprint row: area peril ids of 4 bytes, or 8 when ``wide``."""
    return np.dtype([("areaperil_id", _areaperil(wide)), ("intensity_bin_id", "<i4"), ("probability", "<f4")])


def footprint_table_row(wide: bool = False) -> np.dtype[np.void]:
    """The record of ``footprint.csv``: a footprint row led by its event."""
    return np.dtype([("event_id", "<i4"), *footprint_row(wide).descr])


def weight_row(wide: bool = False) -> np.dtype[np.void]:
    """The record of ``weights.bin``: area peril ids of 4 bytes, or 8 when ``wide``."""
    return np.dtype([("areaperil_id", _areaperil(wide)), ("vulnerability_id", "<i4"), ("weight", "<f4")])


def _areaperil(wide: bool) -> str:
    return "<u8" if wide else "<u4"
