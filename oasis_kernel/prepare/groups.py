"""Group ids: which items share their random numbers. A hash of location fields, so that it survives reordering.

The hash is that of pandas' ``hash_pandas_object`` (which the reference calls), written out here so that no version
of pandas changes a loss: SipHash-2-4 for text, a 64-bit mix for numbers, and a multiply-and-xor over the columns.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.model.exposure import UInt32, UInt64

#: What the reference hashes for a missing text, and for a missing number of a nullable integer type.
MISSING_TEXT = np.uint64(2**64 - 1)
MISSING_INTEGER = np.uint64(2**61 - 1)

_KEY = np.frombuffer(b"0123456789123456", dtype="<u8")
_GROUP_SHIFT = np.uint64(33)  # leaves 31 bits


def group_ids(hashes: Sequence[UInt64]) -> UInt32:
    """One 31-bit id per row from the hashes of its columns, which come in the order of their lower-case names."""
    return (combined(hashes) >> _GROUP_SHIFT).astype(np.uint32)


def combined(hashes: Sequence[UInt64]) -> UInt64:
    """The hash of each row from the hashes of its columns (the way Python used to hash tuples)."""
    out = np.full(len(hashes[0]), 0x345678, dtype=np.uint64)
    multiplier = 1000003
    for position, column in enumerate(hashes):
        out = (out ^ column) * np.uint64(multiplier)
        multiplier += 82520 + 2 * (len(hashes) - position)
    return out + np.uint64(97531)


def hash_column(column: pa.ChunkedArray, default: str | None) -> UInt64:
    """The hash of each value of a portfolio's column; blanks count as their OED default.

    column   text, integers or floats
    default  the default as text; None when OED has none
    """
    if default is not None:
        column = pc.fill_null(column, pa.scalar(default).cast(column.type))
    values = column.combine_chunks()
    if pa.types.is_string(values.type):
        encoded = values.dictionary_encode()
        hashes = np.append(hash_text(encoded.dictionary), MISSING_TEXT)
        return hashes[pc.fill_null(encoded.indices, len(hashes) - 1).to_numpy(zero_copy_only=False)]
    if pa.types.is_integer(values.type):
        hashes = hash_integers(pc.fill_null(values, 0).to_numpy(zero_copy_only=False))
        return np.where(pc.is_valid(values).to_numpy(zero_copy_only=False), hashes, MISSING_INTEGER)
    return mixed(values.cast(pa.float64()).to_numpy(zero_copy_only=False).view(np.uint64))


def hash_integers(values: npt.NDArray[np.integer]) -> UInt64:
    """The hash of each integer; negative ones depend on the width of their type."""
    unsigned = np.dtype(f"u{values.dtype.itemsize}")
    return mixed(values.view(unsigned).astype(np.uint64))


def hash_text(values: pa.Array) -> UInt64:
    """The hash of each text (no nulls): SipHash-2-4 of its UTF-8 bytes, mixed."""
    offsets = np.frombuffer(values.buffers()[1], dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    data = values.buffers()[2]
    # Eight zero bytes at the end, so that the last text's tail can be read as a word.
    text = np.zeros((0 if data is None else len(data)) + 8, dtype=np.uint8)
    if data is not None:
        text[: len(data)] = np.frombuffer(data, dtype=np.uint8)
    length = np.diff(offsets).astype(np.int64)
    out = np.empty(len(values), dtype=np.uint64)
    words = length // 8
    for count in np.unique(words):
        rows = np.flatnonzero(words == count)
        start = offsets[:-1][rows].astype(np.int64)
        out[rows] = _siphash([_word(text, start + 8 * word) for word in range(count)], _tail(text, start, length[rows]))
    return mixed(out)


def _word(text: npt.NDArray[np.uint8], at: npt.NDArray[np.int64]) -> UInt64:
    """The eight bytes at each position, little-endian."""
    word = np.zeros(len(at), dtype=np.uint64)
    for byte in range(8):
        word |= text[at + byte].astype(np.uint64) << np.uint64(8 * byte)
    return word


def _tail(text: npt.NDArray[np.uint8], start: npt.NDArray[np.int64], length: npt.NDArray[np.int64]) -> UInt64:
    """SipHash's last word: the bytes that are left, and the length in the top byte."""
    left = (length % 8).astype(np.uint64)
    rest = _word(text, start + 8 * (length // 8)) & ((np.uint64(1) << (np.uint64(8) * left)) - np.uint64(1))
    return rest | ((length & 0xFF).astype(np.uint64) << np.uint64(56))


def _siphash(words: Sequence[UInt64], tail: UInt64) -> UInt64:
    """SipHash-2-4 (Aumasson and Bernstein, 2012) over rows of equally many words."""
    v0 = np.full(len(tail), _KEY[0] ^ np.uint64(0x736F6D6570736575))
    v1 = np.full(len(tail), _KEY[1] ^ np.uint64(0x646F72616E646F6D))
    v2 = np.full(len(tail), _KEY[0] ^ np.uint64(0x6C7967656E657261))
    v3 = np.full(len(tail), _KEY[1] ^ np.uint64(0x7465646279746573))
    state = (v0, v1, v2, v3)
    for word in (*words, tail):
        state = (*state[:3], state[3] ^ word)
        state = _round(*_round(*state))
        state = (state[0] ^ word, *state[1:])
    state = (*state[:2], state[2] ^ np.uint64(0xFF), state[3])
    for _ in range(4):
        state = _round(*state)
    return np.bitwise_xor.reduce(state).astype(np.uint64)


def _round(v0: UInt64, v1: UInt64, v2: UInt64, v3: UInt64) -> tuple[UInt64, UInt64, UInt64, UInt64]:
    v0 = v0 + v1
    v1 = _rotated(v1, 13) ^ v0
    v0 = _rotated(v0, 32)
    v2 = v2 + v3
    v3 = _rotated(v3, 16) ^ v2
    v0 = v0 + v3
    v3 = _rotated(v3, 21) ^ v0
    v2 = v2 + v1
    v1 = _rotated(v1, 17) ^ v2
    v2 = _rotated(v2, 32)
    return v0, v1, v2, v3


def _rotated(word: UInt64, bits: int) -> UInt64:
    return (word << np.uint64(bits)) | (word >> np.uint64(64 - bits))


def mixed(word: UInt64) -> UInt64:
    """SplitMix64's finaliser: spreads the bits of each word."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))
