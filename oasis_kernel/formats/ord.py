"""ORD files: each table as CSV in the reference's names and number formats, or as Parquet.

A file appears under its name when it is whole: it is written beside it first.
"""

from types import TracebackType
from typing import BinaryIO, cast
from uuid import uuid4

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from oasis_kernel.formats.ord_batches import SCHEMAS
from oasis_kernel.formats.ord_csv import CsvEncoder
from oasis_kernel.model.results import TABLES

#: Rows of a Parquet row group, whatever the chunks.
ROW_GROUP = 262_144
#: Ends a row of joined text: the ASCII record separator, which no field of an OED file holds, as lines may.
ROW_END = "\x1e"


class NewFile:
    """A binary file on any file system that takes its name when it is published."""

    def __init__(self, path: str):
        self._system, self._path = fsspec.core.url_to_fs(path)
        folder, _, name = self._path.rpartition("/")
        self._temporary = f"{folder}/.{name}-{uuid4().hex}" if folder else f".{name}-{uuid4().hex}"
        self.file = cast(BinaryIO, self._system.open(self._temporary, "wb"))
        self._published = False

    def publish(self) -> None:
        """Give the file its name."""
        self.file.close()
        self._system.mv(self._temporary, self._path)
        self._published = True

    def discard(self) -> None:
        """Remove the file, unless it has its name."""
        if not self._published:
            self.file.close()
            self._system.rm(self._temporary)


class TableWriter:
    """Writes one table's record batches to one file, CSV or Parquet by the path's ending.

    ``summary_info`` (summary_id, fields, tiv) is joined to every row when given. The bytes depend on the rows only,
    not on how they are cut into batches. Use it as a context manager: an error leaves no file.
    """

    def __init__(self, path: str, name: str, summary_info: pa.Table | None = None):
        self._new = NewFile(path)
        table = TABLES[name]
        if path.endswith(".parquet"):
            self._sink: _CsvSink | _ParquetSink = _ParquetSink(self._new.file, SCHEMAS[name], summary_info)
        else:
            endings, joined = ([], None) if summary_info is None else csv_endings(summary_info)
            header = ",".join([*table.column_names, *endings])
            self._sink = _CsvSink(self._new.file, header, CsvEncoder(table, joined))

    def __enter__(self) -> "TableWriter":
        return self

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        self._sink.write(batch)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._sink.finish()
            if error is None:
                self._new.publish()
        finally:
            self._new.discard()


class _CsvSink:
    def __init__(self, file: BinaryIO, header: str, encoder: CsvEncoder):
        self._file = file
        self._encoder = encoder
        file.write(f"{header}\n".encode())

    def write(self, batch: pa.RecordBatch) -> None:
        for piece in self._encoder.encode(batch):
            self._file.write(piece)

    def finish(self) -> None:
        pass


class _ParquetSink:
    """Row groups of a fixed size, so that the file does not depend on the batches."""

    def __init__(self, file: BinaryIO, schema: pa.Schema, summary_info: pa.Table | None):
        self._info = None if summary_info is None else _InfoColumns(summary_info)
        full = schema if self._info is None else pa.schema([*schema, *self._info.fields])
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        self._schema = full
        self._writer = pq.ParquetWriter(file, full, compression="snappy")

    def write(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch if self._info is None else self._info.join(batch, self._schema))
        self._rows += batch.num_rows
        while self._rows >= ROW_GROUP:
            table = pa.Table.from_batches(self._waiting)
            self._group(table.slice(0, ROW_GROUP))
            self._waiting = table.slice(ROW_GROUP).to_batches()
            self._rows -= ROW_GROUP

    def _group(self, table: pa.Table) -> None:
        self._writer.write_table(table.combine_chunks(), row_group_size=ROW_GROUP)

    def finish(self) -> None:
        if self._rows:
            self._group(pa.Table.from_batches(self._waiting))
        self._writer.close()


class _InfoColumns:
    """The summary-info columns of any summary."""

    def __init__(self, summary_info: pa.Table):
        self._columns = summary_info.drop_columns(["summary_id"]).combine_chunks()
        self.fields = list(self._columns.schema)
        summary_id = summary_info["summary_id"].to_numpy()
        self._row = np.full(int(summary_id.max(initial=0)) + 1, -1)
        self._row[summary_id] = np.arange(len(summary_id))

    def join(self, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        summary_id = batch["SummaryId"].to_numpy()
        known = (summary_id >= 0) & (summary_id < len(self._row))
        row = self._row[np.where(known, summary_id, 0)]
        row = np.where(known, row, -1)
        taken = self._columns.take(pa.array(row, mask=row < 0))
        columns = [*batch.columns, *(column.combine_chunks() for column in taken.columns)]
        return pa.record_batch(columns, schema=schema)


def csv_endings(summary_info: pa.Table) -> tuple[list[str], list[bytes]]:
    """The joined columns' names, and the text that ends each row, by summary id; the last is of unknown summaries."""
    frame = summary_info.to_pandas()
    names = [name for name in frame.columns if name != "summary_id"]
    text = frame[names].to_csv(index=False, header=False, lineterminator=ROW_END)
    blank = b"," * len(names)
    endings = [blank] * (int(frame["summary_id"].max()) + 2 if len(frame) else 1)
    for summary_id, line in zip(frame["summary_id"], text.split(ROW_END), strict=False):
        endings[summary_id] = b"," + line.encode()
    return names, endings


def write_summary_info(path: str, summary_info: pa.Table) -> None:
    """Write a summary-info table, as CSV or Parquet by the path's ending."""
    new = NewFile(path)
    try:
        if path.endswith(".parquet"):
            pq.write_table(summary_info, new.file)
        else:
            new.file.write(summary_info.to_pandas().to_csv(index=False, lineterminator="\n").encode())
        new.publish()
    finally:
        new.discard()
