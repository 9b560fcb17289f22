"""The Gaussian copula's lookup tables: normal quantiles and the normal distribution function, shipped bit for bit.

Made by ``tools/normal_tables.py``; the digests are those of the Oasis reference's own tables.
"""

import hashlib
import lzma
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from oasis_kernel.errors import OasisError
from oasis_kernel.model.exposure import Float64, Int64

COUNT = 1_000_000
LOWEST, HIGHEST = 1e-16, 1 - 1e-16  # the probabilities of the first and the last quantile
REACH = 20.0  # the distribution function is tabulated from -REACH to REACH
QUANTILES_PER_UNIT = (COUNT - 1) / (HIGHEST - LOWEST)
CUMULATIVES_PER_UNIT = (COUNT - 1) / (2 * REACH)

FILE = "normal_tables.xz"
DIFFERENCES = 3
QUANTILE_SHA256 = "74ee2e156563499d119260c73e38b16cc798aafca242e01a08a24603bcc7e220"
CUMULATIVE_SHA256 = "279849d43e99d501445701ecc07d60cf081b57083689fd1659a8b9ab34375e72"


class NormalTables(NamedTuple):
    """Both tables, read-only, ``COUNT`` entries each."""

    quantile: Float64  # at linspace(LOWEST, HIGHEST)
    cumulative: Float64  # at linspace(-REACH, REACH)


@cache
def load() -> NormalTables:
    """The tables, unpacked and checked at the first call (about 0.2 s and 16 MB), then kept."""
    packed = np.frombuffer(lzma.decompress(Path(__file__).with_name(FILE).read_bytes()), np.int64)
    tables = NormalTables(*(_summed(row) for row in packed.reshape(2, COUNT)))
    for table, digest in zip(tables, (QUANTILE_SHA256, CUMULATIVE_SHA256), strict=True):
        if hashlib.sha256(table.data).hexdigest() != digest:
            raise OasisError(f"{FILE} is damaged: its digest must be {digest}. Install the package again")
        table.setflags(write=False)
    return tables


def _summed(differences: Int64) -> Float64:
    """A table of the differences of its bit patterns."""
    pattern = differences
    for _ in range(DIFFERENCES):
        pattern = np.cumsum(pattern)
    return pattern.view(np.float64)
