"""ORD tables read back from their files."""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as parquet

from oasis_kernel.formats.ord_batches import SCHEMAS
from oasis_kernel.model.results import TABLES

_BY_STEM = {table.stem: SCHEMAS[name] for name, table in TABLES.items()}


def read_table(path: Path, stem: str = "") -> pa.Table:
    """The table in a CSV or Parquet file; ``stem`` (``ept``, ``selt`` ...) gives a CSV file's column types."""
    if path.suffix == ".parquet":
        return parquet.read_table(path)
    options = csv.ConvertOptions(column_types=column_types(stem), null_values=[""], strings_can_be_null=True)
    return csv.read_csv(path, convert_options=options)


def column_types(stem: str) -> dict[str, pa.DataType]:
    """The types of an ORD table's columns by name; empty for a file that is none (``summary-info``)."""
    return {field.name: field.type for field in _BY_STEM.get(stem, ())}
