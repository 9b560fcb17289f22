"""Random portfolios with insurance terms of every kind that OED and the reference know."""

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

Record = dict[str, object]
#: Records by file: location, account, ri_info, ri_scope.
Files = dict[str, list[Record]]

SUFFIXES = ("1Building", "2Other", "3Contents", "4BI", "5PD", "6All")
CYBER_COVERAGES = ("NPBI", "CBI", "DIAS", "EXT", "FIN", "INRE", "LIA", "REG", "ENO")
PERILS = ("WTC", "WEC", "WW2", "WTC;WSS", "AA1", "AA1", "AA1", "XLT")
COVERED = ("WTC", "WTC;WSS", "WW2", "AA1")
#: Perils that step terms meet. Where the terms of a level hit none of the perils, the reference carries the level's
#: groups of coverages over to the steps, which then miss some.
STEP_PERILS = ("WTC", "WEC", "WW2", "WTC;WSS", "AA1")
TAGS = ("0", "A", "B", "C")
FLAT, OF_LOSS, OF_VALUE = 0, 1, 2
REGULAR, FRANCHISE, REVERSE = 0, 2, 99


def amounts(most: int) -> SearchStrategy[int]:
    """Whole amounts: exact in single precision, and seldom equal to a loss."""
    return st.integers(1, most)


def shares(most: int = 99) -> SearchStrategy[float]:
    """Hundredths."""
    return st.integers(1, most).map(lambda number: number / 100)


@st.composite
def deductibles(draw: DrawFn) -> Record:
    """A deductible with its type, code, minimum and maximum, such as a calculation rule exists for."""
    kind = draw(st.sampled_from([None, FLAT, FLAT, OF_LOSS, OF_VALUE]))
    terms: Record = {}
    if kind is not None:
        terms = {"Ded": draw(amounts(60_000) if kind == FLAT else shares(25))}
        terms |= {"DedType": kind} if kind else {}
    bounds = draw(st.sampled_from(["", "", "", "low", "high", "both"]))
    if bounds in ("low", "both"):
        terms["MinDed"] = draw(amounts(60_000))
    if bounds in ("high", "both"):
        terms["MaxDed"] = terms.get("MinDed", 0) + draw(amounts(60_000))
    code = draw(st.sampled_from([REGULAR, REGULAR, FRANCHISE, REVERSE]))
    if kind == FLAT and not bounds and code != REGULAR:
        terms["DedCode"] = code
    return terms


@st.composite
def terms(draw: DrawFn) -> Record:
    """Deductible and limit of one group of coverages, without the level's prefix and the group's suffix."""
    given = draw(deductibles())
    kinds = [None, None, FLAT, OF_LOSS, OF_VALUE]
    if given.get("DedCode") == REVERSE:
        kinds = [None]
    elif given.get("DedCode") == FRANCHISE:
        kinds = [None, FLAT]
    kind = draw(st.sampled_from(kinds))
    if kind is not None:
        given["Limit"] = draw(amounts(500_000) if kind == FLAT else shares())
        given |= {"LimitType": kind} if kind else {}
    return given


@st.composite
def terms_of_level(draw: DrawFn, prefix: str, suffixes: Sequence[str] = SUFFIXES, most: int = 2) -> Record:
    """Terms of up to ``most`` groups of coverages."""
    record: Record = {}
    for suffix in draw(st.lists(st.sampled_from(suffixes), max_size=most, unique=True)):
        record |= {f"{prefix}{name}{suffix}": value for name, value in draw(terms()).items()}
    return record


@st.composite
def property_portfolios(draw: DrawFn) -> Files:
    """One to three accounts with layers, conditions and account terms, in one or two portfolios."""
    return draw(_accounts(stepped=False))


@st.composite
def step_portfolios(draw: DrawFn) -> Files:
    """The same, some of the accounts with step policies."""
    return draw(_accounts(stepped=True))


@st.composite
def _accounts(draw: DrawFn, stepped: bool) -> Files:
    location: list[Record] = []
    account: list[Record] = []
    perils = STEP_PERILS if stepped else PERILS
    tags_used = draw(st.booleans())
    for number in range(draw(st.integers(1, 3))):
        key: Record = {"PortNumber": f"P{draw(st.integers(0, 1))}", "AccNumber": f"A{number}"}
        tags = draw(st.lists(st.sampled_from(TAGS), min_size=1, max_size=3, unique=True)) if tags_used else []
        steps = stepped and (number == 0 or draw(st.booleans()))
        account += draw(stepped_account(key, tags) if steps else layered_account(key, tags, perils))
        for place in range(draw(st.integers(1, 3))):
            location += draw(locations({**key, "LocNumber": f"L{place}"}, tags, perils))
    return {"location": location, "account": account}


@st.composite
def locations(draw: DrawFn, key: Record, tags: Sequence[str], perils: Sequence[str]) -> list[Record]:
    """The records of one location: one for each of its conditions."""
    values = st.one_of(st.just(0), amounts(2_000_000))
    buildings, aggregate = draw(st.sampled_from([(1, 0), (1, 0), (1, 0), (2, 0), (2, 1), (3, 1)]))
    record: Record = {
        **key,
        "CountryCode": "GB",
        "LocCurrency": "GBP",
        "LocPerilsCovered": draw(st.sampled_from(COVERED)),
        "LocPeril": draw(st.sampled_from(perils)),
        "BuildingTIV": draw(st.integers(1_000, 2_000_000)),
        "OtherTIV": draw(values),
        "ContentsTIV": draw(values),
        "BITIV": draw(values),
        "NumberOfBuildings": buildings,
        "IsAggregate": aggregate,
        **draw(terms_of_level("Loc")),
    }
    if draw(st.integers(0, 5)) == 0:
        record |= {"BIWaitingPeriod": draw(st.integers(0, 30)), "BIPOI": draw(st.integers(60, 365))}
    if not tags:
        return [record]
    mine = draw(st.lists(st.sampled_from(tags), min_size=1, max_size=2, unique=True))
    return [{**record, "CondTag": tag} for tag in mine]


@st.composite
def layered_account(draw: DrawFn, key: Record, tags: Sequence[str], perils: Sequence[str]) -> list[Record]:
    """The records of an account: one for each layer and condition, some of them missing."""
    same = draw(terms_of_level("Pol"))
    shared: Record = {
        **key,
        "AccCurrency": "GBP",
        "PolPerilsCovered": "AA1",
        "PolPeril": draw(st.sampled_from(perils)),
        "AccPeril": draw(st.sampled_from(perils)),
        **draw(account_terms()),
    }
    conditions = [draw(condition(tag, rank, perils)) for rank, tag in enumerate(tags)] or [{}]
    records: list[Record] = []
    for layer in range(draw(st.integers(1, 3))):
        own = same if draw(st.booleans()) else draw(terms_of_level("Pol"))
        policy: Record = {**shared, "PolNumber": f"{key['AccNumber']}{layer % 2}", "LayerNumber": 3 - layer, **own}
        policy |= draw(layer_terms())
        if tags:
            policy["CondClass"] = draw(st.sampled_from([0, 0, 0, 1]))
        present = [found for found in conditions if not layer or draw(st.booleans())] or conditions[:1]
        records += [{**policy, **found} for found in present]
    return records


@st.composite
def condition(draw: DrawFn, tag: str, rank: int, perils: Sequence[str]) -> Record:
    """The fields of one condition."""
    return {
        "CondTag": tag,
        "CondNumber": tag,
        "CondPriority": draw(st.sampled_from([rank + 1, rank + 1, 9 - rank])),
        "CondPeril": draw(st.sampled_from(perils)),
        **draw(terms_of_level("Cond")),
    }


@st.composite
def account_terms(draw: DrawFn) -> Record:
    """Terms of the account as a whole."""
    if draw(st.booleans()):
        return {}
    record = {f"Acc{name}6All": value for name, value in draw(terms()).items()}
    return record | draw(st.sampled_from([{}, {"AccParticipation": 0.55}, {"AccParticipation": 1}]))


@st.composite
def layer_terms(draw: DrawFn) -> Record:
    """Attachment, limit and participation of a layer."""
    given = {
        "LayerAttachment": st.one_of(st.just(0), amounts(300_000)),
        "LayerLimit": st.one_of(st.just(0), amounts(500_000)),
        "LayerParticipation": st.one_of(st.just(1), st.just(0), shares()),
    }
    return draw(st.just({}) | st.fixed_dictionaries({}, optional=given))


STEPPED_COVERAGES = {1: ("Building",), 2: ("Contents",), 3: ("BuildingContents",), 5: ("Building", "Contents")}


@st.composite
def stepped_account(draw: DrawFn, key: Record, tags: Sequence[str]) -> list[Record]:
    """The records of a step policy, one for each step."""
    trigger = draw(st.sampled_from(list(STEPPED_COVERAGES)))
    shared: Record = {
        **key,
        "AccCurrency": "GBP",
        "PolPerilsCovered": "AA1",
        "PolNumber": key["AccNumber"],
        "PolPeril": draw(st.sampled_from(STEP_PERILS)),
        "StepTriggerType": trigger,
        **draw(layer_terms()),
        **(draw(terms_of_level("Pol", ("6All",))) if draw(st.booleans()) else {}),
    }
    if tags:
        shared |= draw(condition(tags[0], 0, STEP_PERILS))
    steps = draw(st.integers(1, 3))
    edges = [0.0, *sorted(draw(st.lists(shares(), min_size=steps - 1, max_size=steps - 1, unique=True))), 1.0]
    records: list[Record] = []
    for step in range(steps):
        record = {**shared, "StepNumber": step + 1, **draw(_step_kind())}
        for part in STEPPED_COVERAGES[trigger]:
            record |= {f"Trigger{part}Start": edges[step], f"Trigger{part}End": edges[step + 1]}
            record |= draw(_payout(part, record))
        records.append(record)
    return records


@st.composite
def _step_kind(draw: DrawFn) -> Record:
    """The type of a step: of insured value (2), loss (1), or limit (3); or of loss above an amount."""
    record: Record = draw(
        st.sampled_from([{"TriggerType": 2, "PayOutType": 2}] * 2 + [{"TriggerType": 2, "PayOutType": 1}] * 2)
        | st.sampled_from([{"TriggerType": 2, "PayOutType": 3}])
    )
    if record["PayOutType"] != 3 and draw(st.booleans()):
        record = record | {"ExtraExpenseFactor": draw(shares(40)), "ExtraExpenseLimit": draw(amounts(50_000))}
        record |= {"DebrisRemovalFactor": draw(shares(40))}
    return record


@st.composite
def _payout(draw: DrawFn, part: str, step: Record) -> Record:
    record: Record = {f"PayOut{part}Start": draw(shares(100))}
    if step["PayOutType"] != 1 or draw(st.booleans()):
        record |= {f"PayOutLimit{part}": draw(amounts(400_000))}
    if step["PayOutType"] == 1 and draw(st.booleans()):
        record |= {f"Deductible{part}": draw(amounts(20_000))}
    return record


@st.composite
def cyber_portfolios(draw: DrawFn) -> Files:
    """One to three cyber accounts, which have no locations."""
    records: list[Record] = []
    for number in range(draw(st.integers(1, 3))):
        shared: Record = {
            "PortNumber": "P0",
            "AccNumber": f"A{number}",
            "AccCurrency": "GBP",
            "PolInceptionDate": "2024-01-01",
            "PolExpiryDate": "2025-01-01",
            "AnnualRevenue": draw(st.integers(10_000, 5_000_000)),
            "PolPerilsCovered": draw(st.sampled_from(["CC1", "CSB"])),
            "PolPeril": draw(st.sampled_from(["CC1", "CSB", "CC1", "AA1"])),
        }
        own: Record = {}
        for coverage in draw(st.lists(st.sampled_from(CYBER_COVERAGES), max_size=3, unique=True)):
            given = draw(st.sampled_from([("Ded",), ("Limit",), ("Ded", "Limit")]))
            own |= {f"Pol{name}{coverage}": draw(amounts(100_000)) for name in given}
        own |= {"PolDed": draw(amounts(50_000))} if draw(st.booleans()) else {}
        for layer in range(draw(st.integers(1, 2))):
            policy: Record = {"PolNumber": f"A{number}{layer}", "LayerNumber": layer + 1}
            records.append({**shared, **policy, **own, **draw(layer_terms())})
    return {"account": records}
