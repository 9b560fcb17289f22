"""Between the engine's tables and a lookup's frames: locations go out, keys come back."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.fields import default_of
from oasis_kernel.model.keys import KEYS_SCHEMA, OPTIONAL_KEYS, KeyStatus


def location_frame(location: pa.Table) -> pd.DataFrame:
    """The locations as a frame, blanks filled with the OED default where the field has one (text: the empty text).

    Lookups are written for exposure with its defaults in place. Numbers without a default keep NaN for blanks.
    """
    columns = [_defaulted(location.column(number), field) for number, field in enumerate(location.schema)]
    return pa.table(columns, names=location.column_names).to_pandas()


def _defaulted(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    """A column with its OED default in place of nulls."""
    default = default_of(field)
    if default is None or column.null_count == 0:
        return column
    return pc.fill_null(column, pa.scalar(default).cast(field.type))


def keys_table(keys: pd.DataFrame, source: str) -> pa.Table:
    """A lookup's frame as keys (``KEYS_SCHEMA`` and the optional columns it has); ids that are not positive are null.

    Absent status means success, absent message none: what older lookups leave out.
    """
    frame = keys.rename(columns={name: str(name).lower() for name in keys.columns})
    frame = frame.assign(**{name: default for name, default in _DEFAULTS.items() if name not in frame.columns})
    missing = [name for name in KEYS_SCHEMA.names if name not in frame.columns]
    if missing:
        raise InvalidInput(
            Finding(source, f"must give {', '.join(KEYS_SCHEMA.names)}, missing {', '.join(missing)}", field="lookup")
        )
    fields = list(KEYS_SCHEMA) + [pa.field(name, kind) for name, kind in OPTIONAL_KEYS.items() if name in frame.columns]
    return pa.table([_array(frame[field.name], field, source) for field in fields], schema=pa.schema(fields))


_DEFAULTS: dict[str, Any] = {"status": str(KeyStatus.SUCCESS), "message": "", "vulnerability_id": None}
_IDS = ("coverage_type", "area_peril_id", "vulnerability_id", "amplification_id")


def _array(values: pd.Series, field: pa.Field, source: str) -> pa.Array:
    """One column in its Arrow type."""
    if pa.types.is_string(field.type):
        text = values.astype("object").where(values.notna(), None)
        return pa.array([None if value is None else str(value) for value in text], type=pa.string())
    try:
        numbers = pd.to_numeric(values).astype("Int64")
        if field.name in _IDS:
            numbers = numbers.mask(numbers <= 0)
        mask = numbers.isna().to_numpy()
        return pa.array(numbers.fillna(0).to_numpy(dtype=np.int64), mask=mask).cast(field.type)
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise InvalidInput(
            Finding(source, f"must be whole numbers that fit {field.type}: {error}", field=field.name)
        ) from error
