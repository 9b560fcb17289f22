"""Random portfolios with financial terms of every kind."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from oasis_kernel.model.exposure import Portfolio

Record = dict[str, object]
Tables = tuple[list[Record], list[Record]]

TEXT = {"PortNumber", "AccNumber", "LocNumber", "PolNumber", "CondTag", "CondNumber"}
SUFFIXES = ("1Building", "2Other", "3Contents", "4BI", "5PD", "6All")
PERILS = ("WTC", "WEC", "WW2", "WTC;WSS", "AA1", "AA1", "XLT", "")
COVERED = ("WTC", "WTC;WSS", "WW2", "AA1")
#: For step policies: where the terms of a level hit none of the perils, the reference carries the level's groups of
#: coverages over to the steps, which then miss some.
HITTING, EVERY_PERIL = ("WTC", "WEC", "WW2", "WTC;WSS", "AA1"), ("AA1",)
VALUES = st.sampled_from([0, 100_000, 250_000, 1_000_000])
#: Terms that go together: (deductible, type, code, minimum, maximum, limit, type).
TERMS = st.sampled_from(
    [
        (1000, 0, 0, 0, 0, 0, 0),
        (0.05, 1, 0, 0, 0, 0, 0),
        (0.02, 2, 0, 0, 0, 0, 0),
        (2000, 0, 0, 0, 0, 50_000, 0),
        (0.1, 1, 0, 0, 0, 50_000, 0),
        (0.1, 1, 0, 0, 0, 0.5, 1),
        (1000, 0, 0, 0, 0, 0.5, 1),
        (0, 0, 0, 0, 0, 70_000, 0),
        (0, 0, 0, 0, 0, 0.6, 2),
        (0, 0, 0, 0, 0, 0.6, 1),
        (3000, 0, 2, 0, 0, 0, 0),
        (3000, 0, 2, 0, 0, 60_000, 0),
        (3000, 0, 99, 0, 0, 0, 0),
        (0, 0, 0, 1500, 0, 0, 0),
        (0, 0, 0, 0, 2500, 0, 0),
        (0, 0, 0, 1500, 2500, 0, 0),
        (0.01, 1, 0, 1500, 2500, 0, 0),
        (500, 0, 0, 1500, 0, 80_000, 0),
        (500, 0, 0, 0, 2500, 80_000, 0),
        (0.02, 2, 0, 1500, 2500, 0.5, 1),
        (0.02, 1, 0, 1500, 2500, 0.5, 1),
        (0.02, 1, 0, 1500, 0, 80_000, 0),
    ]
)
#: An aggregate of no building divides by zero in the reference.
BUILDINGS = st.sampled_from(
    [{"NumberOfBuildings": number, "IsAggregate": 0} for number in (1, 1, 1, 0, 2)]
    + [{"NumberOfBuildings": number, "IsAggregate": 1} for number in (1, 2, 3)]
)
#: Terms that no rule covers.
UNKNOWN = st.sampled_from([(1000, 0, 1, 0, 0, 0, 0), (0.1, 1, 2, 0, 0, 0, 0), (1000, 0, 2, 100, 0, 0, 0)])


def fields(prefix: str, suffix: str, terms: tuple[float, ...]) -> Record:
    """The OED fields of one group of terms."""
    names = ("Ded", "DedType", "DedCode", "MinDed", "MaxDed", "Limit", "LimitType")
    return {f"{prefix}{name}{suffix}": value for name, value in zip(names, terms, strict=True) if value}


@st.composite
def some_terms(draw: DrawFn, prefix: str, most: int = 2) -> Record:
    """Terms of up to ``most`` groups."""
    record: Record = {}
    for suffix in draw(st.lists(st.sampled_from(SUFFIXES), max_size=most, unique=True)):
        record |= fields(prefix, suffix, draw(TERMS))
    return record


@st.composite
def portfolios(draw: DrawFn, steps: bool = False) -> Tables:
    """Location and account records of one to three accounts."""
    location: list[Record] = []
    account: list[Record] = []
    perils, covered = (HITTING, EVERY_PERIL) if steps else (PERILS, COVERED)
    for number in range(draw(st.integers(1, 3))):
        tags = draw(st.lists(st.sampled_from(["0", "A", "B", "C"]), min_size=1, max_size=3, unique=True))
        stepped = steps and draw(st.booleans())
        account += draw(stepped_account(f"A{number}") if stepped else layered_account(f"A{number}", tags, perils))
        for place in range(draw(st.integers(1, 3))):
            location += draw(locations((f"A{number}", f"L{place}"), ["0"] if stepped else tags, perils, covered))
    return location, account


@st.composite
def locations(
    draw: DrawFn, name: tuple[str, str], tags: list[str], perils: Sequence[str], covered: Sequence[str]
) -> list[Record]:
    """The records of one location: one for each of its conditions."""
    record: Record = {
        "PortNumber": "P",
        "AccNumber": name[0],
        "LocNumber": name[1],
        "CountryCode": "GB",
        "LocCurrency": "GBP",
        "LocPerilsCovered": draw(st.sampled_from(covered)),
        "LocPeril": draw(st.sampled_from(perils)),
        "BuildingTIV": draw(st.sampled_from([100_000, 1_000_000])),
        "OtherTIV": draw(VALUES),
        "ContentsTIV": draw(VALUES),
        "BITIV": draw(VALUES),
        **draw(BUILDINGS),
    }
    if draw(st.integers(0, 4)) == 0:
        record |= {"BIWaitingPeriod": draw(st.sampled_from([0, 3, 14])), "BIPOI": draw(st.sampled_from([90, 200]))}
    record |= draw(some_terms("Loc"))
    mine = draw(st.lists(st.sampled_from(tags), min_size=1, max_size=2, unique=True))
    return [{**record, "CondTag": tag} for tag in mine]


@st.composite
def layered_account(draw: DrawFn, name: str, tags: list[str], perils: Sequence[str]) -> list[Record]:
    """The records of an account: one for each layer and condition, some of them missing."""
    same = draw(some_terms("Pol"))
    shared: Record = {"PolPeril": draw(st.sampled_from(perils)), "AccPeril": draw(st.sampled_from(perils))}
    shared |= draw(account_terms())
    conditions = {tag: draw(condition(tag, rank, perils)) for rank, tag in enumerate(tags)}
    records: list[Record] = []
    for layer in range(draw(st.integers(1, 3))):
        terms = same if draw(st.booleans()) else draw(some_terms("Pol"))
        policy: Record = {"PolNumber": f"{name}_{layer % 2}", "LayerNumber": 3 - layer, **shared, **terms}
        policy |= draw(layer_terms())
        present = draw(st.lists(st.sampled_from(tags), min_size=1, max_size=3, unique=True)) if layer else tags
        exclusion = {"CondClass": draw(st.sampled_from([0, 0, 0, 1]))}
        records += [{**ACCOUNT, "AccNumber": name, **policy, **conditions[tag], **exclusion} for tag in present]
    return records


ACCOUNT: Record = {"PortNumber": "P", "AccCurrency": "GBP", "PolPerilsCovered": "AA1"}


@st.composite
def condition(draw: DrawFn, tag: str, rank: int, perils: Sequence[str]) -> Record:
    """The fields of one condition."""
    record: Record = {
        "CondTag": tag,
        "CondNumber": tag,
        "CondPriority": draw(st.sampled_from([rank, rank + 1, 9 - rank])),
    }
    return record | {"CondPeril": draw(st.sampled_from(perils))} | draw(some_terms("Cond"))


@st.composite
def account_terms(draw: DrawFn) -> Record:
    """Terms of the account as a whole."""
    if draw(st.integers(0, 2)):
        return {}
    record = fields("Acc", "6All", draw(TERMS))
    return record | draw(st.sampled_from([{}, {"AccParticipation": 0.5}, {"AccParticipation": 1}]))


def layer_terms() -> SearchStrategy[Record]:
    """Attachment, limit and participation of a layer."""
    given = {
        "LayerAttachment": st.sampled_from([0, 10_000, 100_000]),
        "LayerLimit": st.sampled_from([0, 200_000]),
        "LayerParticipation": st.sampled_from([1, 0.4, 0]),
    }
    return st.just({}) | st.fixed_dictionaries({}, optional=given)


@st.composite
def stepped_account(draw: DrawFn, name: str) -> list[Record]:
    """The records of a step policy, one for each step."""
    trigger = draw(st.sampled_from([1, 2, 3, 5]))
    parts = {1: ["Building"], 2: ["Contents"], 3: ["BuildingContents"], 5: ["Building", "Contents"]}[trigger]
    shared = {"PolPeril": draw(st.sampled_from(HITTING)), **draw(account_terms()), **draw(layer_terms())}
    shared |= fields("Pol", "6All", draw(TERMS)) if draw(st.booleans()) else {}
    records: list[Record] = []
    edges = [0.0, 0.15, 0.4, 1.0]
    for step in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["value", "loss", "limit"]))
        record: Record = {**ACCOUNT, "AccNumber": name, "PolNumber": name, **shared}
        record |= {"StepTriggerType": trigger, "StepNumber": step + 1, "TriggerType": 2}
        record |= {"PayOutType": {"value": 2, "loss": 1, "limit": 3}[kind]}
        for part in parts:
            record |= {f"Trigger{part}Start": edges[step], f"Trigger{part}End": edges[step + 1]}
            record |= {f"PayOut{part}Start": draw(st.sampled_from([0.05, 0.5, 1]))}
            if kind != "loss" or draw(st.booleans()):
                record |= {f"PayOutLimit{part}": 50_000}
            if kind == "loss" and draw(st.booleans()):
                record |= {f"Deductible{part}": 1000}
        if kind != "limit" and draw(st.booleans()):
            record |= {"ExtraExpenseFactor": 0.1, "ExtraExpenseLimit": 20_000, "DebrisRemovalFactor": 0.2}
        records.append(record)
    return records


def as_portfolio(tables: Tables) -> Portfolio:
    """The records as a portfolio that no reader has checked, so that odd terms reach the compiler."""
    location, account = (pd.DataFrame(records) for records in tables)
    for frame in (location, account):
        for name in TEXT & set(frame.columns):
            frame[name] = frame[name].astype(str)
    location["loc_id"] = _rank(location, ["PortNumber", "AccNumber", "LocNumber"])
    account["acc_id"] = _rank(account, ["PortNumber", "AccNumber"])
    location["loc_idx"], account["acc_idx"] = np.arange(len(location)), np.arange(len(account))
    files = {"location": "location.csv", "account": "account.csv"}
    return Portfolio(
        *(pa.Table.from_pandas(frame, preserve_index=False) for frame in (location, account)), sources=files
    )


def _rank(frame: pd.DataFrame, key: list[str]) -> np.ndarray:
    return frame.groupby(key, sort=True).ngroup().to_numpy() + 1
