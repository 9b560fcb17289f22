"""The Python API: the same calls as the command line's verbs, with objects instead of files."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oasis_kernel.errors import Finding
from oasis_kernel.model.engine import EngineOptions
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.settings import AnalysisSettings, parse_settings
from oasis_kernel.model.vendor import Model
from oasis_kernel.plugins import Plugins, load_plugins
from oasis_kernel.questions.exposure import exposure_losses
from oasis_kernel.questions.exposure_losses import ExposureLosses
from oasis_kernel.questions.result import Run
from oasis_kernel.run.analysis import Analysis, Resources
from oasis_kernel.run.check import check_whole
from oasis_kernel.run.execute import execute
from oasis_kernel.run.inputs import engine_options, read_settings
from oasis_kernel.run.progress import Progress, Report
from oasis_kernel.run.standard import standard_settings
from oasis_kernel.store.runs import RunCatalogue

Settings = AnalysisSettings | Mapping[str, Any] | str | Path | None


def models() -> dict[str, Model]:
    """The installed models by name."""
    return load_plugins().models()


def run(
    model: str | Model,
    portfolio: Portfolio,
    *,
    settings: Settings = None,
    samples: int | None = None,
    options: EngineOptions | Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    resources: Resources | None = None,
    progress: Report | None = None,
) -> Run:
    """Run a model on a portfolio; the result's tables are in the folder ``out`` (a new one by default).

    ``settings`` is analysis_settings.json as a path, a mapping or an object; without it, the standard tables.
    ``samples`` overrides its number. ``options`` are engine options under the reference toolkit's names.
    InvalidInput, with every finding, when the inputs cannot be used.
    """
    analysis = _analysis(model, portfolio, settings, samples, options)
    used = resources or Resources.of_this_machine()
    folder = Path(out) if out else _new_folder(used)
    execute(analysis, folder, used, progress or _silent)
    return Run(folder)


def check(
    model: str | Model,
    portfolio: Portfolio,
    *,
    settings: Settings = None,
    samples: int | None = None,
    options: EngineOptions | Mapping[str, Any] | None = None,
) -> list[Finding]:
    """Everything that is wrong, or worth knowing, before a run of these inputs."""
    return list(check_whole(_analysis(model, portfolio, settings, samples, options)).findings)


def exposure(
    portfolio: Portfolio,
    loss_factors: Sequence[float] = (1.0,),
    perils: Sequence[str] = (),
    *,
    explain: bool = False,
    options: EngineOptions | Mapping[str, Any] | None = None,
) -> ExposureLosses:
    """What the portfolio pays when every coverage loses a given part of its value: the everyday check of terms.

    ``perils`` are OED perils or groups (default: all that are covered). ``explain`` adds the programme in words and
    what each term took. InvalidInput for terms, contracts, factors or perils that cannot be used.
    """
    return exposure_losses(portfolio, loss_factors, perils, engine_options(options), explain=explain)


def open_run(name: str | Path) -> Run:
    """A finished run: by its folder, its id (or the start of one), or ``"last"``."""
    catalogue = RunCatalogue(Resources.of_this_machine().store / "runs")
    return Run(Path(catalogue.find(str(name)).folder))


def _analysis(
    model: str | Model,
    portfolio: Portfolio,
    settings: Settings,
    samples: int | None,
    options: EngineOptions | Mapping[str, Any] | None,
) -> Analysis:
    plugins = load_plugins()
    chosen, source = _settings(settings, portfolio, plugins)
    if samples is not None:
        chosen = chosen.model_copy(update={"number_of_samples": samples})
    found = plugins.model(model) if isinstance(model, str) else model
    merged = options if isinstance(options, EngineOptions) else {**chosen.computation_settings, **(options or {})}
    return Analysis(found, portfolio, chosen, engine_options(merged), source, plugins)


def _settings(settings: Settings, portfolio: Portfolio, plugins: Plugins) -> tuple[AnalysisSettings, str]:
    if settings is None:
        return standard_settings(portfolio), "settings"
    if isinstance(settings, AnalysisSettings):
        return settings, "settings"
    if isinstance(settings, Mapping):
        return parse_settings(json.dumps(settings), "settings"), "settings"
    path = Path(settings)
    return read_settings(path), path.name


def _new_folder(resources: Resources) -> Path:
    results = resources.store / "results"
    results.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="run-", dir=results))


def _silent(progress: Progress) -> None:
    """Show nothing."""
