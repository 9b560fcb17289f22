"""What would a portfolio pay if every coverage lost a given part of its value? The everyday check of terms: no model.

Source: Oasis toolkit, exposure run (deterministic losses); OED for values, perils and terms.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oasis_kernel.errors import Finding, InvalidInput, Severity
from oasis_kernel.model import fields as f
from oasis_kernel.model.engine import EngineOptions
from oasis_kernel.model.exposure import Portfolio, PreparedExposure
from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.model.prepare_options import PrepareOptions
from oasis_kernel.model.terms import Contract
from oasis_kernel.prepare.contract_text import reinsurance_text
from oasis_kernel.prepare.deterministic import deterministic_keys
from oasis_kernel.prepare.executions import insured_execution, reinsured_executions
from oasis_kernel.prepare.items import prepare_exposure
from oasis_kernel.prepare.programme_text import programme_text
from oasis_kernel.prepare.reinsurance import Reinsurance, compile_reinsurance
from oasis_kernel.prepare.terms import CompiledTerms, TermOptions, compile_programme
from oasis_kernel.questions.exposure_losses import LOSS_FACTOR, ExposureLosses
from oasis_kernel.questions.exposure_terms import SCHEMA as TERM_SCHEMA
from oasis_kernel.questions.exposure_terms import term_losses
from oasis_kernel.steps.deterministic import deterministic_losses
from oasis_kernel.steps.insured import Insured
from oasis_kernel.steps.reinsured import Reinsured

#: The programme's text lists at most so many nodes of a level.
LISTED_NODES = 200

CONTRACT_SCHEMA = pa.schema(
    [
        (LOSS_FACTOR, pa.float64()),
        ("InuringPriority", pa.int64()),
        ("RiskLevel", pa.string()),
        ("ReinsNumber", pa.int64()),
        ("ReinsType", pa.string()),
        ("recovery", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Deterministic:
    """A portfolio's items and their ground-up losses: one event, one sample for each loss factor."""

    exposure: PreparedExposure
    losses: LossBlock
    factors: tuple[float, ...]


@dataclass(frozen=True)
class _Found:
    """What became of the ground-up losses."""

    outputs: pa.Table
    contracts: pa.Table = field(default_factory=CONTRACT_SCHEMA.empty_table)
    reinsurance: Reinsurance | None = None
    terms: pa.Table = field(default_factory=TERM_SCHEMA.empty_table)
    programme: str = ""
    findings: tuple[Finding, ...] = ()


def deterministic(
    portfolio: Portfolio, factors: Sequence[float], perils: Sequence[str], *, do_disaggregation: bool = True
) -> Deterministic:
    """The portfolio's items under every peril asked for (``prepare.deterministic``), each with its ground-up losses.

    InvalidInput for a factor that is no number of at least 0, an unknown peril, or a portfolio without value in them.
    """
    _check_factors(factors)
    keys = deterministic_keys(portfolio, perils)
    exposure = prepare_exposure(portfolio, keys, {}, PrepareOptions(do_disaggregation=do_disaggregation))
    if not len(exposure.items):
        source = portfolio.sources.get("location", portfolio.sources.get("account", "portfolio"))
        raise InvalidInput(
            Finding(source, "must insure a value somewhere: every TIV that a peril covers is 0 or blank")
        )
    losses = deterministic_losses(exposure.items.coverage_id, exposure.coverages, factors)
    return Deterministic(exposure, losses, tuple(float(factor) for factor in factors))


def exposure_losses(
    portfolio: Portfolio,
    factors: Sequence[float] = (1.0,),
    perils: Sequence[str] = (),
    options: EngineOptions | None = None,
    *,
    explain: bool = False,
    do_disaggregation: bool = True,
) -> ExposureLosses:
    """The losses when every coverage loses ``factor`` of its value, for each factor: ground-up, insured, net, ceded.

    perils   OED perils or groups; none: all that the locations cover. A coverage's loss is shared among its perils.
    options  allocation rules, and whether the reference's defects are kept
    explain  also the programme in words, and what every term took (``ExposureLosses.programme``, ``terms``)

    Without an account file there are only ground-up losses, without reinsurance files no net ones; the findings say
    so. InvalidInput for factors, perils, terms or contracts that cannot be used.
    """
    options = options or EngineOptions.model_validate({})
    given = deterministic(portfolio, factors, perils, do_disaggregation=do_disaggregation)
    if portfolio.account is None:
        found = _ground_up(given)
    else:
        compiled = compile_programme(
            portfolio, given.exposure.item_map, TermOptions(do_disaggregation=do_disaggregation)
        )
        found = _insured(portfolio, given, compiled, options)
        if explain:
            found = _explained(portfolio, given, compiled, found, options)
    return ExposureLosses(
        factors=given.factors,
        perils=tuple(sorted(given.exposure.item_map["peril_id"].unique().to_pylist())),
        outputs=found.outputs,
        contracts=found.contracts,
        terms=found.terms,
        programme=found.programme,
        currency=portfolio.reporting_currency,
        findings=tuple(dict.fromkeys([*portfolio.findings, *given.exposure.findings, *found.findings])),
        compatible=options.compatible,
    )


def _ground_up(given: Deterministic) -> _Found:
    """Losses of a portfolio without policies: its outputs are its items."""
    names = ["agg_id" if name == "item_id" else name for name in given.exposure.item_map.column_names]
    rows = _without_empty_keys(given.exposure.item_map.rename_columns(names))
    note = Finding(
        "portfolio",
        "has ground-up losses only: without an account file there is nothing insured",
        rule="files for losses",
        remedy="Give --account FILE",
        severity=Severity.NOTE,
    )
    return _Found(_by_factor(rows, given, {"loss_gul": given.losses.loss[:, SPECIAL:]}), findings=(note,))


def _insured(portfolio: Portfolio, given: Deterministic, compiled: CompiledTerms, options: EngineOptions) -> _Found:
    """Insured losses and, where there are contracts, those net of reinsurance."""
    insured = Insured(insured_execution(compiled.programme, given.exposure, options)).apply(given.losses)
    rows = _without_empty_keys(compiled.output_map)
    rows = rows.append_column(f.LAYER_NUMBER, _layer_numbers(portfolio, rows[f.ACC_IDX]))
    gross = _by_output(insured, rows.num_rows)
    losses = {"loss_gul": given.losses.loss[rows["agg_id"].to_numpy() - 1, SPECIAL:], "loss_il": gross}
    if portfolio.reinsurance_info is None:
        return _Found(_by_factor(rows, given, losses), findings=compiled.findings)
    reinsurance = compile_reinsurance(portfolio, compiled.output_map)
    executions = reinsured_executions(reinsurance.passes, rows.num_rows, options)
    reinsured = Reinsured(executions, compatible=options.compatible)
    after = reinsured.apply(insured)
    net = _by_output(after[-1].net, rows.num_rows) if after else gross
    return _Found(
        _by_factor(rows, given, {**losses, "loss_ri": net, "loss_rl": gross - net}),
        reinsurance=reinsurance,
        contracts=_contracts(portfolio, given, reinsurance.passes, reinsured.recoveries(insured, reinsurance.passes)),
        findings=(*compiled.findings, *reinsurance.findings),
    )


def _check_factors(factors: Sequence[float]) -> None:
    wrong = [factor for factor in factors if not (math.isfinite(factor) and factor >= 0)]
    if wrong or not len(factors):
        raise InvalidInput(
            Finding(
                "loss factor",
                "must be a number of at least 0: the part of every value that is lost",
                value=wrong[0] if wrong else None,
                rule="loss_factor",
                remedy="Give 1 for the whole value, 0.1 for a tenth of it",
            )
        )


def _explained(
    portfolio: Portfolio, given: Deterministic, compiled: CompiledTerms, found: _Found, options: EngineOptions
) -> _Found:
    """The same, with the programme in words and what every term took."""
    text = programme_text(compiled.programme, compiled.level_names, compiled.output_map, most=LISTED_NODES)
    if found.reinsurance is not None:
        text += "\n" + reinsurance_text(portfolio, found.reinsurance)
    terms = term_losses(given.exposure, compiled, given.losses, given.factors, options)
    return replace(found, terms=terms, programme=text)


def _contracts(
    portfolio: Portfolio, given: Deterministic, passes: Sequence[Contract], recoveries: Mapping[int, LossBlock]
) -> pa.Table:
    """What each contract pays, by loss factor, then in the order that contracts apply."""
    assert portfolio.reinsurance_info is not None
    kinds = portfolio.reinsurance_info["ReinsType"].to_pylist()
    rows = [
        {
            LOSS_FACTOR: factor,
            "InuringPriority": contract.inuring_priority,
            "RiskLevel": contract.risk_level,
            "ReinsNumber": number,
            "ReinsType": kinds[row],
            "recovery": float(recoveries[row].loss[:, SPECIAL + column].sum(dtype=np.float64)),
        }
        for column, factor in enumerate(given.factors)
        for contract in passes
        for row, number in contract.reinsurance_number.items()
    ]
    return pa.Table.from_pylist(rows, CONTRACT_SCHEMA)


def _by_output(block: LossBlock, count: int) -> np.ndarray:
    """Losses by output [output, factor]; 0 for outputs that have none."""
    losses = np.zeros((count, block.samples), np.float32)
    losses[block.row] = block.loss[:, SPECIAL:]
    return losses


def _by_factor(rows: pa.Table, given: Deterministic, losses: Mapping[str, np.ndarray]) -> pa.Table:
    """The rows once for each loss factor, with their losses."""
    factor = np.repeat(np.array(given.factors), rows.num_rows)
    table = pa.concat_tables([rows] * len(given.factors))
    for name, values in losses.items():
        table = table.append_column(name, pa.array(values.T.ravel()))
    return table.add_column(0, LOSS_FACTOR, pa.array(factor))


def _without_empty_keys(rows: pa.Table) -> pa.Table:
    """Without LocNumber and loc_idx where there are no locations."""
    none = [name for name in (f.LOCATION_NUMBER, f.LOC_IDX) if name in rows.column_names and _is_empty(rows[name])]
    return rows.drop_columns(none)


def _is_empty(column: pa.ChunkedArray) -> bool:
    return bool(column.null_count == len(column))


def _layer_numbers(portfolio: Portfolio, record: pa.ChunkedArray) -> pa.ChunkedArray:
    """The LayerNumber of each output: 1 where the file has none."""
    assert portfolio.account is not None
    if f.LAYER_NUMBER not in portfolio.account.column_names:
        return pa.chunked_array([pa.array(np.ones(len(record), np.int64))])
    number = pc.fill_null(portfolio.account[f.LAYER_NUMBER], 1).cast(pa.int64())
    return number.take(record)
