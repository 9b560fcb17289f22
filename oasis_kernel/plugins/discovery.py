"""Find the installed plugins; name the ones that fail; go on with the rest."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import platformdirs
import pluggy

from oasis_kernel.errors import Finding, InvalidInput, OasisError, PluginError
from oasis_kernel.model.exposure import Items, Portfolio
from oasis_kernel.model.inputs import Configuration, DemonstratedModel, InputFiles
from oasis_kernel.model.losses import LossBlock
from oasis_kernel.model.vendor import Model
from oasis_kernel.plugins import hookspecs
from oasis_kernel.plugins.catalogue import find_model
from oasis_kernel.plugins.hookspecs import GROUP, PROJECT, Panel

MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


def model_data_directory() -> Path:
    """The folder of models that are not part of a package: ``OASIS_MODEL_DATA``, or one per user."""
    configured = os.environ.get("OASIS_MODEL_DATA")
    return Path(configured) if configured else platformdirs.user_data_path("oasis-workbench") / "models"


def load_plugins(data_dir: Path | None = None) -> "Plugins":
    """The installed plugins and their models, read from the entry points now; never raises for a plugin's fault.

    ``data_dir`` is what plugins find model data under; default ``model_data_directory()``.
    """
    plugins = Plugins()
    for entry_point in sorted(entry_points(group=GROUP), key=lambda found: found.name):
        plugins.add(entry_point, data_dir or model_data_directory())
    return plugins


@dataclass(frozen=True)
class _Plugin:
    """One plugin behind a manager of its own, so that no other can be hurt by it."""

    title: str
    manager: pluggy.PluginManager

    @classmethod
    def of(cls, entry_point: EntryPoint) -> "_Plugin":
        """The plugin loaded and its hooks checked against the contract."""
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(hookspecs)
        manager.register(entry_point.load(), entry_point.name)
        manager.check_pending()
        return cls(_title(entry_point), manager)

    def has(self, hook: str) -> bool:
        """Whether the plugin implements a hook."""
        return bool(getattr(self.manager.hook, hook).get_hookimpls())

    def call(self, hook: str, **arguments: Any) -> Any:
        """What the plugin's hook returns, None without one; PluginError when it fails.

        InvalidInput passes: the input is at fault, not the plugin.
        """
        try:
            results = getattr(self.manager.hook, hook)(**arguments)
        except InvalidInput:
            raise
        except Exception as error:  # a plugin may raise anything, and must be named
            raise PluginError(f"{self.title}: {hook}({_shown(arguments)}) failed: {_said(error)}") from error
        return results[0] if results else None


class Plugins:
    """The plugins of this process. ``broken`` says what failed to load, one finding each; the rest works."""

    def __init__(self) -> None:
        self._plugins: list[_Plugin] = []
        self._models: dict[str, Model] = {}
        self._supplier: dict[str, str] = {}
        self.broken: tuple[Finding, ...] = ()

    def add(self, entry_point: EntryPoint, data_dir: Path) -> None:
        """Load one plugin and take its models, or remember why not."""
        title = _title(entry_point)
        try:
            plugin = _Plugin.of(entry_point)
        except Exception as error:  # importing a plugin runs its code
            self._broke(Finding(title, f"cannot be loaded: {_said(error)}", remedy="Repair or uninstall the package"))
            return
        self._plugins.append(plugin)
        try:
            for offered in plugin.call("register_models", data_dir=data_dir) or ():
                self._take(offered, title)
        except Exception as error:  # a generator runs the plugin's code here
            self._broke(
                Finding(
                    title,
                    f"failed: {_said(error)}",
                    field="register_models",
                    value=str(data_dir),
                    remedy="Its other models are missing; repair the package or the model data",
                )
            )

    def models(self) -> dict[str, Model]:
        """The models by name, sorted."""
        return dict(sorted(self._models.items()))

    def model(self, name: str) -> Model:
        """The model of this name; InvalidInput says which there are, and the nearest."""
        return find_model(name, self._models, self.broken)

    def demonstration(self, name: str) -> InputFiles:
        """The files of a model's own demonstration; InvalidInput when it has none."""
        model = self.model(name)
        files = model.demonstration() if isinstance(model, DemonstratedModel) else InputFiles()
        if files.location is None and files.account is None:
            raise InvalidInput(Finding(f"model {name}", "has no demonstration", remedy="Give --location FILE"))
        return files

    def open_configuration(self, path: Path) -> Configuration:
        """What a configuration file of another toolkit describes; InvalidInput when no plugin knows it."""
        for plugin in self._plugins:
            found = plugin.call("open_configuration", path=Path(path))
            if found is not None:
                return _checked(found, Configuration, plugin, "open_configuration")
        raise InvalidInput(
            Finding(
                str(path),
                "is not a configuration that any plugin knows",
                remedy="Give the reference toolkit's JSON file",
            )
        )

    def adjust_exposure(self, portfolio: Portfolio, model: Model, settings: Mapping[str, Any]) -> Portfolio:
        """The portfolio after every plugin's adjustment, plugin by plugin. PluginError when one fails."""
        for plugin in self._plugins:
            found = plugin.call("adjust_exposure", portfolio=portfolio, model=model, settings=settings)
            if found is not None:
                portfolio = _checked(found, Portfolio, plugin, "adjust_exposure")
        return portfolio

    @property
    def adjusts_losses(self) -> bool:
        """Whether any plugin adjusts losses."""
        return any(plugin.has("adjust_losses") for plugin in self._plugins)

    def adjust_losses(self, losses: LossBlock, items: Items, model: Model) -> LossBlock:
        """The ground-up losses after every plugin's adjustment. PluginError when one fails or changes their shape."""
        for plugin in self._plugins:
            found = plugin.call("adjust_losses", losses=losses, items=items, model=model)
            if found is None:
                continue
            adjusted = _checked(found, LossBlock, plugin, "adjust_losses")
            if adjusted.loss.shape != losses.loss.shape or (adjusted.row != losses.row).any():
                raise PluginError(
                    f"{plugin.title}: adjust_losses must keep events, rows and samples, got "
                    f"{adjusted.loss.shape} for {losses.loss.shape}"
                )
            losses = adjusted
        return losses

    def panels(self) -> list[Panel]:
        """The panels of all plugins. PluginError when one fails."""
        return [panel for plugin in self._plugins for panel in plugin.call("register_panels") or ()]

    def _take(self, offered: Any, title: str) -> None:
        """Add one model, or remember why not."""
        if isinstance(offered, Finding):
            self._broke(offered)
            return
        problem, remedy = problem_of(offered)
        name = getattr(offered, "name", type(offered).__name__)
        if not problem and name in self._models:
            problem = f"is already the name of a model of {self._supplier[name]}"
            remedy = "Rename one of the two; the first is kept"
        if problem:
            self._broke(Finding(title, problem, field=f"model {name!r}", remedy=remedy))
            return
        self._models[name], self._supplier[name] = offered, title

    def _broke(self, finding: Finding) -> None:
        self.broken = (*self.broken, finding)


def problem_of(model: Any) -> tuple[str, str]:
    """What keeps an object from being a model, and the remedy; empty texts when nothing does."""
    wanted = ("name", "supplier", "version", "settings", "lookup", "open", "fingerprint")
    missing = [name for name in wanted if not hasattr(model, name)]
    if missing:
        return f"is not a Model: it has no {', '.join(missing)}", "See oasis_kernel.model.vendor.Model"
    if not isinstance(model.name, str) or not MODEL_NAME.fullmatch(model.name):
        return "must have a short lower-case name without blanks", "For example 'toy-wind'"
    return "", ""


def _checked(value: Any, kind: type[Any], plugin: _Plugin, hook: str) -> Any:
    """``value``, which must be of a kind; PluginError otherwise."""
    if not isinstance(value, kind):
        raise PluginError(f"{plugin.title}: {hook} must return a {kind.__name__}, got {type(value).__name__}")
    return value


def _title(entry_point: EntryPoint) -> str:
    return f"plugin {entry_point.name} ({entry_point.value})"


def _said(error: BaseException) -> str:
    """An error's own words, after its kind unless it is one of ours."""
    return str(error) if isinstance(error, OasisError) else f"{type(error).__name__}: {error}"


def _shown(arguments: Mapping[str, Any]) -> str:
    """Arguments short enough for a message."""
    return ", ".join(f"{name}={_short(value)}" for name, value in arguments.items())


def _short(value: Any) -> str:
    """A path or a name in full, data by its kind."""
    if isinstance(value, str | Path):
        return repr(str(value))
    return repr(value.name) if isinstance(getattr(value, "name", None), str) else type(value).__name__
