"""Random reinsurance programmes over small portfolios."""

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from random_insurance import Files, Record, amounts, layer_terms, shares, terms_of_level

EXACT_TYPES, TREATIES = ("FAC", "SS"), ("QS", "PR", "CXL")
#: Refused here (Q13); the reference fails, or leaves it out where another type is in its pass.
AGGREGATE = "AXL"
RISK_LEVELS = ("LOC", "LGR", "POL", "ACC", "SEL", "")
#: Fields of a scope that name a risk, and those that choose among risks by what they are.
RISK_FIELDS = ("PortNumber", "AccNumber", "PolNumber", "LocGroup", "LocNumber")
KIND_FIELDS = ("CedantName", "ProducerName", "LOB", "CountryCode", "ReinsTag")
#: Fields that a scope of an exact type must fill, by risk level, and those that it may fill too.
EXACT_SCOPE = {
    "LOC": (("PortNumber", "AccNumber", "LocNumber"), ("PolNumber",)),
    "LGR": (("LocGroup",), ("PortNumber", "AccNumber")),
    "POL": (("PortNumber", "AccNumber", "PolNumber"), ()),
    "ACC": (("PortNumber", "AccNumber"), ()),
    "SEL": (("PortNumber",), ()),
    "": (("PortNumber",), ()),
}
#: What OED wants beside a field of a scope.
OF_ACCOUNT = ["PortNumber", "AccNumber"]
NEEDS = {"AccNumber": ["PortNumber"], "PolNumber": OF_ACCOUNT, "LocNumber": OF_ACCOUNT}
DATES = ("2023-06-01", "2024-01-01", "2024-06-30", "2025-01-01")


@st.composite
def reinsured_portfolios(draw: DrawFn) -> Files:
    """Up to four accounts of up to three locations, and one to six contracts."""
    location: list[Record] = []
    account: list[Record] = []
    for number in range(draw(st.integers(1, 4))):
        key: Record = {"PortNumber": f"P{draw(st.integers(0, 1))}", "AccNumber": f"A{number % 3}{number // 3}"}
        account += draw(policies(key))
        location += [
            draw(locations({**key, "LocNumber": f"L{place_number}"})) for place_number in range(draw(st.integers(1, 3)))
        ]
    info: list[Record] = []
    scope: list[Record] = []
    for number in range(1, draw(st.integers(1, 6)) + 1):
        contract = draw(contracts(number))
        info.append(contract)
        for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
            row = draw(scopes(contract, location, account))
            if row not in scope:
                scope.append(row)
    return {"location": location, "account": account, "ri_info": info, "ri_scope": scope}


@st.composite
def policies(draw: DrawFn, key: Record) -> list[Record]:
    """One or two policies of one or two layers."""
    shared: Record = {**key, "AccCurrency": "GBP", "PolPerilsCovered": "AA1", "PolPeril": "AA1"}
    shared |= {"CedantName": draw(st.sampled_from(["C1", "C2", ""]))}
    records: list[Record] = []
    for policy in range(draw(st.sampled_from([1, 1, 2]))):
        own: Record = {
            **shared,
            "PolNumber": f"{key['AccNumber']}{policy}",
            "PolInceptionDate": draw(st.sampled_from(DATES)),
            "PolExpiryDate": "2026-01-01",
            "LOB": draw(st.sampled_from(["1", "2"])),
            "ProducerName": draw(st.sampled_from(["X", "Y"])),
            **(draw(terms_of_level("Pol", ("6All",))) if draw(st.integers(0, 3)) == 0 else {}),
        }
        records += [
            {**own, "LayerNumber": layer + 1, **draw(layer_terms())}
            for layer in range(draw(st.sampled_from([1, 1, 2])))
        ]
    return records


@st.composite
def locations(draw: DrawFn, key: Record) -> Record:
    """One location, with seldom more than a deductible."""
    record: Record = {
        **key,
        "CountryCode": draw(st.sampled_from(["GB", "GB", "IE"])),
        "LocCurrency": "GBP",
        "LocPerilsCovered": draw(st.sampled_from(["WTC", "WW2"])),
        "LocPeril": "AA1",
        "BuildingTIV": draw(st.integers(1_000, 2_000_000)),
        "OtherTIV": 0,
        "ContentsTIV": draw(st.one_of(st.just(0), amounts(500_000))),
        "BITIV": draw(st.one_of(st.just(0), amounts(500_000))),
        "LocGroup": draw(st.sampled_from(["G1", "G2", ""])),
        "ReinsTag": draw(st.sampled_from(["T1", "T2", ""])),
        "NumberOfBuildings": draw(st.sampled_from([1, 1, 1, 2])),
    }
    return record | (draw(terms_of_level("Loc", most=1)) if draw(st.integers(0, 2)) == 0 else {})


@st.composite
def contracts(draw: DrawFn, number: int) -> Record:
    """One contract, with terms that its type uses and seldom others."""
    kind = AGGREGATE if draw(st.integers(0, 60)) == 37 else draw(st.sampled_from([*EXACT_TYPES, *TREATIES, *TREATIES]))
    record: Record = {
        "ReinsNumber": number,
        "ReinsType": kind,
        "RiskLevel": draw(st.sampled_from(RISK_LEVELS)),
        "InuringPriority": draw(st.sampled_from([1, 1, 2, 3])),
        "ReinsCurrency": "GBP",
        "ReinsPeril": "AA1",
        "CededPercent": draw(st.one_of(st.just(1), shares(100))),
        "PlacedPercent": draw(st.one_of(st.just(1), shares(100))),
        "TreatyShare": draw(st.sampled_from([1, 1, 1, 0.5])),
    }
    used = {"FAC": ("Risk",), "SS": ("Risk",), "QS": ("Risk", "Occ"), "PR": ("Risk", "Occ"), "CXL": ("Occ",)}
    for name in used.get(kind, ()) if draw(st.integers(0, 7)) else ("Risk", "Occ"):
        record |= draw(
            st.fixed_dictionaries(
                {},
                optional={
                    f"{name}Limit": st.one_of(st.just(0), amounts(600_000)),
                    f"{name}Attachment": st.one_of(st.just(0), amounts(300_000)),
                },
            )
        )
    basis = draw(st.sampled_from(["", "", "LO", "RA"]))
    record |= {"AttachmentBasis": basis} if basis else {}
    if basis == "RA" or draw(st.booleans()):
        first, last = sorted(draw(st.lists(st.sampled_from(DATES), min_size=2, max_size=2)))
        record |= {"ReinsInceptionDate": first, "ReinsExpiryDate": last}
    return record


@st.composite
def scopes(draw: DrawFn, contract: Record, location: Sequence[Record], account: Sequence[Record]) -> Record:
    """One scope row, named after a policy and location of the portfolio; seldom a risk that there is not."""
    where = draw(st.sampled_from(location))
    policy = draw(st.sampled_from([row for row in account if (row["PortNumber"], row["AccNumber"]) == _account(where)]))
    known = {**policy, **where}
    if contract["ReinsType"] in EXACT_TYPES:
        filled, also = EXACT_SCOPE[str(contract["RiskLevel"])]
        names = [*filled, *(name for name in also if draw(st.integers(0, 3)) == 0)]
    else:
        names = draw(st.lists(st.sampled_from(RISK_FIELDS), max_size=3, unique=True))
        names = list(dict.fromkeys(need for name in names for need in (*NEEDS.get(name, []), name)))
    names += draw(st.sampled_from([[], [], [], *([name] for name in KIND_FIELDS)]))
    record: Record = {"ReinsNumber": contract["ReinsNumber"]}
    record |= {name: known[name] for name in names}
    if contract["ReinsType"] == "SS":
        record["CededPercent"] = draw(shares(100))
    if draw(st.integers(0, 14)) == 0 and "LocNumber" in record:
        record["LocNumber"] = "nowhere"
    return record


def _account(record: Record) -> tuple[object, object]:
    return record["PortNumber"], record["AccNumber"]
