"""Terms of accounts that cannot be applied, each broken in one place, and the one sentence that says so."""

from programme_folder import ACCOUNT, LOCATION, cells, one_more, setting, together, without_column, without_file
from standard_folder import Fault


def account(**values):
    return cells(ACCOUNT, **values)


def location(**values):
    return cells(LOCATION, 3, **values)


def location_terms(**values):
    return location(LocPeril="WTC", **values)


def steps(**values):
    """A step policy of two steps; the values are those of the second."""
    first = {
        "StepTriggerType": 1,
        "StepNumber": 1,
        "TriggerType": 2,
        "PayOutType": 1,
        "TriggerBuildingStart": 0.1,
        "TriggerBuildingEnd": 0.5,
        "PayOutBuildingStart": 0.1,
        "PayOutBuildingEnd": 0.1,
    }
    second = {
        "StepNumber": 2,
        "TriggerBuildingStart": 0.5,
        "TriggerBuildingEnd": 1.0,
        "PayOutBuildingStart": 0.5,
        "PayOutBuildingEnd": 0.5,
    }
    return together(account(**first), one_more(ACCOUNT, **{**second, **values}))


conditions = account(CondTag="C1", CondNumber="1", CondPriority="1", CondPeril="WTC", CondDed6All=1000)
TERMS = {
    "layer limit negative": account(LayerLimit=-1),
    "layer attachment negative": account(LayerAttachment=-1),
    "layer participation 1.5": account(LayerParticipation=1.5),
    "layer number duplicate with other terms": one_more(ACCOUNT, LayerLimit=100),
    "layer number 0": account(LayerNumber=0),
    "layer number 1.5": account(LayerNumber=1.5),
    "layer number text": account(LayerNumber="A"),
    "deductible negative": location_terms(LocDed6All=-5),
    "deductible code 7": location_terms(LocDed6All=500, LocDedCode6All=7),
    **{f"deductible code {n}": location_terms(LocDed6All=500, LocDedCode6All=n) for n in (1, 3, 4, 5, 6)},
    "limit code 7": location_terms(LocLimit6All=500, LocLimitCode6All=7),
    "limit code 1": location_terms(LocLimit6All=500, LocLimitCode6All=1),
    "deductible type 9": location_terms(LocDed6All=500, LocDedType6All=9),
    "deductible share above 1": location_terms(LocDed6All=1.5, LocDedType6All=1),
    "deductible of tiv above 1": location_terms(LocDed6All=1.5, LocDedType6All=2),
    "limit share above 1": location_terms(LocLimit6All=1.5, LocLimitType6All=1),
    "limit share of value": location_terms(LocLimit6All=50, LocLimitType6All=2),
    "min > max": location_terms(LocMinDed6All=50, LocMaxDed6All=20),
    "franchise with min": location_terms(LocDed6All=50, LocDedCode6All=2, LocMinDed6All=20),
    "code without amount": location_terms(LocDedCode6All=7),
    "waiting period": together(location(BITIV=1000, BIWaitingPeriod=14)),
    "LocPeril blank": location(LocDed6All=500, LocPeril=""),
    "LocPeril absent": location(LocDed6All=500),
    "PolPeril absent": account(PolDed6All=500),
    "PolPeril unknown": account(PolDed6All=500, PolPeril="WTX"),
    "LocPeril other": location(LocDed6All=500, LocPeril="QEQ"),
    "PolPerilsCovered bad": account(PolPerilsCovered="WTX"),
    "CondTag not in account": location(CondTag="C9"),
    "CondTag no tags in account": location(CondTag="C1"),
    "CondTag that no location has": conditions,
    "cond equal priority": together(
        conditions,
        one_more(ACCOUNT, CondTag="C2", CondNumber="2", CondDed6All=500),
        location(CondTag="C1"),
        cells(LOCATION, 4, LocNumber=2, CondTag="C2"),
    ),
    "cond priority text": together(conditions, account(CondPriority="high"), location(CondTag="C1")),
    "cond number missing": together(conditions, without_column(ACCOUNT, "CondNumber"), location(CondTag="C1")),
    "cond number blank": together(conditions, account(CondNumber=""), location(CondTag="C1")),
    "CondPeril blank": together(conditions, account(CondPeril=""), location(CondTag="C1")),
    "location without account": location(AccNumber="A2"),
    "location blank account": location(AccNumber=""),
    "account no location": one_more(ACCOUNT, AccNumber="A9"),
    "step ok": steps(),
    "step trigger 9": steps(StepTriggerType=9),
    "step trigger 4": together(steps(), account(StepTriggerType=4)),
    "step payout 9": steps(PayOutType=9),
    "step payout 3": steps(PayOutType=3),
    "step triggertype 9": steps(TriggerType=9),
    "step gap number": steps(StepNumber=3),
    "step gap trigger": steps(TriggerBuildingStart=0.6),
    "step duplicate": steps(StepNumber=1),
    "step overlap": steps(TriggerBuildingStart=0.4),
    "step without trigger type": account(StepNumber=1, PayOutBuildingStart=0.1),
    "pol dates": account(PolInceptionDate="2026-01-01", PolExpiryDate="2025-01-01"),
    "currency": account(AccCurrency="GBX"),
    "currency blank": account(AccCurrency=""),
    "Unknown column": account(LayerLimits=3),
    "Unused field": account(PolLimit6Al=3),
    "AccParticipation": account(AccParticipation=1.5),
    "AccDed without peril": account(AccDed6All=5),
    "PolHours clause": account(HoursClause=72),
    "PolMinDed5PD": account(PolMinDed5PD=10, PolPeril="WTC"),
    "aggregate limit": account(AccLimit6All=10, AccLimitType6All=0, AccLimitCode6All=1, AccPeril="WTC"),
}
RE = {
    "ReinsType unknown": cells("ri_info.csv", ReinsType="XX"),
    "AXL": cells("ri_info.csv", ReinsType="AXL"),
    "RiskLevel": cells("ri_info.csv", RiskLevel="LOX"),
    "Inuring blank": cells("ri_info.csv", InuringPriority=""),
    "Inuring 0": cells("ri_info.csv", InuringPriority=0),
    "Inuring column": without_column("ri_info.csv", "InuringPriority"),
    "Ceded": cells("ri_info.csv", CededPercent=1.5),
    "Scope Ceded": cells("ri_scope.csv", CededPercent=1.5),
    "OccLimit": cells("ri_info.csv", OccLimit=-5),
    "RiskLimit": cells("ri_info.csv", RiskLimit=-5),
    "Placed": cells("ri_info.csv", PlacedPercent=1.5),
    "Scope number": cells("ri_scope.csv", ReinsNumber=9),
    "Scope number blank": cells("ri_scope.csv", ReinsNumber=""),
    "no scope row": one_more("ri_info.csv", ReinsNumber=3),
    "scope nothing": cells("ri_scope.csv", PortNumber=9),
    "scope acc nothing": cells("ri_scope.csv", AccNumber="A9"),
    "scope loc nothing": cells("ri_scope.csv", AccNumber="A1", LocNumber="9"),
    "scope country nothing": cells("ri_scope.csv", CountryCode="FR"),
    "scope sel acc": cells("ri_scope.csv", AccNumber="A1"),
    "FAC": cells("ri_info.csv", ReinsType="FAC", RiskLevel="LOC"),
    "SS": together(cells("ri_info.csv", ReinsType="SS", RiskLevel="LOC"), cells("ri_scope.csv", AccNumber="A1")),
    "SS ACC+loc": together(
        cells("ri_info.csv", ReinsType="SS", RiskLevel="ACC"), cells("ri_scope.csv", AccNumber="A1", LocNumber="1")
    ),
    "RA": cells("ri_info.csv", AttachmentBasis="RA"),
    "RA pol": cells("ri_info.csv", AttachmentBasis="RA", ReinsInceptionDate="2026-01-01", ReinsExpiryDate="2026-12-31"),
    "basis": cells("ri_info.csv", AttachmentBasis="XX"),
    "dates": cells("ri_info.csv", ReinsInceptionDate="2026-01-01", ReinsExpiryDate="2025-12-31"),
    "date bad": cells("ri_info.csv", ReinsInceptionDate="2026-13-01", ReinsExpiryDate="2025-12-31"),
    "currency": cells("ri_info.csv", ReinsCurrency="GBX"),
    "currency other": cells("ri_info.csv", ReinsCurrency="USD"),
    "TreatyShare": cells("ri_info.csv", TreatyShare=0.5),
    "UseReinsDates": cells("ri_info.csv", UseReinsDates="Y"),
    "ReinsPeril other": cells("ri_info.csv", ReinsPeril="QEQ"),
    "ReinsPeril unknown": cells("ri_info.csv", ReinsPeril="QXX"),
    "info twice": one_more("ri_info.csv"),
    "number twice other terms": one_more("ri_info.csv", OccLimit=5),
    "scope twice": one_more("ri_scope.csv"),
    "RiskAttachment CXL": cells("ri_info.csv", 3, RiskLimit=5),
    "Reinstatement": cells("ri_info.csv", 3, Reinstatement=1, ReinstatementCharge="1"),
    "AggLimit": cells("ri_info.csv", 3, AggLimit=1),
    "OccFranchise": cells("ri_info.csv", 3, OccFranchiseDed=1),
    "OccReverseFranchise": cells("ri_info.csv", 3, OccReverseFranchiseDed=1),
    "ReinsFXrate": cells("ri_info.csv", 3, ReinsFXrate=2),
    "rl priority": setting("rl_inuring_priorities", [7]),
    "ri priority": setting("ri_inuring_priorities", [7]),
    "il without account": together(without_file("oed_accounts_csv", "oed_info_csv", "oed_scope_csv")),
    "ri without ri": without_file("oed_info_csv", "oed_scope_csv"),
    "scope without info": without_file("oed_info_csv"),
    "info without scope": without_file("oed_scope_csv"),
    "ri without account": without_file("oed_accounts_csv"),
}
