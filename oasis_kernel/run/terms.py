"""The financial side of a run: which streams of losses follow the ground-up ones."""

import pyarrow as pa

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.model.exposure import PreparedExposure
from oasis_kernel.model.settings import PERSPECTIVES
from oasis_kernel.run.analysis import Analysis
from oasis_kernel.run.chain import Chain


def financial_chain(analysis: Analysis, exposure: PreparedExposure) -> tuple[Chain, dict[str, pa.Table], list[Finding]]:
    """The chain of steps after ground-up, the row map of each stream it adds, and what was noticed."""
    asked = [name for name in PERSPECTIVES[1:] if analysis.settings.summaries(name)]
    if asked:
        remedy = f"Set {asked[0]}_output to false"
        raise InvalidInput(
            Finding(analysis.settings_source, "is not computed yet", field=f"{asked[0]}_output", remedy=remedy)
        )
    return Chain(), {}, []
