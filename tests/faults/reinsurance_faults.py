"""Reinsurance that cannot be applied, or applies to nothing, and the one sentence that says so."""

from programme_folder import (
    INFO,
    SCOPE,
    Change,
    cells,
    one_more,
    setting,
    together,
    without_column,
    without_file,
)
from standard_folder import Fault

RISK_ATTACHING = {"AttachmentBasis": "RA", "ReinsInceptionDate": "2026-01-01"}


def contract(**values) -> Change:
    """Other terms of the quota share."""
    return cells(INFO, **values)


def scope(**values) -> Change:
    """Another scope of the quota share."""
    return cells(SCOPE, **values)


def excess(**values) -> Change:
    """Other terms of the catastrophe excess of loss."""
    return cells(INFO, 3, **values)


REINSURANCE_ERRORS = {
    "unknown type": Fault(
        contract(ReinsType="XX"),
        "ri_info.csv row 2: ReinsType must be one of FAC, PR, QS, SS, CXL, got 'XX'. Correct the type of contract",
    ),
    "aggregate excess of loss": Fault(
        contract(ReinsType="AXL"),
        "ri_info.csv row 2: ReinsType needs losses by year, but contracts are applied event by event, got "
        "'AXL'. Apply the contract to the losses by period, outside the run, or give it as CXL if it is per "
        "event",
    ),
    "unknown risk level": Fault(
        contract(RiskLevel="LOX"),
        "ri_info.csv row 2: RiskLevel must be one of LOC, LGR, POL, ACC, SEL, got 'LOX'. Correct the level, "
        "or leave it blank for SEL",
    ),
    "priority blank": Fault(
        contract(InuringPriority=""),
        "ri_info.csv row 2: InuringPriority must not be blank. Fill it in.",
    ),
    "priority 0": Fault(
        contract(InuringPriority=0),
        "ri_info.csv row 2: InuringPriority must be in range, got 0. Allowed: at least 1.",
    ),
    "priority missing": Fault(
        without_column(INFO, "InuringPriority"),
        "ri_info.csv: InuringPriority is required by OED and missing. Add the column.",
    ),
    "ceded 150 %": Fault(
        contract(CededPercent=1.5),
        "ri_info.csv row 2: CededPercent must be in range, got 1.5. Allowed: 0 to 1.",
    ),
    "ceded 150 % of a risk": Fault(
        scope(CededPercent=1.5),
        "ri_scope.csv row 2: CededPercent must be in range, got 1.5. Allowed: 0 to 1.",
    ),
    "placed 150 %": Fault(
        contract(PlacedPercent=1.5),
        "ri_info.csv row 2: PlacedPercent must be in range, got 1.5. Allowed: 0 to 1.",
    ),
    "placed less than nothing": Fault(
        contract(PlacedPercent=-0.5),
        "ri_info.csv row 2: PlacedPercent must be in range, got -0.5. Allowed: 0 to 1.",
    ),
    "limit negative": Fault(
        contract(OccLimit=-5),
        "ri_info.csv row 2: OccLimit must be in range, got -5.0. Allowed: at least 0.",
    ),
    "risk limit negative": Fault(
        contract(RiskLimit=-5),
        "ri_info.csv row 2: RiskLimit must be in range, got -5.0. Allowed: at least 0.",
    ),
    "attachment negative": Fault(
        contract(OccAttachment=-5),
        "ri_info.csv row 2: OccAttachment must be in range, got -5.0. Allowed: at least 0.",
    ),
    "scope of no contract": Fault(
        one_more(SCOPE, ReinsNumber=9),
        "ri_scope.csv row 4: ReinsNumber must be a ReinsNumber of the reinsurance info, got 9. Add the "
        "contract, or correct the number.",
    ),
    "facultative without a location": Fault(
        together(contract(ReinsType="FAC", RiskLevel="LOC"), scope(AccNumber="A1")),
        "ri_scope.csv row 2: LocNumber must be given for a FAC contract with RiskLevel LOC. Name the risk in "
        "AccNumber and LocNumber, one row each",
    ),
    "facultative without an account": Fault(
        together(contract(ReinsType="FAC", RiskLevel="ACC")),
        "ri_scope.csv row 2: AccNumber must be given for a FAC contract with RiskLevel ACC. Name the risk in "
        "AccNumber, one row each",
    ),
    "surplus share without a location": Fault(
        together(contract(ReinsType="SS", RiskLevel="LOC"), scope(AccNumber="A1")),
        "ri_scope.csv row 2: LocNumber must be given for a SS contract with RiskLevel LOC. Name the risk in "
        "AccNumber and LocNumber, one row each",
    ),
    "surplus share of an account, with a location": Fault(
        together(contract(ReinsType="SS", RiskLevel="ACC"), scope(AccNumber="A1", LocNumber="1")),
        "ri_scope.csv row 2: LocNumber must be blank for a SS contract with RiskLevel ACC, got '1'. Leave it "
        "blank, or use a finer RiskLevel",
    ),
    "risk attaching without an end": Fault(
        contract(**RISK_ATTACHING),
        "ri_info.csv row 2: ReinsExpiryDate must be given with AttachmentBasis RA. Give the date, or use LO",
    ),
    "risk attaching to a policy without a date": Fault(
        contract(**RISK_ATTACHING, ReinsExpiryDate="2026-12-31"),
        "account.csv row 2: PolInceptionDate must be given for policy 'P1' of account 'A1', which a contract "
        "with AttachmentBasis RA covers. Give the policy's inception date, or use AttachmentBasis LO",
    ),
    "unknown basis": Fault(
        contract(AttachmentBasis="XX"),
        "ri_info.csv row 2: AttachmentBasis must be RA or LO, got 'XX'. Correct the basis, or leave it blank for LO",
    ),
    "ends before it begins": Fault(
        contract(ReinsInceptionDate="2026-01-01", ReinsExpiryDate="2025-12-31"),
        "ri_info.csv row 2: ReinsExpiryDate must not end before it begins, got '2025-12-31'. Exchange the "
        "dates, or correct the year.",
    ),
    "no date": Fault(
        contract(ReinsInceptionDate="2026-13-01"),
        "ri_info.csv row 2: ReinsInceptionDate must be a date YYYY-MM-DD, got '2026-13-01'. Write 31 December"
        " 2026 as 2026-12-31.",
    ),
    "unknown currency": Fault(
        contract(ReinsCurrency="GBX"),
        "ri_info.csv row 2: ReinsCurrency must be an ISO 4217 currency, got 'GBX'. Use three capital letters "
        "(GBP, USD ...).",
    ),
    "unknown peril": Fault(
        contract(ReinsPeril="QXX"),
        "ri_info.csv row 2: ReinsPeril must be OED peril codes separated by ';', got 'QXX'. See OED's list of"
        " perils (WTC, WSS, WW1 ...).",
    ),
    "ceded losses of a priority that no contract has": Fault(
        setting("rl_inuring_priorities", [7]),
        "analysis_settings.json: rl_inuring_priorities names an inuring priority that no contract has, got 7."
        " The contracts' priorities are: 1, 2",
    ),
    "net losses of a priority that no contract has": Fault(
        setting("ri_inuring_priorities", [7]),
        "analysis_settings.json: ri_inuring_priorities names an inuring priority that no contract has, got 7."
        " The contracts' priorities are: 1, 2",
    ),
    "no reinsurance files": Fault(
        without_file("oed_info_csv", "oed_scope_csv"),
        "analysis_settings.json: ri_output needs both reinsurance files, got True. Give --ri-info FILE and "
        "--ri-scope FILE, or set ri_output to false",
    ),
    "scope without contracts": Fault(
        without_file("oed_info_csv"),
        "ri_scope.csv: needs both ri_info and ri_scope. Give both files, or neither.",
    ),
    "contracts without scope": Fault(
        without_file("oed_scope_csv"),
        "ri_info.csv: needs both ri_info and ri_scope. Give both files, or neither.",
    ),
    "reinsurance without accounts": Fault(
        without_file("oed_accounts_csv"),
        "ri_info.csv: needs the account file: it applies to insured losses. Give the account file.",
    ),
}
REINSURANCE_WARNINGS = {
    "contract without a scope row": Fault(
        one_more(INFO, ReinsNumber=3),
        "ri_info.csv row 4: ReinsNumber has no scope, so the contract covers nothing, got 3. Add scope rows.",
    ),
    "scope of no portfolio": Fault(
        scope(PortNumber=9),
        "ri_info.csv row 2: ReinsNumber covers nothing: no scope row of this QS contract names a risk of the "
        "portfolio, got 1. Check its scope: a risk at level SEL is named by PortNumber",
    ),
    "scope of no country": Fault(
        scope(CountryCode="FR"),
        "ri_info.csv row 2: ReinsNumber covers nothing: no scope row of this QS contract names a risk of the "
        "portfolio, got 1. Check its scope: a risk at level SEL is named by PortNumber",
    ),
    "scope row of no account": Fault(
        one_more(SCOPE, AccNumber="A9"),
        "ri_scope.csv row 4: AccNumber is not in the portfolio, so the row covers nothing, got 'A9'. Correct "
        "it, or remove the row.",
    ),
    "scope row of no location": Fault(
        one_more(SCOPE, AccNumber="A1", LocNumber="9"),
        "ri_scope.csv row 4: LocNumber is not in the portfolio, so the row covers nothing, got '9'. Correct "
        "it, or remove the row.",
    ),
    "contract given twice": Fault(
        one_more(INFO),
        "ri_info.csv row 4: ReinsNumber is given twice with the same terms; both apply, got 2. Remove one of "
        "the two rows",
    ),
    "facultative scope given twice": Fault(
        together(
            cells(INFO, 3, ReinsType="FAC", RiskLevel="ACC", OccLimit=0),
            cells(SCOPE, 3, AccNumber="A1"),
            one_more(SCOPE),
        ),
        "ri_scope.csv row 4: ReinsNumber has the same scope row twice, and cedes twice, got 2. Remove one of "
        "the two rows",
    ),
    "currency of no loss": Fault(
        contract(ReinsCurrency="USD"),
        "ri_info.csv row 2: ReinsCurrency is not a currency of the losses (GBP), and amounts are used as they"
        " stand, got 'USD'. Convert the amounts, or run with a reporting currency",
    ),
    "treaty share": Fault(
        contract(TreatyShare=0.5),
        "ri_info.csv row 2: TreatyShare is not applied, got 0.5. Put our share into PlacedPercent",
    ),
    "dates of the contract": Fault(
        contract(UseReinsDates="Y"),
        "ri_info.csv row 2: UseReinsDates is not applied: a contract covers events of any date, got 'Y'. Use "
        "AttachmentBasis RA to select policies by date",
    ),
    "perils of the contract": Fault(
        contract(ReinsPeril="QEQ"),
        "ri_info.csv row 2: ReinsPeril is not applied: the contract takes losses of every peril, WTC too, got"
        " 'QEQ'. Run the perils that the contract covers alone (peril_filter)",
    ),
    "reinstatement": Fault(
        excess(Reinstatement=1),
        "ri_info.csv row 3: Reinstatement is not applied, got 1. Losses are computed event by event: apply it"
        " to the losses by period.",
    ),
    "aggregate limit": Fault(
        excess(AggLimit=1000000),
        "ri_info.csv row 3: AggLimit is not applied, got 1000000.0. Losses are computed event by event: apply"
        " it to the losses by period.",
    ),
    "franchise": Fault(
        excess(OccFranchiseDed=1000),
        "ri_info.csv row 3: OccFranchiseDed is not applied, got 1000.0. There is no calculation rule for it: "
        "leave it blank.",
    ),
    "rate of exchange": Fault(
        excess(ReinsFXrate=2),
        "ri_info.csv row 3: ReinsFXrate is not applied, got 2.0. Give a reporting currency and rates of "
        "exchange instead.",
    ),
    "deemed share": Fault(
        excess(DeemedPercentPlaced=0.5),
        "ri_info.csv row 3: DeemedPercentPlaced is not applied, got 0.5. Give the share that is placed as "
        "PlacedPercent.",
    ),
    "risk limit of a catastrophe excess of loss": Fault(
        excess(RiskLimit=5000),
        "ri_info.csv row 3: RiskLimit is not applied to a CXL contract, got 5000.0. Leave it blank, or "
        "correct ReinsType",
    ),
    "attachment of a quota share": Fault(
        contract(OccAttachment=5000),
        "ri_info.csv row 2: OccAttachment is not applied to a QS contract, got 5000.0. Leave it blank, or "
        "correct ReinsType",
    ),
}
