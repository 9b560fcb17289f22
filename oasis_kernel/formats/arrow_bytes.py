"""A table's content as bytes, for hashing: equal tables give equal bytes however they were put together."""

import pyarrow as pa
import pyarrow.compute as pc


def table_bytes(table: pa.Table) -> bytes:
    """The Arrow IPC stream of a table: one chunk a column, dictionaries as values, no metadata of files."""
    columns, names = [], []
    for name, column in zip(table.column_names, table.columns, strict=True):
        values = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        columns.append(_without_nulls(values))
        names.append(name)
        if values.null_count:
            columns.append(values.is_valid())
            names.append(f"{name} is there")
    plain = pa.table(columns, names=names).combine_chunks().replace_schema_metadata(None)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, plain.schema) as stream:
        stream.write_table(plain)
    return sink.getvalue().to_pybytes()


def _without_nulls(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column with something definite in place of each null: what lies in memory there is anybody's guess."""
    kind = column.type
    if not column.null_count or pa.types.is_null(kind):
        return column
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pc.fill_null(column, pa.scalar("", kind))
    return pc.fill_null(column, pa.scalar(0).cast(kind))
