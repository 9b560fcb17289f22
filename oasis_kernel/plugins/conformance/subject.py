"""A model under test, with what several checks look at fetched once."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.model.exposure import Coverages, Int32, Items, UInt64
from oasis_kernel.model.hazard import Footprint
from oasis_kernel.model.keys import KeyStatus
from oasis_kernel.model.vendor import GroundUpModel, Model, ModelChoice, ModelData
from oasis_kernel.plugins.conformance.verdict import NotApplicable, demand

#: How many events the checks look at: spread evenly over the event set.
EVENTS_LOOKED_AT = 64

#: The insured value of every item that a ground-up model is tried with.
TRIAL_VALUE = 100_000.0


@dataclass
class Subject:
    """A model, the locations of a demonstration exposure, and the variant of its data to look at."""

    model: Model
    location: pa.Table
    choice: ModelChoice = field(default_factory=ModelChoice)

    @cached_property
    def keys(self) -> pa.Table:
        """What the model's lookup says of the locations."""
        return self.model.lookup(self.location)

    @cached_property
    def found(self) -> pa.Table:
        """The keys that succeeded; at least one."""
        found = self.keys.filter(pc.equal(self.keys["status"], str(KeyStatus.SUCCESS)))
        demand(found.num_rows > 0, "the demonstration exposure must have a location that is modelled, none succeeded")
        return found

    @cached_property
    def data(self) -> ModelData:
        """The model's opened data; models that calculate their own losses may have none."""
        if isinstance(self.model, GroundUpModel):
            raise NotApplicable("the model calculates its own ground-up losses")
        return self.model.open(self.choice)

    @cached_property
    def events(self) -> Int32:
        """A few events, ascending."""
        events = np.asarray(self.data.events())
        return np.unique(events[np.linspace(0, len(events) - 1, min(EVENTS_LOOKED_AT, len(events))).astype(int)])

    @cached_property
    def areaperils(self) -> UInt64:
        """The area perils of the successful keys, ascending."""
        return np.unique(self.found["area_peril_id"].drop_null().to_numpy().astype(np.uint64))

    @cached_property
    def footprint(self) -> Footprint:
        """The footprint of the events at the area perils."""
        return self.data.hazard.footprint(self.events, self.areaperils)

    @cached_property
    def vulnerabilities(self) -> Int32:
        """The vulnerability functions behind the successful keys, ascending: aggregates by their members."""
        wanted = np.unique(self.found["vulnerability_id"].drop_null().to_numpy().astype(np.int32))
        aggregates = self.data.aggregates()
        if aggregates is None:
            return wanted
        chosen = np.flatnonzero(np.isin(aggregates.aggregate_id, wanted))
        members = [aggregates.member[aggregates.offsets[a] : aggregates.offsets[a + 1]] for a in chosen]
        return np.unique(np.concatenate([np.setdiff1d(wanted, aggregates.aggregate_id), *members])).astype(np.int32)

    def trial_items(self) -> tuple[Items, Coverages]:
        """One item and coverage for each successful key, uncorrelated, each of the same value."""
        count = self.found.num_rows
        number = np.arange(1, count + 1)
        zeros = np.zeros(count, dtype=np.int32)
        perils = self.found["peril_id"].to_pylist()
        items = Items(
            coverage_id=number.astype(np.int32),
            areaperil_id=pc.fill_null(self.found["area_peril_id"], 0).to_numpy().astype(np.uint64),
            vulnerability_id=pc.fill_null(self.found["vulnerability_id"], 0).to_numpy().astype(np.int32),
            group_id=number.astype(np.uint32),
            hazard_group_id=number.astype(np.uint32),
            peril_correlation_group=zeros,
            damage_correlation=np.zeros(count, dtype=np.float32),
            hazard_correlation=np.zeros(count, dtype=np.float32),
            source_item_id=zeros,
            amplification_id=zeros,
            intensity_adjustment=zeros,
            return_period=zeros,
            peril_code=np.array(
                [sum(ord(c) << 8 * i for i, c in enumerate(p.upper())) for p in perils], dtype=np.int32
            ),
        )
        coverage_type = self.found["coverage_type"].to_numpy().astype(np.int32)
        return items, Coverages(np.full(count, TRIAL_VALUE, dtype=np.float32), coverage_type)
