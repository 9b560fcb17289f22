"""A table's content as bytes, for hashing: equal tables give equal bytes however they were put together."""

import pyarrow as pa


def table_bytes(table: pa.Table) -> bytes:
    """The Arrow IPC stream of a table: one chunk a column, dictionaries as values, no metadata of files."""
    plain = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    values = pa.table(plain, names=table.column_names).combine_chunks().replace_schema_metadata(None)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, values.schema) as stream:
        stream.write_table(values)
    return sink.getvalue().to_pybytes()
