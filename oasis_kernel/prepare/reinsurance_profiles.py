"""The terms of reinsurance contracts as profiles of calculation rules (Oasis financial module, reinsurance)."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from oasis_kernel.model.exposure import Int64
from oasis_kernel.model.terms import PROFILE_DTYPE

#: The profile of what a layer does not cover, and of what it passes on unchanged.
NO_LOSS, PASS_THROUGH = 1, 2
#: A limit that is 0 or blank.
UNLIMITED = 9_999_999_999_999.0
TERMS = ("calcrule_id", "attachment1", "limit1", "share1", "share2", "share3")

#: rule, and the fields of attachment, limit, share1 (ceded), share2 (placed) by type; None is no attachment, a share
#: of 1 or, for a limit, none. A type that is missing passes losses on.
Terms = tuple[int, str | None, str | None, str | float, str | float]
RISK_TERMS: Mapping[str, Terms] = {
    "FAC": (24, "RiskAttachment", "RiskLimit", "CededPercent", "PlacedPercent"),
    "PR": (24, "RiskAttachment", "RiskLimit", "CededPercent", 1.0),
    "QS": (24, None, "RiskLimit", "CededPercent", 1.0),
    "SS": (24, "RiskAttachment", "RiskLimit", "scope_ceded", 1.0),
}
PROGRAMME_TERMS: Mapping[str, Terms] = {
    "PR": (24, "OccAttachment", "OccLimit", 1.0, "PlacedPercent"),
    "QS": (23, None, "OccLimit", 0.0, "PlacedPercent"),
    "SS": (23, None, "OccLimit", 0.0, "PlacedPercent"),
    "CXL": (24, "OccAttachment", "OccLimit", "CededPercent", "PlacedPercent"),
}


def applied_fields(reinsurance_type: str) -> frozenset[str]:
    """The OED fields that the terms of a contract of this type are made of."""
    tables = (RISK_TERMS, PROGRAMME_TERMS)
    terms = [table[reinsurance_type] for table in tables if reinsurance_type in table]
    return frozenset(field for term in terms for field in term[1:] if isinstance(field, str))


class Profiles:
    """The profiles of one pass, each distinct set of terms once."""

    def __init__(self) -> None:
        no_loss = pd.DataFrame([(14, 0.0, 0.0, 0.0, 0.0, 0.0)], columns=TERMS)
        self._rows = [no_loss, no_loss.assign(calcrule_id=12)]
        self._count = PASS_THROUGH

    def of_risks(self, scope: pd.DataFrame) -> Int64:
        """The profile of each scope row at risk nodes."""
        return self._add(scope, RISK_TERMS)

    def of_programme(self, scope: pd.DataFrame) -> Int64:
        """The profile of each scope row at the programme node."""
        return self._add(scope, PROGRAMME_TERMS)

    def table(self) -> npt.NDArray[np.void]:
        """All profiles, as PROFILE_DTYPE."""
        rows = pd.concat(self._rows, ignore_index=True)
        table = np.zeros(len(rows), PROFILE_DTYPE)
        table["profile_id"] = np.arange(1, len(rows) + 1)
        for name in TERMS:
            table[name] = rows[name]
        return table

    def _add(self, scope: pd.DataFrame, terms_of_type: Mapping[str, Terms]) -> Int64:
        profile = np.full(len(scope), PASS_THROUGH)
        for reinsurance_type, (rule, attachment, limit, ceded, placed) in terms_of_type.items():
            chosen = (scope["ReinsType"] == reinsurance_type).to_numpy()
            rows = scope[chosen]
            terms = pd.DataFrame(index=rows.index)
            terms["calcrule_id"] = rule
            terms["attachment1"] = rows[attachment] if attachment else 0.0
            terms["limit1"] = rows[limit].where(rows[limit] != 0, UNLIMITED)
            terms["share1"] = rows[ceded] if isinstance(ceded, str) else ceded
            terms["share2"] = rows[placed] if isinstance(placed, str) else placed
            terms["share3"] = 1.0
            number = terms.groupby(list(TERMS), sort=False).ngroup().to_numpy()
            distinct = terms.drop_duplicates()
            profile[chosen] = number + 1 + self._count
            self._count += len(distinct)
            self._rows.append(distinct)
        return profile
