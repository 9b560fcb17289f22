"""The financial side of a run: which streams of losses follow the ground-up ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from oasis_kernel.engine.analysis import Analysis
from oasis_kernel.engine.chain import Chain, Step, Streams
from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.exposure import PreparedExposure
from oasis_kernel.model.settings import PERSPECTIVES
from oasis_kernel.model.terms import Contract
from oasis_kernel.prepare.executions import insured_execution, reinsured_executions
from oasis_kernel.prepare.reinsurance import compile_reinsurance
from oasis_kernel.prepare.terms import CompiledTerms, TermOptions, compile_programme
from oasis_kernel.steps.insured import Insured
from oasis_kernel.steps.reinsured import Reinsured


@dataclass(frozen=True)
class Financial:
    """The chain of steps after ground-up, the row map of every stream, and what was noticed."""

    chain: Chain
    maps: dict[str, pa.Table]
    findings: tuple[Finding, ...] = ()


def financial_chain(analysis: Analysis, exposure: PreparedExposure) -> Financial:
    """What the analysis asks for beyond ground-up; InvalidInput when the portfolio lacks the files for it."""
    asked = [name for name in PERSPECTIVES[1:] if analysis.settings.summaries(name)]
    if not asked:
        return Financial(Chain(), {"gul": exposure.item_map})
    _need_files(analysis, asked)
    terms = compile_programme(
        analysis.portfolio, exposure.item_map, TermOptions(do_disaggregation=analysis.settings.do_disaggregation)
    )
    rows = terms.output_map
    steps: list[Step] = [insured_step(analysis, exposure, terms)]
    # Ground-up summaries may group by account fields, which only the outputs' map knows.
    maps = {"gul": rows, "il": rows}
    findings = list(terms.findings)
    layers = rows.num_rows / max(exposure.item_map.num_rows, 1)  # rows of insured losses for each of ground-up
    blocks = 1 + layers
    if "ri" in asked or "rl" in asked:
        reinsurance = compile_reinsurance(analysis.portfolio, rows)
        findings += reinsurance.findings
        passes = reinsurance.passes
        steps.append(reinsured_step(analysis, passes, rows.num_rows))
        maps |= _reinsured_maps(analysis, passes, rows)
        # A pass holds what it is given and what it leaves; nets and cessions are kept until they are summarised.
        priorities = len({contract.inuring_priority for contract in passes})
        blocks += layers * (2 + priorities * (2 if "rl" in asked else 1))
    return Financial(Chain(tuple(steps), blocks), maps, tuple(findings))


def insured_step(analysis: Analysis, exposure: PreparedExposure, terms: CompiledTerms) -> "InsuredStep":
    """The step from ground-up to insured losses."""
    return InsuredStep(Insured(insured_execution(terms.programme, exposure, analysis.options)))


def reinsured_step(analysis: Analysis, passes: Sequence[Contract], outputs: int) -> "ReinsuredStep":
    """The step from insured losses to those after each inuring priority."""
    executions = reinsured_executions(passes, outputs, analysis.options)
    reinsured = Reinsured(executions, compatible=analysis.options.compatible)
    return ReinsuredStep(reinsured, cedes=bool(analysis.settings.summaries("rl")))


@dataclass(frozen=True)
class InsuredStep:
    """Adds ``il``."""

    insured: Insured

    def __call__(self, streams: Streams) -> Streams:
        """The insured losses of the ground-up ones."""
        return {"il": self.insured.apply(streams["gul"])}


@dataclass(frozen=True)
class ReinsuredStep:
    """Adds ``ri``, ``ri_IPk`` (net) of each inuring priority k and, if it ``cedes``, ``rl_IPk`` (ceded)."""

    reinsured: Reinsured
    cedes: bool

    def __call__(self, streams: Streams) -> Streams:
        """The losses after each inuring priority; ``ri`` is net of all of them."""
        found: Streams = {"ri": streams["il"]}
        for losses in self.reinsured.apply(streams["il"]):
            found[f"ri_IP{losses.inuring_priority}"] = found["ri"] = losses.net
            if self.cedes:
                found[f"rl_IP{losses.inuring_priority}"] = losses.ceded
        return found


def _reinsured_maps(analysis: Analysis, passes: Sequence[Contract], rows: pa.Table) -> dict[str, pa.Table]:
    """The streams that are written: the final net, the intermediate nets asked for, and every cession."""
    priorities = sorted({contract.inuring_priority for contract in passes})
    wanted = set(analysis.settings.ri_inuring_priorities)
    ceded = set(analysis.settings.rl_inuring_priorities) or set(priorities)
    unknown = sorted((wanted | ceded) - set(priorities))
    if unknown:
        there = ", ".join(map(str, priorities)) or "none"
        raise InvalidInput(
            Finding(
                analysis.settings_source,
                "names an inuring priority that no contract has",
                field="ri_inuring_priorities" if set(unknown) & wanted else "rl_inuring_priorities",
                value=unknown[0],
                remedy=f"The contracts' priorities are: {there}",
            )
        )
    nets = [f"ri_IP{priority}" for priority in priorities if priority in wanted]
    cessions = [f"rl_IP{priority}" for priority in priorities if priority in ceded]
    return dict.fromkeys(["ri", *nets, *cessions], rows)


def _need_files(analysis: Analysis, asked: Sequence[str]) -> None:
    """InvalidInput when an output is asked for that the portfolio's files cannot give."""
    portfolio = analysis.portfolio
    if portfolio.account is None:
        raise InvalidInput(_needs(analysis, asked[0], "an account file", "--account FILE"))
    ceding = [name for name in asked if name in ("ri", "rl")]
    if ceding and (portfolio.reinsurance_info is None or portfolio.reinsurance_scope is None):
        raise InvalidInput(_needs(analysis, ceding[0], "both reinsurance files", "--ri-info FILE and --ri-scope FILE"))


def _needs(analysis: Analysis, perspective: str, files: str, options: str) -> Finding:
    return Finding(
        analysis.settings_source,
        f"needs {files}",
        field=f"{perspective}_output",
        value=True,
        rule="files for the output",
        remedy=f"Give {options}, or set {perspective}_output to false",
    )
