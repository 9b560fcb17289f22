"""Columns to Arrow record batches of an ORD table."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from oasis_kernel.model.results import TABLES, OrdTable

#: Arrays of one length, or scalars, under their ORD names.
Columns = Mapping[str, Any]


def schema_of(table: OrdTable) -> pa.Schema:
    """The Arrow schema of a table: int32 and float32 columns under their ORD names."""
    return pa.schema([(c.name, pa.int32() if c.decimals is None else pa.float32()) for c in table.columns])


SCHEMAS = {name: schema_of(table) for name, table in TABLES.items()}


def batch_of(name: str, columns: Columns) -> pa.RecordBatch:
    """A record batch of the named table; scalars are repeated to the length of the longest column."""
    schema = SCHEMAS[name]
    arrays = np.broadcast_arrays(*(columns[field.name] for field in schema))
    return pa.record_batch(
        [
            pa.array(np.ascontiguousarray(array, dtype=field.type.to_pandas_dtype()))
            for array, field in zip(arrays, schema, strict=True)
        ],
        schema=schema,
    )
