"""Write ``oasis_kernel/kernels/normal_tables.xz``, the Gaussian copula's two lookup tables. Run once; needs scipy.

The tables are shipped rather than computed because another mathematics library may round a last bit differently,
and then losses would differ between machines. Packed as third differences of the float64 bit patterns, which are
small integers because both functions are smooth.
"""

import hashlib
import lzma
from pathlib import Path

import numpy as np
import scipy.stats

from oasis_kernel.kernels import normal_tables

TARGET = Path(normal_tables.__file__).with_name(normal_tables.FILE)


def main() -> None:
    """Compute, check against the published digests, pack, write, read back."""
    count = normal_tables.COUNT
    quantile = scipy.stats.norm.ppf(np.linspace(normal_tables.LOWEST, normal_tables.HIGHEST, count))
    cumulative = scipy.stats.norm.cdf(np.linspace(-normal_tables.REACH, normal_tables.REACH, count))
    packed = b""
    for table, digest in ((quantile, normal_tables.QUANTILE_SHA256), (cumulative, normal_tables.CUMULATIVE_SHA256)):
        if hashlib.sha256(table.tobytes()).hexdigest() != digest:
            raise SystemExit("this scipy rounds differently: use 1.17.1 on x86-64")
        pattern = table.view(np.int64)
        for _ in range(normal_tables.DIFFERENCES):
            pattern = np.diff(pattern, prepend=0)
        packed += pattern.tobytes()
    TARGET.write_bytes(lzma.compress(packed, preset=9 | lzma.PRESET_EXTREME))
    normal_tables.load()


if __name__ == "__main__":
    main()
