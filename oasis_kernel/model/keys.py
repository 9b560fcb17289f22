"""What a model's lookup says about each location, peril and coverage."""

from enum import StrEnum

import pyarrow as pa


class KeyStatus(StrEnum):
    """The lookup's verdict. Only ``success`` rows become items."""

    SUCCESS = "success"
    FAIL = "fail"
    NO_MATCH = "nomatch"
    FAIL_AREA_PERIL = "fail_ap"
    FAIL_VULNERABILITY = "fail_v"
    NOT_AT_RISK = "notatrisk"
    NO_RETURN = "noreturn"
    NOT_MODELLED = "notmodelled"


#: Columns every lookup returns, one row per (location, peril, coverage type).
KEYS_SCHEMA = pa.schema(
    [
        ("loc_id", pa.int64()),
        ("peril_id", pa.string()),
        ("coverage_type", pa.int32()),
        ("area_peril_id", pa.uint64()),  # null where not found
        ("vulnerability_id", pa.int64()),  # null where not found
        ("status", pa.string()),
        ("message", pa.string()),
    ]
)

#: Columns a lookup may add.
OPTIONAL_KEYS = {
    "amplification_id": pa.int32(),
    "model_data": pa.string(),
    "section_id": pa.string(),
    "intensity_adjustment": pa.int32(),
    "return_period": pa.int32(),
}
