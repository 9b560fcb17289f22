"""Which part of a portfolio a file is, told by its columns. Pure.

Source: the OED standard: reinsurance has a ReinsNumber, and its info file the terms; locations have a LocNumber, and
what has policies but no locations are accounts.
"""

import csv
import gzip
import io
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as parquet

_TERMS_OF_REINSURANCE = {"reinstype", "reinsperil", "inuringpriority"}
_LONGEST_HEADER = 2**20


def part_of(columns: Iterable[str]) -> str | None:
    """``location``, ``account``, ``ri_info``, ``ri_scope`` or ``rates``; None where the columns are of none."""
    names = {name.strip().lower() for name in columns}
    if {"cur_from", "cur_to"} <= names:
        return "rates"
    if "reinsnumber" in names:
        return "ri_info" if names & _TERMS_OF_REINSURANCE else "ri_scope"
    if "locnumber" in names:
        return "location"
    return "account" if "polnumber" in names else None


def columns_of(name: str, content: bytes) -> list[str]:
    """The columns of a CSV or Parquet file; none where it cannot be read, which the service explains better."""
    try:
        if name.lower().endswith(".parquet"):
            return list(parquet.read_schema(io.BytesIO(content)).names)
        packed = name.lower().endswith(".gz")
        with gzip.GzipFile(fileobj=io.BytesIO(content)) if packed else io.BytesIO(content) as opened:
            line = opened.readline(_LONGEST_HEADER).decode("utf-8-sig")
        return next(csv.reader([line]), [])
    except (pa.ArrowInvalid, OSError, EOFError, UnicodeDecodeError, csv.Error):
        return []
