"""Financial terms: OED's fields to a programme over items."""

from oasis_kernel.prepare.terms.compiler import CompiledTerms, compile_programme
from oasis_kernel.prepare.terms.options import TermOptions, read_aggregation

__all__ = ["CompiledTerms", "TermOptions", "compile_programme", "read_aggregation"]
