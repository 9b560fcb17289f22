"""Model data in the Oasis standard layout: ``StandardModelData`` reads it, ``check`` checks all of it.

Writers are in ``write`` (the binary files) and ``write_tables`` (csv and Parquet).
"""

from oasis_kernel.formats.model_data.check import check
from oasis_kernel.formats.model_data.standard import StandardModelData

__all__ = ["StandardModelData", "check"]
