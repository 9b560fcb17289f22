"""The Python API: the same calls as the command line's verbs, with objects instead of files."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oasis_kernel.dispatch import Executor
from oasis_kernel.engine.again import Change, analysis_again
from oasis_kernel.engine.analysis import Analysis, Origin, Resources
from oasis_kernel.engine.check import check_whole
from oasis_kernel.engine.estimate import estimate as expect
from oasis_kernel.engine.execute import RECORD, execute
from oasis_kernel.engine.inputs import engine_options, given_settings
from oasis_kernel.engine.progress import Progress, Report
from oasis_kernel.engine.standard import standard_settings
from oasis_kernel.engine.what_if import require_kept, what_if
from oasis_kernel.errors import Finding, OasisError
from oasis_kernel.formats.oed_file import Source
from oasis_kernel.model.engine import EngineOptions
from oasis_kernel.model.estimate import Estimate
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.settings import AnalysisSettings
from oasis_kernel.model.vendor import Model
from oasis_kernel.plugins import load_plugins
from oasis_kernel.questions.exposure import exposure_losses
from oasis_kernel.questions.exposure_losses import ExposureLosses
from oasis_kernel.questions.result import Run
from oasis_kernel.store.runs import RunCatalogue

if TYPE_CHECKING:
    from oasis_kernel.client.workbench import Workbench

Settings = AnalysisSettings | Mapping[str, Any] | str | Path | None


class LocalRun(Run):
    """A finished run on this machine: its results, and what they would be with other terms."""

    def __init__(self, folder: Path, model: Model | None = None, resources: Resources | None = None):
        super().__init__(folder)
        self._model = model
        self._resources = resources or Resources.of_this_machine()

    def what_if(
        self,
        *,
        account: Source | None = None,
        ri_info: Source | None = None,
        ri_scope: Source | None = None,
        location: Source | None = None,
        settings: Settings = None,
        without_account: str | None = None,
        out: str | Path | None = None,
        progress: Report | None = None,
    ) -> "LocalRun":
        """The run again with other terms, reinsurance or summaries, on the ground-up losses it kept.

        What is not given stays as it was. ``location`` may change terms only, not values or places.
        ``without_account`` (AccNumber or PortNumber/AccNumber) leaves an account out: the difference is what it adds.
        The tables are those of a full run, byte for byte. OasisError when the run kept nothing (``keep_ground_up``)
        or the change needs other ground-up losses; InvalidInput when an input cannot be used.
        """
        require_kept(self.record)
        given = {"location": location, "account": account, "ri_info": ri_info, "ri_scope": ri_scope}
        tables = {name: source for name, source in given.items() if source is not None}
        chosen, source = (None, "settings") if settings is None else given_settings(settings)
        change = Change(tables, chosen, source, without_account)
        analysis = analysis_again(self.record, change, load_plugins(), self._model)
        folder = Path(out) if out else _new_folder(self._resources)
        what_if(self.record, analysis, folder, self._resources, progress or _silent)
        return LocalRun(folder, self._model, self._resources)


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
    keep_ground_up: bool = False,
    executor: Executor | None = None,
    progress: Report | None = None,
) -> LocalRun:
    """Run a model on a portfolio; the result's tables are in the folder ``out`` (a new one by default).

    ``settings`` is analysis_settings.json as a path, a mapping or an object; without it, the standard tables.
    ``samples`` overrides its number. ``options`` are engine options under the reference toolkit's names.
    ``keep_ground_up`` keeps the sampled losses, so that ``what_if`` and later runs need not sample them again.
    ``executor`` computes the chunks: threads of this process by default, or a ``dispatch.ray.RayExecutor``.
    InvalidInput, with every finding, when the inputs cannot be used.
    """
    analysis = _analysis(model, portfolio, settings, samples, options)
    used = resources or Resources.of_this_machine()
    used = replace(used, keep_ground_up=used.keep_ground_up or keep_ground_up)
    folder = Path(out) if out else _new_folder(used)
    execute(analysis, folder, used, progress or _silent, executor=executor)
    return LocalRun(folder, analysis.model, used)


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


def estimate(
    model: str | Model,
    portfolio: Portfolio,
    *,
    settings: Settings = None,
    samples: int | None = None,
    options: EngineOptions | Mapping[str, Any] | None = None,
    resources: Resources | None = None,
) -> Estimate:
    """What a run of these inputs would take on this machine: seconds, memory, size of the results, each with a band.

    A few events are computed to learn it, in about a second; nothing is kept.
    """
    analysis = _analysis(model, portfolio, settings, samples, options)
    return expect(analysis, resources or Resources.of_this_machine())


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


def connect(url: str | None = None, token: str | None = None) -> "Workbench":
    """The workbench that a service is: the calls of this module, answered there, with the same results.

    ``url`` is https, or http on this machine; without one it is ``OASIS_HOST``, which a server that a hub started has,
    else the service of this machine. Without ``token`` it is ``OASIS_TOKEN``, the hub's in a server that a
    hub started, the one that ``oasis login`` stored, or on this machine itself its local token.
    """
    try:
        from oasis_kernel.client.workbench import connect as connected
    except ModuleNotFoundError as error:
        raise OasisError("a service is asked with httpx: pip install 'oasis-workbench[client]'") from error
    return connected(url, token)


def open_run(name: str | Path, resources: Resources | None = None) -> LocalRun:
    """A finished run: by its folder, its id (or the start of one), or ``"last"``.

    ``resources`` say where runs and their kept losses lie, and what of the machine ``what_if`` may use.
    """
    used = resources or Resources.of_this_machine()
    given = Path(name)  # a folder of results may have moved since
    folder = given if (given / RECORD).is_file() else Path(RunCatalogue(used.store / "runs").find(str(name)).folder)
    return LocalRun(folder, resources=used)


def _analysis(
    model: str | Model,
    portfolio: Portfolio,
    settings: Settings,
    samples: int | None,
    options: EngineOptions | Mapping[str, Any] | None,
) -> Analysis:
    plugins = load_plugins()
    chosen, source = (standard_settings(portfolio), "settings") if settings is None else given_settings(settings)
    if samples is not None:
        chosen = chosen.model_copy(update={"number_of_samples": samples})
    found = plugins.model(model) if isinstance(model, str) else model
    merged = options if isinstance(options, EngineOptions) else {**chosen.computation_settings, **(options or {})}
    origin = Origin(standard_tables=settings is None)
    return Analysis(found, portfolio, chosen, engine_options(merged), source, plugins, origin)


def _new_folder(resources: Resources) -> Path:
    results = resources.store / "results"
    results.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="run-", dir=results))


def _silent(progress: Progress) -> None:
    """Show nothing."""
