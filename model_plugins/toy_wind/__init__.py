"""``toy-wind``: hurricane wind over an outline of south Florida, generated from a seed, with a demo portfolio.

The model's page in the documentation says what it is made of and what it leaves out.
"""

from collections.abc import Iterable
from pathlib import Path

from model_plugins.toy_wind.portfolio import PortfolioFiles, demo_portfolio, demo_settings
from oasis_kernel.model.vendor import Model
from oasis_kernel.plugins import hookimpl

__all__ = ["PortfolioFiles", "demo_portfolio", "demo_settings", "register_models"]


@hookimpl
def register_models(data_dir: Path) -> Iterable[Model]:
    """The model, which makes its data under ``data_dir`` when it is first opened."""
    from model_plugins.toy_wind.model import ToyWind  # so that finding plugins does not read the model's code

    return [ToyWind(data_dir)]
