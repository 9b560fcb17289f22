"""The tests of a workbench on one machine log in as those of the hub do."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "hub_config"))
