"""One Arrow table to one file that people open: CSV or Parquet by the name's ending."""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as parquet

from oasis_kernel.errors import OasisError


def write_table(table: pa.Table, path: Path) -> None:
    """Write the table; an existing file is replaced once the new one is whole. OasisError when that cannot be."""
    if path.suffix not in (".csv", ".parquet"):
        raise OasisError(f"{path.name} must end in .csv or .parquet, got {path.suffix or 'no ending'!r}")
    new = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".csv":
            csv.write_csv(table, new, csv.WriteOptions(quoting_style="needed"))
        else:
            parquet.write_table(table, new)
        new.replace(path)
    except OSError as error:
        raise OasisError(f"{path} cannot be written: {error.strerror or error}. Check the folder") from error
    finally:
        if new.exists():
            new.unlink()
