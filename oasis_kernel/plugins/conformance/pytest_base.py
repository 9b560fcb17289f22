"""The suite as a pytest class that a vendor's test derives from."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from oasis_kernel.model.vendor import Model, ModelChoice
from oasis_kernel.plugins.conformance.subject import Subject
from oasis_kernel.plugins.conformance.suite import CHECKS, Check, checked

#: Subjects by test class, so that a class's tests share one lookup and one opened model.
_SUBJECTS: dict[type[Any], Subject] = {}


class ModelConformance:
    """Derive ``class TestMyModel(ModelConformance)`` and give ``model`` and ``location``; each check is a test.

    >>> class TestToyWind(ModelConformance):
    ...     def model(self): return ToyWind(data_dir)
    ...     def location(self): return ok.read_portfolio(location="demo/location.csv").location
    """

    def model(self) -> Model:
        """The model under test."""
        raise TypeError(f"{type(self).__name__} must define model()")

    def location(self) -> pa.Table:
        """Locations where the model has something to say, as ``oasis_kernel.read_portfolio`` reads them."""
        raise TypeError(f"{type(self).__name__} must define location()")

    def choice(self) -> ModelChoice:
        """The variant of the model's data to look at."""
        return ModelChoice()

    def subject(self) -> Subject:
        """The model with its locations, made once for the class."""
        kind = type(self)
        if kind not in _SUBJECTS:
            _SUBJECTS[kind] = Subject(self.model(), self.location(), self.choice())
        return _SUBJECTS[kind]


def _test(check: Check) -> Callable[[ModelConformance], None]:
    def test(self: ModelConformance) -> None:
        result = checked(check, self.subject())
        assert result.passed, f"{result.demand} {result.reason}"

    test.__name__ = f"test_{check.__name__}"
    test.__doc__ = check.__doc__
    return test


for _check in CHECKS:
    setattr(ModelConformance, f"test_{_check.__name__}", _test(_check))
