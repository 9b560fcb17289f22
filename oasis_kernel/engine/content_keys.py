"""What losses depend on, as hashes: of all of it, of what ground-up losses take of it, and of all but the accounts."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from oasis_kernel import __version__
from oasis_kernel.engine.analysis import Analysis
from oasis_kernel.engine.asking import asked
from oasis_kernel.engine.outputs import Output
from oasis_kernel.formats.arrow_bytes import table_bytes
from oasis_kernel.model.exposure import Items, PreparedExposure
from oasis_kernel.model.options import GroundUpOptions
from oasis_kernel.model.settings import PERSPECTIVES
from oasis_kernel.store.parts import content_hash


def ground_up_key(analysis: Analysis, exposure: PreparedExposure, options: GroundUpOptions) -> str:
    """The hash of all that ground-up losses depend on, but for the events: nothing of terms, summaries or tables."""
    arrays = [getattr(exposure.items, field.name) for field in fields(Items) if field.name != "section_id"]
    coverages = exposure.coverages
    return content_hash([*_model(analysis, exposure, options), *arrays, coverages.tiv, coverages.coverage_type])


def content_key(analysis: Analysis, outputs: Sequence[Output], ground_up: str) -> str:
    """The hash of all that a part depends on, but for the events in it; ``ground_up``: the key of those losses."""
    values: list[Any] = [ground_up, *_chain(analysis)]
    for output in outputs:
        values.extend([output.name, output.summary_set.summary_of, output.summary_set.risk_of])
    if has_terms(analysis):  # terms are in all tables, those of locations too
        portfolio = analysis.portfolio
        tables = (portfolio.account, portfolio.location, portfolio.reinsurance_info, portfolio.reinsurance_scope)
        values.extend(b"" if table is None else table_bytes(table) for table in tables)
    return content_hash(values)


def frame_key(
    analysis: Analysis, exposure: PreparedExposure, outputs: Sequence[Output], options: GroundUpOptions
) -> str:
    """The hash of what every event's losses depend on beside the accounts that it touches."""
    portfolio = analysis.portfolio
    values = ["frame", *_model(analysis, exposure, options), *_chain(analysis)]
    for output in outputs:
        values.extend([output.name, *output.request.oed_fields])
    if has_terms(analysis):
        tables = (portfolio.reinsurance_info, portfolio.reinsurance_scope)
        values.extend(b"" if table is None else table_bytes(table) for table in tables)
    return content_hash(values)


def has_terms(analysis: Analysis) -> bool:
    """Whether losses are asked for that terms are applied to."""
    return any(analysis.settings.summaries(name) for name in PERSPECTIVES[1:])


def _model(analysis: Analysis, exposure: PreparedExposure, options: GroundUpOptions) -> list[Any]:
    """The engine, the model, and how losses are drawn from it."""
    fingerprint = asked(analysis.model.name, analysis.model).fingerprint()
    choice = analysis.settings.model_choice(dynamic_footprint=analysis.options.dynamic_footprint)
    # A set has another order in every process, and the key must not.
    chosen = [sorted(value) if isinstance(value, frozenset) else value for value in vars(choice).values()]
    values = [__version__, fingerprint, repr(options), repr(chosen), *exposure.items.section_id]
    return [*values, *_replacements(analysis)]


def _chain(analysis: Analysis) -> list[str]:
    return [repr(analysis.options), repr(analysis.settings.do_disaggregation)]


def _replacements(analysis: Analysis) -> list[bytes]:
    """What the file of replaced vulnerability functions holds: it may change while its name stays."""
    adjustments = analysis.settings.vulnerability_adjustments
    file = Path(adjustments.replace_file) if adjustments.replace_file and not adjustments.replace_data else None
    return [file.read_bytes()] if file is not None and file.is_file() else []  # its reader says what is wrong with it
