"""Record batches to the reference's CSV text: whole numbers, and float32 values rounded as C's printf rounds them.

``%.2f`` of a float32 is exact arithmetic here: 24 bits of value times 10^d with d <= 6 fit into a double's 53, so
that rounding the product half to even rounds the value's exact decimal expansion, as printf does. From 2^24 on a
float32 is a whole number.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oasis_kernel._jit import inlined, kernel
from oasis_kernel.model.exposure import Float32, Int32, Int64
from oasis_kernel.model.results import OrdTable

Bytes = npt.NDArray[np.uint8]

#: Rows encoded at once: their text stays in the processor's cache.
ROWS_AT_ONCE = 4096
#: The most bytes of one value with its separator: a sign, 39 digits, a point, 6 decimals.
VALUE_BYTES = 48
WHOLE = -1
MINUS, COMMA, POINT, NEWLINE, ZERO = 45, 44, 46, 10, 48
WHOLE_FROM = 2.0**24
LIMBS = 5
LIMB = 1_000_000_000
MANTISSA_BITS = 24


class Cells(NamedTuple):
    """The values of some rows, as their bits: a column is whole numbers or float32 values."""

    bits: Int32  # [columns, rows]
    value: Float32  # [columns, rows] the same memory
    decimals: Int64  # [columns] digits after the point, or WHOLE


class Endings(NamedTuple):
    """Text that ends each row, by summary: that of summary i is ``text[offsets[i]:offsets[i + 1]]``."""

    text: Bytes
    offsets: Int64  # [summaries + 2]; the last is that of every other summary
    summary_column: int


@inlined
def put_digits(number: int, digits: int, out: Bytes, at: int) -> int:
    """The place after ``number`` >= 0, written at ``at`` in at least so many digits."""
    length = 1
    limit = 10
    while length < 18 and number >= limit:
        length += 1
        limit *= 10
    if number >= 1_000_000_000_000_000_000:
        length = 19
    length = max(length, digits)
    for place in range(at + length - 1, at - 1, -1):
        tenth = number // 10
        out[place] = ZERO + number - tenth * 10
        number = tenth
    return at + length


@kernel
def put_large(value: float, out: Bytes, at: int) -> int:
    """The place after a whole ``value`` >= 2^63, written at ``at``."""
    mantissa, exponent = math.frexp(value)
    limb = np.zeros(LIMBS, np.int64)
    limb[0] = np.int64(mantissa * 2.0**MANTISSA_BITS)
    for _ in range(exponent - MANTISSA_BITS):
        carry = 0
        for k in range(LIMBS):
            doubled = limb[k] * 2 + carry
            carry = doubled // LIMB
            limb[k] = doubled - carry * LIMB
    top = LIMBS - 1
    while limb[top] == 0:
        top -= 1
    at = put_digits(limb[top], 1, out, at)
    for k in range(top - 1, -1, -1):
        at = put_digits(limb[k], 9, out, at)
    return at


@inlined
def put_text(text: Bytes, out: Bytes, at: int) -> int:
    """The place after ``text``, written at ``at``."""
    for k in range(len(text)):
        out[at + k] = text[k]
    return at + len(text)


@inlined
def put_float(bits: int, value: np.float32, decimals: int, out: Bytes, at: int) -> int:
    """The place after ``value``, written at ``at`` with so many decimals (2, 4 or 6)."""
    if np.isnan(value):
        out[at] = out[at + 2] = 110
        out[at + 1] = 97
        return at + 3
    if bits < 0:
        out[at] = MINUS
        at += 1
    size = abs(np.float64(value))
    if np.isinf(value):
        out[at] = 105
        out[at + 1] = 110
        out[at + 2] = 102
        return at + 3
    fraction = 0
    if size >= WHOLE_FROM:
        at = put_digits(int(size), 1, out, at) if size < 2.0**63 else put_large(size, out, at)
    elif decimals == 2:
        scaled = int(np.rint(size * 100.0))
        fraction = scaled % 100
        at = put_digits(scaled // 100, 1, out, at)
    elif decimals == 4:
        scaled = int(np.rint(size * 10_000.0))
        fraction = scaled % 10_000
        at = put_digits(scaled // 10_000, 1, out, at)
    else:
        scaled = int(np.rint(size * 1_000_000.0))
        fraction = scaled % 1_000_000
        at = put_digits(scaled // 1_000_000, 1, out, at)
    out[at] = POINT
    return put_digits(fraction, decimals, out, at + 1)


# c = columns, n = rows
@kernel
def encode_rows(cells: Cells, endings: Endings, first: int, last: int, out: Bytes) -> int:
    """Write the text of rows ``first:last`` to ``out``, and return its length."""
    at = 0
    columns = len(cells.decimals)
    others = len(endings.offsets) - 2
    for n in range(first, last):
        for c in range(columns):
            bits = int(np.int64(cells.bits[c, n]))
            if cells.decimals[c] == WHOLE:
                if bits < 0:
                    out[at] = MINUS
                    at += 1
                at = put_digits(abs(bits), 1, out, at)
            else:
                at = put_float(bits, cells.value[c, n], cells.decimals[c], out, at)
            out[at] = COMMA
            at += 1
        summary = int(cells.bits[endings.summary_column, n])
        if summary < 0 or summary > others:
            summary = others
        at -= 1  # an ending has its own separator
        at = put_text(endings.text[endings.offsets[summary] : endings.offsets[summary + 1]], out, at)
        out[at] = NEWLINE
        at += 1
    return at


def endings_of(table: OrdTable, endings: list[bytes] | None) -> Endings:
    """The endings of a table's rows: ``endings[i]`` for summary i, its last entry for every other; None for none."""
    texts = endings or [b""]
    offsets = np.cumsum([0, *(len(text) for text in texts)])
    text = np.frombuffer(b"".join(texts), np.uint8)
    return Endings(text, offsets.astype(np.int64), table.column_names.index("SummaryId"))


class CsvEncoder:
    """Turns record batches of one table into CSV text."""

    def __init__(self, table: OrdTable, endings: list[bytes] | None = None):
        """``endings``: what follows each row of a summary, by summary id, with the separators."""
        self._decimals = np.array([WHOLE if c.decimals is None else c.decimals for c in table.columns], np.int64)
        self._endings = endings_of(table, endings)
        longest = int(np.diff(self._endings.offsets).max(initial=0))
        self._out = np.empty(ROWS_AT_ONCE * (VALUE_BYTES * len(table.columns) + longest + 1), np.uint8)

    def encode(self, batch: pa.RecordBatch) -> list[bytes]:
        """The text of a batch, in pieces."""
        bits = np.empty((batch.num_columns, batch.num_rows), np.int32)
        for place, column in enumerate(batch.columns):
            bits[place] = column.to_numpy(zero_copy_only=True).view(np.int32)
        cells = Cells(bits, bits.view(np.float32), self._decimals)
        pieces = []
        for first in range(0, batch.num_rows, ROWS_AT_ONCE):
            length = encode_rows(cells, self._endings, first, min(first + ROWS_AT_ONCE, batch.num_rows), self._out)
            pieces.append(self._out[:length].tobytes())
        return pieces
