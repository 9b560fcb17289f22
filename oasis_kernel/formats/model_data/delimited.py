"""Read the csv twins of the binary tables, by header name, saying which row and column is not a number."""

import numpy as np
import pyarrow as pa
from pyarrow import csv

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.formats.model_data.folder import Bytes, ModelFolder
from oasis_kernel.formats.model_data.tables import Records

_ARROW_TYPE = {
    "i4": pa.int32(),
    "i8": pa.int64(),
    "u4": pa.uint32(),
    "u8": pa.uint64(),
    "f4": pa.float64(),
    "f8": pa.float64(),
}


def read_csv(folder: ModelFolder, name: str, dtype: np.dtype[np.void]) -> Records:
    """The columns of ``dtype`` from a csv file, found by name (case does not matter), in file order.

    Raises ``InvalidInput`` for an unreadable file, a missing column, or a cell that is blank or no number.
    """
    content = folder.read(name)
    header = _header(content[:65536].tobytes(), name)
    columns = _columns(header, dtype, name)
    types = {header[place]: _ARROW_TYPE[_code(dtype, field)] for field, place in columns.items()}
    try:
        table = _parse(content, header, types)
    except pa.ArrowInvalid as error:
        written_as_decimals = _whole_numbers(content, header, types)
        if written_as_decimals is None:
            raise InvalidInput(_locate(content, header, columns, dtype, name, str(error))) from error
        table = written_as_decimals
    records = np.empty(table.num_rows, dtype=dtype)
    for field, place in columns.items():
        column = table.column(header[place])
        if column.null_count:
            raise InvalidInput(_blank(column, field, name))
        records[field] = column.to_numpy()
    return records


def read_perils(folder: ModelFolder, name: str) -> list[str]:
    """The text of the ``peril_id`` column of a csv file."""
    content = folder.read(name)
    header = _header(content[:65536].tobytes(), name)
    place = _columns(header, np.dtype([("peril_id", "<i4")]), name)["peril_id"]
    try:
        return [
            str(peril).strip() for peril in _parse(content, header, {header[place]: pa.string()}).column(0).to_pylist()
        ]
    except pa.ArrowInvalid as error:
        raise InvalidInput(_unreadable(name, str(error))) from error


def _header(beginning: bytes, name: str) -> list[str]:
    line = beginning.splitlines()[0] if beginning.strip() else b""
    try:
        return [cell.strip().strip('"') for cell in line.decode("utf-8-sig").split(",")]
    except UnicodeDecodeError as error:
        raise InvalidInput(_unreadable(name, str(error))) from error


def _columns(header: list[str], dtype: np.dtype[np.void], name: str) -> dict[str, int]:
    lowered = [cell.lower() for cell in header]
    absent = [field for field in dtype.names or () if field.lower() not in lowered]
    if absent:
        raise InvalidInput(
            Finding(
                file=name,
                row=1,
                message=f"must have the columns {', '.join(dtype.names or ())}; {', '.join(absent)} missing",
                field="header",
                value=",".join(header)[:200],
                rule="columns by name",
                remedy="Name the columns in the first row (comma-separated, UTF-8)",
            )
        )
    return {field: lowered.index(field.lower()) for field in dtype.names or ()}


def _parse(content: Bytes, header: list[str], types: dict[str, pa.DataType]) -> pa.Table:
    return csv.read_csv(
        pa.py_buffer(content),
        read_options=csv.ReadOptions(column_names=header, skip_rows=1),
        convert_options=csv.ConvertOptions(
            column_types=types, include_columns=list(types), strings_can_be_null=True, check_utf8=False
        ),
    )


def _whole_numbers(content: Bytes, header: list[str], types: dict[str, pa.DataType]) -> pa.Table | None:
    """The table when its integers are written as 3.0 (some tools do); None when anything else is wrong."""
    try:
        table = _parse(content, header, dict.fromkeys(types, pa.string()))
        columns = [_as_number(table.column(column), kind) for column, kind in types.items()]
    except pa.ArrowInvalid:
        return None
    return pa.table(columns, names=list(types))


def _as_number(text: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    try:
        return text.cast(kind)
    except pa.ArrowInvalid:
        return text.cast(pa.float64()).cast(kind, safe=True)


def _locate(
    content: Bytes, header: list[str], columns: dict[str, int], dtype: np.dtype[np.void], name: str, reason: str
) -> Finding:
    try:
        table = _parse(content, header, {header[place]: pa.binary() for place in columns.values()})
    except pa.ArrowInvalid as error:
        return _unreadable(name, str(error))
    for field, place in columns.items():
        wanted = _ARROW_TYPE[_code(dtype, field)]
        for row, cell in enumerate(table.column(header[place]).to_pylist()):
            text = (cell or b"").decode("utf-8", errors="replace").strip()
            if not _is_number(text, wanted):
                return Finding(
                    file=name,
                    row=row + 2,
                    field=field,
                    message=f"must be a number ({wanted})",
                    value=text,
                    rule="number",
                    remedy="Correct the cell, and save the file as comma-separated UTF-8",
                )
    return _unreadable(name, reason)


def _is_number(text: str, wanted: pa.DataType) -> bool:
    try:
        _as_number(pa.chunked_array([[text]]), wanted)
    except pa.ArrowInvalid:
        return False
    return True


def _blank(column: pa.ChunkedArray, field: str, name: str) -> Finding:
    row = int(np.flatnonzero(column.is_null().to_numpy())[0])
    return Finding(
        file=name,
        row=row + 2,
        field=field,
        message="must not be blank",
        value="",
        rule="number",
        remedy="Fill the cell",
    )


def _unreadable(name: str, reason: str) -> Finding:
    return Finding(
        file=name,
        message=f"cannot be read as csv: {reason}",
        rule="csv",
        remedy="Save the file as comma-separated UTF-8 with a header row",
    )


def _code(dtype: np.dtype[np.void], field: str) -> str:
    return dtype[field].str[1:]
