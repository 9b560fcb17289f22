"""A portfolio's reinsurance in words: its contracts in the order they apply."""

from collections.abc import Mapping
from typing import Any

from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.terms import Contract
from oasis_kernel.prepare.profile_text import amount, percent
from oasis_kernel.prepare.reinsurance import Reinsurance

#: Terms of a contract: OED field, words, and how its value is told. A blank or 0 has no effect.
_TERMS = (
    ("CededPercent", "cedes", percent),
    ("RiskAttachment", "of each risk above", amount),
    ("RiskLimit", "of each risk up to", amount),
    ("OccAttachment", "of an occurrence above", amount),
    ("OccLimit", "of an occurrence up to", amount),
    ("PlacedPercent", "placed", percent),
)


def reinsurance_text(portfolio: Portfolio, reinsurance: Reinsurance) -> str:
    """The contracts with their terms and how many outputs of the insurance they cover; empty without any."""
    if portfolio.reinsurance_info is None:
        return ""
    rows = portfolio.reinsurance_info.to_pylist()
    lines = []
    for contract in reinsurance.passes:
        lines.append(f"Reinsurance, inuring priority {contract.inuring_priority}, risk level {contract.risk_level}")
        lines += [f"  {_contract(contract, row, rows[row])}" for row in contract.reinsurance_number]
    return "\n".join(lines)


def _contract(contract: Contract, row: int, fields: Mapping[str, Any]) -> str:
    covered = int((contract.contract_of == row).any(axis=1).sum())
    terms = [f"{words} {tell(fields[name])}" for name, words, tell in _TERMS if fields.get(name)]
    of = f"covers {covered:,} of {len(contract.contract_of):,} outputs"
    return f"contract {contract.reinsurance_number[row]}, {fields['ReinsType']}: {', '.join([*terms, of])}"
