"""Plugins are found when asked for; one that breaks is named and hurts nobody."""

import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from small_model import SmallModel

from oasis_kernel.errors import Finding, InvalidInput, PluginError
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.inputs import Configuration, InputFiles
from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.plugins import GROUP, Panel, Plugins, discovery, hookimpl, load_plugins

Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs plugins for the test: modules of the given functions, by name."""
    found: list[EntryPoint] = []
    monkeypatch.setattr(discovery, "entry_points", lambda group: found if group == GROUP else [])

    def add(name: str, **hooks: Any) -> None:
        module = types.ModuleType(f"plugin_{name}")
        for hook, function in hooks.items():
            setattr(module, hook, hookimpl(function) if callable(function) else function)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        found.append(EntryPoint(name, module.__name__, GROUP))

    add.missing = lambda name: found.append(EntryPoint(name, f"no_such_module_{name}", GROUP))  # type: ignore[attr-defined]
    return add


def test_models_come_by_name(install: Install, tmp_path: Path) -> None:
    seen = []

    def register_models(data_dir: Path) -> list[SmallModel]:
        seen.append(data_dir)
        return [SmallModel(name="b"), SmallModel(name="a")]

    install("one", register_models=register_models)
    plugins = load_plugins(tmp_path)
    assert list(plugins.models()) == ["a", "b"]
    assert plugins.model("b").name == "b"
    assert plugins.broken == ()
    assert seen == [tmp_path]


def test_an_unknown_model_gets_a_hint(install: Install) -> None:
    install("one", register_models=lambda: [SmallModel(name="toy-wind")])
    install.missing("two")  # type: ignore[attr-defined]
    with pytest.raises(InvalidInput, match=r"model 'toywind' is not installed. Did you mean 'toy-wind'\? Installed: "
                                           r"toy-wind\. Failed to load: plugin two"):  # fmt: skip
        load_plugins().model("toywind")


def raising(data_dir: Path) -> Iterator[SmallModel]:
    yield SmallModel(name="first")
    raise ZeroDivisionError("no data")


@pytest.mark.parametrize(
    ("hooks", "message"),
    [
        ({"register_models": raising},
         "plugin bad (plugin_bad): register_models failed: ZeroDivisionError: no data, got 'DATA'"),
        ({"register_models": lambda data_dir: 1 / 0},
         "register_models failed: plugin bad (plugin_bad): register_models(data_dir='DATA') failed: ZeroDivisionError"),
        ({"register_models": lambda application: []}, "cannot be loaded: PluginValidationError"),
        ({"register_modles": lambda data_dir: []}, "cannot be loaded: PluginValidationError"),
        ({"register_models": lambda: [object()]}, "model 'object' is not a Model: it has no name, supplier"),
        ({"register_models": lambda: [SmallModel(name="Big Wind")]}, "must have a short lower-case name"),
        ({"register_models": lambda: [SmallModel(name="good")]},
         "model 'good' is already the name of a model of plugin a_good"),
        ({"register_models": lambda: [Finding("x.json", "is wrong")]}, "x.json: is wrong"),
    ],
)  # fmt: skip
def test_what_breaks_is_named_and_the_rest_works(
    install: Install, tmp_path: Path, hooks: dict[str, Any], message: str
) -> None:
    install("a_good", register_models=lambda: [SmallModel(name="good")])
    install("bad", **hooks)
    plugins = load_plugins(tmp_path)
    assert "good" in plugins.models()
    (finding,) = plugins.broken
    assert message.replace("DATA", str(tmp_path)) in str(finding)


def test_a_package_that_cannot_be_imported(install: Install) -> None:
    install.missing("gone")  # type: ignore[attr-defined]
    (finding,) = load_plugins().broken
    assert "plugin gone (no_such_module_gone): cannot be loaded: ModuleNotFoundError" in str(finding)


def test_exposure_is_adjusted_plugin_by_plugin(install: Install) -> None:
    def tagged(tag: str) -> Callable[[Portfolio], Portfolio]:
        return lambda portfolio: replace(portfolio, reporting_currency=(portfolio.reporting_currency or "") + tag)

    def first(portfolio: Portfolio) -> Portfolio:
        return tagged("1")(portfolio)

    def second(portfolio: Portfolio, settings: Any) -> Portfolio:
        return tagged(settings["tag"])(portfolio)

    def nothing(portfolio: Portfolio) -> None:
        return None

    install("b", adjust_exposure=second)
    install("a", adjust_exposure=first)
    install("c", adjust_exposure=nothing)
    portfolio = Portfolio(location=pa.table({"loc_id": [1]}))
    adjusted = load_plugins().adjust_exposure(portfolio, SmallModel(), {"tag": "2"})
    assert adjusted.reporting_currency == "12"


def test_an_adjustment_that_fails_stops_the_run_and_is_named(install: Install) -> None:
    install("a", adjust_exposure=lambda portfolio: portfolio.no_such_thing)
    with pytest.raises(PluginError, match=r"plugin a .*: adjust_exposure\(portfolio=Portfolio, model='small', "
                                          r"settings=dict\) failed: AttributeError"):  # fmt: skip
        load_plugins().adjust_exposure(Portfolio(None), SmallModel(), {})


def test_an_adjustment_must_return_a_portfolio(install: Install) -> None:
    install("a", adjust_exposure=lambda portfolio: 3)
    with pytest.raises(PluginError, match="adjust_exposure must return a Portfolio, got int"):
        load_plugins().adjust_exposure(Portfolio(None), SmallModel(), {})


def block(rows: int = 2) -> LossBlock:
    return LossBlock(
        np.array([1], "i4"), np.array([0, rows]), np.arange(rows, dtype="i4"), np.ones((rows, SPECIAL + 1))
    )


def test_losses_are_adjusted_in_place_of_themselves(install: Install) -> None:
    plugins = load_plugins()
    assert not plugins.adjusts_losses
    install("a", adjust_losses=lambda losses: replace(losses, loss=losses.loss * 2))
    plugins = load_plugins()
    assert plugins.adjusts_losses
    assert plugins.adjust_losses(block(), None, SmallModel()).loss.sum() == 4 * (SPECIAL + 1)  # type: ignore[arg-type]


def test_losses_must_keep_their_rows(install: Install) -> None:
    install("a", adjust_losses=lambda losses: block(3))
    with pytest.raises(PluginError, match="must keep events, rows and samples"):
        load_plugins().adjust_losses(block(), None, SmallModel())  # type: ignore[arg-type]


def test_configurations_are_opened_by_whoever_knows_them(install: Install) -> None:
    configuration = Configuration(SmallModel(), InputFiles(model="small"))
    install("a", open_configuration=lambda path: configuration if path.suffix == ".json" else None)
    plugins = load_plugins()
    assert plugins.open_configuration(Path("x.json")) is configuration
    with pytest.raises(InvalidInput, match=r"x\.toml: is not a configuration that any plugin knows"):
        plugins.open_configuration(Path("x.toml"))


def test_demonstrations(install: Install) -> None:
    class Shown(SmallModel):
        def demonstration(self) -> InputFiles:
            return InputFiles(model=self.name, location="loc.csv")

    install("a", register_models=lambda: [Shown(name="shown"), SmallModel(name="plain")])
    plugins = load_plugins()
    assert plugins.demonstration("shown").location == "loc.csv"
    with pytest.raises(InvalidInput, match="model plain: has no demonstration"):
        plugins.demonstration("plain")


def test_panels(install: Install) -> None:
    panel = Panel("map", "Map", lambda tables: len(tables))
    install("a", register_panels=lambda: [panel])
    install("b")
    assert load_plugins().panels() == [panel]


def test_models_outside_packages_lie_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OASIS_MODEL_DATA", str(tmp_path))
    assert discovery.model_data_directory() == tmp_path
    monkeypatch.delenv("OASIS_MODEL_DATA")
    assert discovery.model_data_directory().parts[-2:] == ("oasis-workbench", "models")


def test_our_own_plugins_load() -> None:
    plugins = load_plugins()
    assert isinstance(plugins, Plugins)
    assert not [finding for finding in plugins.broken if "oasis_standard" in str(finding)]
