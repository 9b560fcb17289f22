"""Terms of accounts and locations that cannot be applied, or apply to nothing, and the one sentence that says so."""

from programme_folder import ACCOUNT, LOCATION, Change, cells, one_more, together, without_file
from standard_folder import Fault

LOOKUP = "keys_data/lookup_config.json"


def account(**values) -> Change:
    return cells(ACCOUNT, **values)


def location(**values) -> Change:
    return cells(LOCATION, 3, **values)


def deductible(amount: float, **values) -> Change:
    """A deductible of a location, of an amount unless told otherwise."""
    return location(**{"LocPeril": "WTC", "LocDed6All": amount, "LocDedType6All": 0, **values})


def limit(amount: float, **values) -> Change:
    return location(**{"LocPeril": "WTC", "LocLimit6All": amount, "LocLimitType6All": 0, **values})


def condition(tag: str = "C1", **values) -> dict[str, object]:
    """The values of a condition in an account record."""
    terms = {"CondPriority": 1, "CondPeril": "WTC", "CondDed6All": 1000, "CondDedType6All": 0}
    return {"CondTag": tag, "CondNumber": tag[1:], **terms, **values}


def conditioned(**values) -> Change:
    """A condition that applies to a location."""
    return together(account(**condition(**values)), location(CondTag="C1"))


def steps(**values) -> Change:
    """A step policy of two steps; the values are those of the second."""
    first = {"StepFunctionName": "two steps", "StepTriggerType": 1, "TriggerType": 2, "PayOutType": 1}
    first |= {"DeductibleBuilding": 0, "PayOutLimitBuilding": 0, "StepNumber": 1}
    return together(
        account(**first, **step(0.1, 0.5)), one_more(ACCOUNT, **{"StepNumber": 2, **step(0.5, 1), **values})
    )


def step(start: float, end: float) -> dict[str, float]:
    """Losses from start to end, as shares of the insured value, are paid the share they start at."""
    share = dict.fromkeys(("PayOutBuildingStart", "PayOutBuildingEnd"), start)
    return {"TriggerBuildingStart": start, "TriggerBuildingEnd": end, **share}


def interruption(analysis) -> None:
    """Business interruption, which the model then covers, with a waiting period and no end of it."""
    analysis.set(
        LOOKUP,
        "step_definition",
        "coverages",
        "parameters",
        "pivots",
        value=[{"new_cols": {"coverage_type": coverage}} for coverage in (1, 3, 4)],
    )
    location(BITIV=100000, BIWaitingPeriod=14)(analysis)


TERMS_ERRORS = {
    "layer limit negative": Fault(
        account(LayerLimit=-1),
        "account.csv row 2: LayerLimit must be in range, got -1.0. Allowed: at least 0.",
    ),
    "layer attachment negative": Fault(
        account(LayerAttachment=-1),
        "account.csv row 2: LayerAttachment must be in range, got -1.0. Allowed: at least 0.",
    ),
    "layer participation 1.5": Fault(
        account(LayerParticipation=1.5),
        "account.csv row 2: LayerParticipation must be in range, got 1.5. Allowed: 0 to 1.",
    ),
    "layer given twice": Fault(
        one_more(ACCOUNT, LayerLimit=100),
        "account.csv row 3: LayerNumber is repeated in policy 'P1' of account 'A1' with another limit, "
        "attachment or participation, got 1. Give the record the same terms, or another LayerNumber",
    ),
    "layer number 0": Fault(
        account(LayerNumber=0),
        "account.csv row 2: LayerNumber must be in range, got 0. Allowed: at least 1.",
    ),
    "layer number 1.5": Fault(
        account(LayerNumber=1.5),
        "account.csv row 2: LayerNumber must be a whole number, got '1.5'. Write plain digits, or leave it blank.",
    ),
    "account participation 1.5": Fault(
        account(AccParticipation=1.5),
        "account.csv row 2: AccParticipation must be in range, got 1.5. Allowed: 0 to 1.",
    ),
    "misspelt term": Fault(
        account(PolLimit6Al=3),
        "account.csv row 1: PolLimit6Al is not an OED field, but nearly one. Did you mean PolLimit6All?",
    ),
    "deductible negative": Fault(
        deductible(-5),
        "location.csv row 3: LocDed6All must be in range, got -5.0. Allowed: at least 0.",
    ),
    "deductible code 7": Fault(
        deductible(500, LocDedCode6All=7),
        "location.csv row 3: LocDedCode6All must be 0 (regular), 2 (franchise) or 99 (reverse franchise), got"
        " 7. Use a code that is applied event by event, or leave it blank for a regular deductible",
    ),
    "deductible code 1, of a year": Fault(
        deductible(500, LocDedCode6All=1),
        "location.csv row 3: LocDedCode6All must be 0 (regular), 2 (franchise) or 99 (reverse franchise), got"
        " 1. Use a code that is applied event by event, or leave it blank for a regular deductible",
    ),
    "deductible code 3, of the CEA": Fault(
        deductible(500, LocDedCode6All=3),
        "location.csv row 3: LocDedCode6All must be 0 (regular), 2 (franchise) or 99 (reverse franchise), got"
        " 3. Use a code that is applied event by event, or leave it blank for a regular deductible",
    ),
    "deductible code 4, of the CEA": Fault(
        deductible(500, LocDedCode6All=4),
        "location.csv row 3: LocDedCode6All must be 0 (regular), 2 (franchise) or 99 (reverse franchise), got"
        " 4. Use a code that is applied event by event, or leave it blank for a regular deductible",
    ),
    "deductible code 5, of the CEA": Fault(
        deductible(500, LocDedCode6All=5),
        "location.csv row 3: LocDedCode6All must be 0 (regular), 2 (franchise) or 99 (reverse franchise), got"
        " 5. Use a code that is applied event by event, or leave it blank for a regular deductible",
    ),
    "deductible code 6, of the CEA": Fault(
        deductible(500, LocDedCode6All=6),
        "location.csv row 3: LocDedCode6All must be 0 (regular), 2 (franchise) or 99 (reverse franchise), got"
        " 6. Use a code that is applied event by event, or leave it blank for a regular deductible",
    ),
    "deductible type 9": Fault(
        deductible(500, LocDedType6All=9),
        "location.csv row 3: LocDedType6All must be 0 (an amount), 1 (a share of the loss), 2 (a share of the"
        " insured value) or 3 (days), got 9. Correct the type",
    ),
    "deductible above the loss": Fault(
        deductible(1.5, LocDedType6All=1),
        "location.csv row 3: LocDed6All must be at most 1, because LocDedType6All is 1 (a share of the loss),"
        " got 1.5. Write 5 % as 0.05, or set the type of an amount, 0",
    ),
    "deductible above the value": Fault(
        deductible(5, LocDedType6All=2),
        "location.csv row 3: LocDed6All must be at most 1, because LocDedType6All is 2 (a share of the "
        "insured value), got 5. Write 5 % as 0.05, or set the type of an amount, 0",
    ),
    "minimum deductible above the maximum": Fault(
        deductible(0, LocMinDed6All=50, LocMaxDed6All=20),
        "location.csv row 3: LocMinDed6All must not be above LocMaxDed6All, 20, got 50. Exchange the two, or "
        "leave one blank",
    ),
    "franchise with a minimum": Fault(
        deductible(50, LocDedCode6All=2, LocMinDed6All=20),
        "location.csv row 3: LocDedCode6All has no calculation rule with these other terms (level location "
        "all: LocDed6All 50, LocMinDed6All 20, LocDedCode6All 2), got 2. Use a regular deductible (0)",
    ),
    "franchise with a maximum": Fault(
        deductible(50, LocDedCode6All=2, LocMaxDed6All=80),
        "location.csv row 3: LocDedCode6All has no calculation rule with these other terms (level location "
        "all: LocDed6All 50, LocMaxDed6All 80, LocDedCode6All 2), got 2. Use a regular deductible (0)",
    ),
    "limit code 7": Fault(
        limit(500, LocLimitCode6All=7),
        "location.csv row 3: LocLimitCode6All must be 0 (the limit of one event), got 7. Leave the code "
        "blank, and apply a limit of a year to the losses by period",
    ),
    "limit of a year": Fault(
        account(AccPeril="WTC", AccLimit6All=10, AccLimitType6All=0, AccLimitCode6All=1),
        "account.csv row 2: AccLimitCode6All must be 0 (the limit of one event), got 1. Leave the code blank,"
        " and apply a limit of a year to the losses by period",
    ),
    "limit type 9": Fault(
        limit(500, LocLimitType6All=9),
        "location.csv row 3: LocLimitType6All must be 0 (an amount), 1 (a share of the loss), 2 (a share of "
        "the insured value) or 3 (days), got 9. Correct the type",
    ),
    "limit above the value": Fault(
        limit(50, LocLimitType6All=2),
        "location.csv row 3: LocLimit6All must be at most 1, because LocLimitType6All is 2 (a share of the "
        "insured value), got 50. Write 5 % as 0.05, or set the type of an amount, 0",
    ),
    "waiting period without an end": Fault(
        interruption,
        "location.csv row 3: BIPOI must be given with a deductible in days (level item: BIWaitingPeriod 14, "
        "BIWaitingPeriodType 3, BIPOIType 3). Give the period of indemnity in days",
    ),
    "unknown peril of a policy": Fault(
        account(PolPeril="WTX", PolDed6All=500, PolDedType6All=0),
        "account.csv row 2: PolPeril must be OED peril codes separated by ';', got 'WTX'. See OED's list of "
        "perils (WTC, WSS, WW1 ...).",
    ),
    "unknown peril covered": Fault(
        account(PolPerilsCovered="WTX"),
        "account.csv row 2: PolPerilsCovered must be OED peril codes separated by ';', got 'WTX'. See OED's "
        "list of perils (WTC, WSS, WW1 ...).",
    ),
    "tag that the account lacks": Fault(
        location(CondTag="C9"),
        "location.csv row 3: CondTag must be a CondTag of the location's account, got 'C9'. Add the condition"
        " to the account, or clear the tag.",
    ),
    "conditions of one priority": Fault(
        together(conditioned(), one_more(ACCOUNT, **condition("C2")), one_more(LOCATION, LocNumber=2, CondTag="C2")),
        "location.csv row 5: CondTag must not have the CondPriority of the location's condition 'C1', got "
        "'C2'. Give the conditions of a location different priorities in the account file",
    ),
    "condition without numbers": Fault(
        together(account(CondTag="C1", CondPriority=1), location(CondTag="C1")),
        "account.csv row 2: CondTag needs a CondNumber, got 'C1'. Add the column CondNumber",
    ),
    "condition priority in words": Fault(
        together(account(CondTag="C1", CondNumber=1, CondPriority="high"), location(CondTag="C1")),
        "account.csv row 2: CondPriority must be a finite number, got 'high'. Write plain digits with a "
        "decimal point, or leave it blank.",
    ),
    "location of no account": Fault(
        location(AccNumber="A2"),
        "location.csv row 3: AccNumber must be an account of the account file, got 'A2'. Add the account, or "
        "correct PortNumber or AccNumber.",
    ),
    "location without an account number": Fault(
        location(AccNumber=""),
        "location.csv row 3: AccNumber must not be blank. Fill it in.",
    ),
    "unknown kind of step policy": Fault(
        steps(StepTriggerType=4),
        "account.csv row 3: StepTriggerType must be one of 1, 2, 3, 5, got 4. Use a supported type, or blank "
        "for a policy without steps",
    ),
    "unknown type of pay-out": Fault(
        steps(PayOutType=9),
        "account.csv row 3: PayOutType must be one of 0, 1, 2, 3, got 9. Correct the type",
    ),
    "unknown type of trigger": Fault(
        steps(TriggerType=9),
        "account.csv row 3: TriggerType must be one of 0, 2, got 9. Correct the type",
    ),
    "step that no rule fits": Fault(
        steps(PayOutType=3),
        "account.csv row 3: StepNumber has no rule for TriggerType 2, PayOutType 3 with its other terms. Give"
        " the pay-outs, limits and deductibles that go with TriggerType 2, PayOutType 3, or correct the types",
    ),
    "steps of no kind": Fault(
        account(StepNumber=1),
        "account.csv row 2: StepTriggerType must be given with a StepNumber, 1, 2, 3, 5. Use a supported "
        "type, or blank for a policy without steps",
    ),
    "step policy without steps": Fault(
        account(StepTriggerType=1),
        "account.csv row 2: StepNumber must be given with a StepTriggerType. Number the steps of a policy 1, 2, 3 ...",
    ),
    "policy that ends before it begins": Fault(
        account(PolInceptionDate="2026-01-01", PolExpiryDate="2025-01-01"),
        "account.csv row 2: PolExpiryDate must not end before it begins, got '2025-01-01'. Exchange the "
        "dates, or correct the year.",
    ),
    "unknown currency": Fault(
        account(AccCurrency="GBX"),
        "account.csv row 2: AccCurrency must be an ISO 4217 currency, got 'GBX'. Use three capital letters "
        "(GBP, USD ...).",
    ),
    "no account file": Fault(
        without_file("oed_accounts_csv", "oed_info_csv", "oed_scope_csv"),
        "analysis_settings.json: il_output needs an account file, got True. Give --account FILE, or set "
        "il_output to false",
    ),
}
TERMS_WARNINGS = {
    "account of no location": Fault(
        one_more(ACCOUNT, AccNumber="A9"),
        "account.csv row 3: AccNumber has no location, got 'A9'. Add its locations, or remove the account.",
    ),
    "condition of no location": Fault(
        account(**condition()),
        "account.csv row 2: CondTag is the CondTag of no location of the account, so the condition applies to"
        " nothing, got 'C1'. Tag its locations, or remove the condition.",
    ),
    "peril column missing": Fault(
        location(LocDed6All=500, LocDedType6All=0),
        "location.csv row 3: LocPeril must be given where other terms need it. It is needed by LocDed6All.",
    ),
    "peril that is not modelled": Fault(
        deductible(500, LocPeril="QEQ"),
        "location.csv row 3: LocPeril names no peril that has items, so that the terms of level location all "
        "apply to nothing, got 'QEQ'. Add the peril if the terms are for it too",
    ),
    "code without its amount": Fault(
        location(LocPeril="WTC", LocDedCode6All=7),
        "location.csv row 3: LocDedCode6All must be 0 (regular), 2 (franchise) or 99 (reverse franchise); "
        "without LocDed6All it changes nothing, got 7. Give the amount, or leave it blank",
    ),
    "layer that pays nothing": Fault(
        account(LayerParticipation=0, LayerLimit=0, LayerAttachment=0),
        "account.csv row 2: LayerParticipation is 0 without a limit or an attachment, so that the layer pays "
        "the whole loss, got 0.0. Give the limit, or leave out the policy",
    ),
    "gap between steps": Fault(
        steps(TriggerBuildingStart=0.6),
        "account.csv row 3: TriggerBuildingStart leaves a gap after the step before, which ends at 0.5: "
        "losses in between are not paid, got 0.6. Start the step where the one before ends",
    ),
    "step left out": Fault(
        steps(StepNumber=3),
        "account.csv row 3: StepNumber must count 1, 2, 3 ... in a policy: step 2 is missing, got 3. Add the "
        "step, or number them anew",
    ),
    "hours clause": Fault(
        account(HoursClause=72),
        "account.csv row 2: HoursClause is not applied, got 72. Each event of the model is one occurrence, "
        "however long it lasts.",
    ),
    "location participation": Fault(
        location(LocParticipation=0.5),
        "location.csv row 3: LocParticipation is not applied, got 0.5. Give the share as LayerParticipation "
        "or AccParticipation.",
    ),
    "column of no field": Fault(
        account(Flexibility=3),
        "account.csv row 1: Flexibility is not an OED field and changes no loss. Call it FlexiLoc... or "
        "FlexiAcc... to keep it without this warning.",
    ),
}
