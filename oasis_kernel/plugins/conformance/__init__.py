"""The tests a vendor inherits: what the engine relies on a model for, checked on a demonstration exposure."""

from oasis_kernel.plugins.conformance.package import ConformanceReport, run_conformance
from oasis_kernel.plugins.conformance.pytest_base import ModelConformance
from oasis_kernel.plugins.conformance.suite import CHECKS, conformance
from oasis_kernel.plugins.conformance.verdict import CheckResult

__all__ = ["CHECKS", "CheckResult", "ConformanceReport", "ModelConformance", "conformance", "run_conformance"]
