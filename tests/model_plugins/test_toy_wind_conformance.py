"""The model keeps the contract that every vendor's model is held to."""

from pathlib import Path

import pyarrow as pa
import pytest

from model_plugins.toy_wind import demo_portfolio
from model_plugins.toy_wind.model import ToyWind
from oasis_kernel.formats.oed import read_portfolio
from oasis_kernel.plugins.conformance import ModelConformance


class TestToyWind(ModelConformance):
    """The inherited checks, on the demo portfolio."""

    data_dir: Path

    def model(self) -> ToyWind:
        return ToyWind(self.data_dir)

    def location(self) -> pa.Table:
        location = read_portfolio(location=demo_portfolio().location).location
        assert location is not None
        return location


@pytest.fixture(autouse=True, scope="module")
def _data_dir(tmp_path_factory: pytest.TempPathFactory) -> None:
    TestToyWind.data_dir = tmp_path_factory.mktemp("models")
