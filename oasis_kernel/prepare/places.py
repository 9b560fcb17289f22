"""Where the nodes of a programme are, in the portfolio's own words."""

from typing import Any

import numpy as np
import pyarrow as pa

from oasis_kernel.model import fields as f
from oasis_kernel.model.exposure import Int64
from oasis_kernel.prepare.terms.levels import CYBER_SUFFIX

#: OED coverage types as people call them.
COVERAGE_WORDS = {1: "building", 2: "other", 3: "contents", 4: "BI", **CYBER_SUFFIX}


class Places:
    """Account, location, coverages, perils and policy of any set of items.

    item_map    one row per item (``PreparedExposure.item_map``)
    output_map  one row per output (``CompiledTerms.output_map``)
    """

    def __init__(self, item_map: pa.Table, output_map: pa.Table):
        names = [name for name in f.LOCATION_KEY if name in item_map.column_names]
        self._fields = {str(name): item_map[name].to_pylist() for name in names}
        self._location = item_map[f.LOC_ID].to_numpy()
        self._coverage = item_map["coverage_type_id"].to_numpy()
        self._peril = np.array(item_map["peril_id"].to_pylist())
        self._perils = len(np.unique(self._peril))
        outputs = (output_map[name].to_pylist() for name in ("agg_id", "layer_id", f.POLICY_NUMBER))
        self._policy = {(item - 1, layer): policy for item, layer, policy in zip(*outputs, strict=True)}

    def of(self, items: Int64, layer: int | None = None) -> dict[str, Any]:
        """The place of 0-based items: PortNumber, AccNumber, LocNumber, coverages, perils, PolNumber, layer.

        LocNumber is None for several locations, perils for all that there are, PolNumber without a layer.
        """
        first = int(items[0])
        place = {name: values[first] for name, values in self._fields.items()}
        if (self._location[items] != self._location[first]).any():
            place[f.LOCATION_NUMBER] = None
        perils = np.unique(self._peril[items]).tolist()
        return {
            f.LOCATION_NUMBER: None,
            **place,
            "coverages": "+".join(COVERAGE_WORDS[coverage] for coverage in np.unique(self._coverage[items]).tolist()),
            "perils": ", ".join(perils) if len(perils) < self._perils else None,
            f.POLICY_NUMBER: None if layer is None else self._policy.get((first, layer)),
            "layer": layer,
        }
