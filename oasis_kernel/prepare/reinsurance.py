"""Reinsurance contracts to financial programmes: one pass for each inuring priority and risk level that has contracts.

The losses of a pass are what the pass before left. Inside a pass, each contract is a layer that sees all of them; what
remains is the losses less what all layers pay. The structure (Oasis financial module, reinsurance) has three levels:
filter nodes, which let through what a layer's scope covers; risks, which carry the terms per risk; one programme node,
which carries the terms per occurrence.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from oasis_kernel.errors import Finding, Severity
from oasis_kernel.model.exposure import Int32, Int64, Portfolio
from oasis_kernel.model.terms import Contract, Programme
from oasis_kernel.prepare.reinsurance_checks import KEY_FIELDS, RISK_KEY, SCOPE_FIELDS, uncovered_perils
from oasis_kernel.prepare.reinsurance_contracts import read_contracts
from oasis_kernel.prepare.reinsurance_outputs import ReinsuredOutputs, describe_outputs
from oasis_kernel.prepare.reinsurance_profiles import NO_LOSS, PASS_THROUGH, Profiles
from oasis_kernel.prepare.reinsurance_scope import Policies, match_filters, match_risks, scope_layers
from oasis_kernel.prepare.terms.keys import codes, first_of_each

#: How the filter nodes of a pass are ordered.
NODE_ORDER = {
    "LGR": ["LocGroup", "PortNumber", "AccNumber", "PolNumber", "LocNumber"],
    "LOC": ["PortNumber", "AccNumber", "LocNumber", "PolNumber"],
}
DEFAULT_ORDER = ["PortNumber", "AccNumber", "PolNumber", "LocNumber"]


@dataclass(frozen=True)
class Reinsurance:
    """The passes of a reinsurance programme, in the order they run, and what is worth knowing about it."""

    passes: tuple[Contract, ...]
    findings: tuple[Finding, ...]


def compile_reinsurance(portfolio: Portfolio, output_map: pa.Table) -> Reinsurance:
    """The passes of the portfolio's reinsurance over the outputs of its insurance.

    output_map  one row per output of the insurance, as the reference's fm_summary_map: output_id, loc_id, PortNumber,
                AccNumber, PolNumber, LocNumber (the last absent without locations)

    A contract whose scope covers nothing is a finding (a warning). Raises InvalidInput for contracts and scopes that
    cannot be used: see ``reinsurance_contracts.read_contracts``.
    """
    contracts = read_contracts(portfolio)
    outputs = describe_outputs(portfolio, output_map)
    findings = list(contracts.findings)
    account_file = portfolio.sources.get("account", "account")
    passes, used = [], np.zeros(len(contracts.info), np.bool_)
    for priority in sorted(contracts.info["InuringPriority"].unique()):
        for risk_level in RISK_KEY:
            chosen = (contracts.info["InuringPriority"] == priority) & (contracts.info["RiskLevel"] == risk_level)
            info = contracts.info[chosen]
            scope = contracts.scope[contracts.scope["contract"].isin(info["contract"])]
            if len(scope):
                made = _Pass(outputs, info, scope, risk_level, account_file)
                used[np.unique(made.contract_of[made.contract_of >= 0])] = True
                passes.append(made.contract(int(priority)))
    file = portfolio.sources.get("ri_info", "ri_info")
    # A contract without any scope is the portfolio's reader's to tell.
    idle = contracts.info[~used & contracts.info["contract"].isin(contracts.scope["contract"]).to_numpy()]
    findings += [_covers_nothing(file, row) for row in idle.to_dict("records")]
    findings += uncovered_perils(portfolio, output_map)
    return Reinsurance(tuple(passes), tuple(findings))


def _covers_nothing(file: str, contract: dict) -> Finding:
    return Finding(
        file,
        f"covers nothing: no scope row of this {contract['ReinsType']} contract names a risk of the portfolio",
        contract["row"],
        "ReinsNumber",
        contract["ReinsNumber"],
        "reinsurance_covers_nothing",
        f"Check its scope: a risk at level {contract['RiskLevel']} is named by "
        f"{', '.join(RISK_KEY[contract['RiskLevel']])}",
        Severity.WARNING,
    )


class _Pass:
    """One pass while it is compiled: filter nodes, risk nodes, layers, profiles."""

    def __init__(
        self, outputs: ReinsuredOutputs, info: pd.DataFrame, scope: pd.DataFrame, risk_level: str, account_file: str
    ):
        self.info, self.risk_level = info, risk_level
        scope = scope.assign(layer=scope_layers(info, scope, risk_level))
        self.layers = int(scope["layer"].max())
        order = np.lexsort([outputs.codes[name] for name in reversed(NODE_ORDER.get(risk_level, DEFAULT_ORDER))])
        self.output = outputs.output_id[order]
        self.filter_of_output = codes(*(outputs.codes[name][order] for name in KEY_FIELDS))
        self.filters = _filters(outputs, order[first_of_each(self.filter_of_output)])
        self.risk_of_filter = codes(*(self.filters[name] for name in RISK_KEY[risk_level]))
        self.risks = self.filters.iloc[first_of_each(self.risk_of_filter)].assign(
            node=range(int(self.risk_of_filter.max()) + 1)
        )
        self.profiles = Profiles()
        risk_profile = self.profiles.of_risks(scope)
        numbered = outputs.numbered(scope, SCOPE_FIELDS)
        self.passing = match_filters(self.filters, numbered, risk_level, Policies(account_file, outputs.texts))
        self.risk_terms = match_risks(self.risks, numbered.assign(profile=risk_profile), risk_level)
        self.layer_profile = np.full(self.layers, PASS_THROUGH)
        self.layer_profile[scope["layer"] - 1] = self.profiles.of_programme(scope)
        self.contract_of = self._contracts_of_filters()

    def _contracts_of_filters(self) -> Int32:
        """The contract that covers each filter node in each layer, -1 for none; [filter node, layer]."""
        has_terms = np.zeros((len(self.risks), self.layers), np.bool_)
        has_terms[self.risk_terms["node"], self.risk_terms["layer"] - 1] = True
        contract_of = np.full((len(self.filters), self.layers), -1, np.int32)
        contract_of[self.passing["node"], self.passing["layer"] - 1] = self.passing["contract"]
        return np.where(has_terms[self.risk_of_filter], contract_of, -1).astype(np.int32)

    def contract(self, priority: int) -> Contract:
        """The pass as the model's vocabulary has it."""
        by_output = np.argsort(self.output, kind="stable")
        return Contract(
            inuring_priority=priority,
            risk_level=self.risk_level,
            programme=self._programme(),
            contract_of=self.contract_of[self.filter_of_output[by_output]],
            reinsurance_number={int(row["contract"]): row["ReinsNumber"] for row in self.info.to_dict("records")},
        )

    def _programme(self) -> Programme:
        filters, risks, outputs = len(self.filters), len(self.risks), len(self.output)
        from_agg = [np.arange(1, risks + 1), np.arange(1, filters + 1), self.output]
        to_agg = [np.ones(risks), self.risk_of_filter + 1, self.filter_of_output + 1]
        layer = np.arange(1, self.layers + 1)
        risk_profile = np.full((self.layers, risks), NO_LOSS)
        risk_profile[self.risk_terms["layer"] - 1, self.risk_terms["node"]] = self.risk_terms["profile"]
        filter_profile = np.full((self.layers, filters), NO_LOSS)
        filter_profile[self.passing["layer"] - 1, self.passing["node"]] = PASS_THROUGH
        profile = np.hstack([self.layer_profile[:, None], risk_profile, filter_profile])
        agg = np.concatenate([[1], np.arange(1, risks + 1), np.arange(1, filters + 1)])
        level = np.repeat([3, 2, 1], [1, risks, filters])
        return Programme(
            from_agg_id=np.concatenate(from_agg).astype("i4"),
            level_id=np.repeat([3, 2, 1], [risks, filters, outputs]).astype("i4"),
            to_agg_id=np.concatenate(to_agg).astype("i4"),
            policy_level_id=np.tile(level, self.layers).astype("i4"),
            policy_agg_id=np.tile(agg, self.layers).astype("i4"),
            policy_layer_id=np.repeat(layer, len(agg)).astype("i4"),
            policy_profile_id=profile.reshape(-1).astype("i4"),
            profile=self.profiles.table(),
            output_id=np.sort(self.output).astype("i4"),
            output_agg_id=np.sort(self.output).astype("i4"),
            output_layer_id=np.full(outputs, self.layers, "i4"),
        )


def _filters(outputs: ReinsuredOutputs, row: Int64) -> pd.DataFrame:
    """A filter node for each given output: its scope fields as the outputs' numbers."""
    fields = {name: outputs.codes[name][row] for name in (*SCOPE_FIELDS, "PolInceptionDate")}
    return pd.DataFrame({**fields, "policy_row": outputs.policy_row[row], "node": np.arange(len(row))})
