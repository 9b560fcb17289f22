"""``ok.connect(url)``: the calls of the local workbench, answered by a service."""

import os
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from oasis_kernel.client.files import cache_folder
from oasis_kernel.client.models import RemoteModel, Tokens
from oasis_kernel.client.portfolios import PortfolioFiles, RemotePortfolio, Source, files_of, source_files
from oasis_kernel.client.problems import ServiceProblem, findings_of
from oasis_kernel.client.run import RemoteRun
from oasis_kernel.client.sending import Sent, find_sent, send_files, send_portfolio
from oasis_kernel.client.service import Patience, Service
from oasis_kernel.engine.inputs import engine_options, given_settings
from oasis_kernel.engine.progress import Report
from oasis_kernel.errors import Finding, OasisError
from oasis_kernel.model.engine import EngineOptions
from oasis_kernel.model.estimate import Estimate
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.settings import AnalysisSettings

if TYPE_CHECKING:
    from oasis_kernel.questions.exposure_losses import ExposureLosses

Settings: TypeAlias = AnalysisSettings | Mapping[str, Any] | str | Path | None
Options: TypeAlias = EngineOptions | Mapping[str, Any] | None
#: A portfolio in memory, files, one that the service has, or the id of such a one.
AnyPortfolio: TypeAlias = Portfolio | PortfolioFiles | RemotePortfolio | str
HOST_VARIABLE = "OASIS_HOST"
HERE = "http://127.0.0.1:8765"  # where `oasis serve` listens unless told otherwise
ID_LENGTH = 26
SHORTEST = 6  # the start or end of an id that may stand for it
NOT_FOUND = 404


class Workbench:
    """A workbench that runs elsewhere: the calls of ``oasis_kernel``, answered by a service."""

    def __init__(self, service: Service, cache: Path | None = None):
        """``cache`` is where result files are kept; default: this user's cache."""
        self.service = service
        self.cache = cache or cache_folder(service.address)
        self.tokens = Tokens(service)
        self._sent: dict[tuple[str, ...], RemotePortfolio] = {}

    def __repr__(self) -> str:
        return f"<Workbench {self.service.address}>"

    def __enter__(self) -> "Workbench":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.service.close()

    def about(self) -> dict[str, Any]:
        """The service's version, and who asks: name, role and groups."""
        return dict(self.service.get("/v1"))

    def models(self) -> dict[str, RemoteModel]:
        """The service's models by name."""
        return {view["name"]: RemoteModel.of(self.service, view) for view in self.service.items("/models")}

    def broken_plugins(self) -> list[Finding]:
        """The plugins that the service could not load, with why."""
        return findings_of(self.service.get("/models", limit=1).get("broken") or [])

    def cluster(self) -> dict[str, Any]:
        """The service's workers, queue and load."""
        return dict(self.service.get("/cluster"))

    def check(
        self,
        model: str,
        portfolio: AnyPortfolio,
        *,
        settings: Settings = None,
        samples: int | None = None,
        options: Options = None,
    ) -> list[Finding]:
        """Everything that is wrong, or worth knowing, before a run of these inputs."""
        return findings_of(self.check_report(self.asked(model, portfolio, settings, samples, options))["findings"])

    def check_report(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """``passed``, ``findings`` and ``locations`` (insured value by what became of it) of what ``asked`` gave."""
        return dict(self.service.post("/analyses/check", dict(body)))

    def estimate(
        self,
        model: str,
        portfolio: AnyPortfolio,
        *,
        settings: Settings = None,
        samples: int | None = None,
        options: Options = None,
        resources: Mapping[str, Any] | None = None,
        chunks: int | None = None,
    ) -> Estimate:
        """What a run of these inputs would take there: seconds, memory, size of the results, each with a band."""
        body = self.asked(model, portfolio, settings, samples, options, resources=resources, chunks=chunks)
        return Estimate.of(self.service.post("/analyses/estimate", body))

    def run(
        self,
        model: str,
        portfolio: AnyPortfolio,
        *,
        settings: Settings = None,
        samples: int | None = None,
        options: Options = None,
        out: str | Path | None = None,
        progress: Report | None = None,
        wait: bool = True,
        **more: Any,
    ) -> RemoteRun:
        """A run of a model on a portfolio, completed; with ``wait=False`` as soon as it is queued.

        The arguments are those of the local ``run``; ``more`` are ``keep_ground_up``, ``chunks``, ``resources``
        (workers, memory_bytes, deadline_seconds), ``name``, ``tags``, ``priority``, ``groups``, ``callback``,
        ``executor``. Its files are also put into the folder ``out`` when there is one. InvalidInput, with every
        finding, when the inputs cannot be used. Whoever waits may be stopped: the run goes on.
        """
        body = self.asked(model, portfolio, settings, samples, options, **more)
        run = RemoteRun(self, self.service.post("/analyses", body))
        return run.finished(out, progress) if wait else run

    def submit(self, model: str, portfolio: AnyPortfolio, **asked: Any) -> RemoteRun:
        """A run that is queued, and not waited for; arguments as of ``run``."""
        return self.run(model, portfolio, **{**asked, "wait": False})

    def asked(
        self,
        model: str,
        portfolio: AnyPortfolio,
        settings: Settings = None,
        samples: int | None = None,
        options: Options = None,
        **more: Any,
    ) -> dict[str, Any]:
        """The body of a request for an analysis; the portfolio is in the service then."""
        chosen = None if settings is None else given_settings(settings)[0]
        there = self.there(portfolio)
        if isinstance(options, EngineOptions):
            options = options.model_dump(mode="json", exclude_unset=True)
        body = {
            "model": model,
            "portfolio": there.id,
            "version": there.version or None,
            "samples": samples,
            "settings": None if chosen is None else chosen.model_dump(mode="json", exclude_unset=True),
            "options": dict(options or {}) or None,
            **more,
        }
        return {name: value for name, value in body.items() if value is not None}

    def runs(self, limit: int | None = 50, **selected: Any) -> list[RemoteRun]:
        """The runs that this user sees, newest first: ``state=``, ``model=``, ``tag=``, ``owner=``, ``q=`` select."""
        return [RemoteRun(self, view) for view in self.service.items("/analyses", limit, **selected)]

    def open_run(self, name: str) -> RemoteRun:
        """A run by its id (or the start or end of one), its name, its URL, or ``"last"``; OasisError without one."""
        wanted = name.rstrip("/").rpartition("/")[2]
        if wanted == "last":
            found = self.runs(1)
        elif len(wanted) == ID_LENGTH and (run := self._run_of_id(wanted)) is not None:
            return run
        else:
            views = self.service.items("/analyses")
            found = [RemoteRun(self, view) for view in islice((v for v in views if _is_called(v, wanted)), 2)]
        if not found:
            there = "no run yet" if wanted == "last" else f"no run {wanted!r}"
            raise OasisError(f"{self.service.address} has {there}; `oasis ls` lists those there are")
        if len(found) > 1:
            raise OasisError(
                f"several runs are called {wanted!r}, such as {found[0].id} and {found[1].id}; give the id"
            )
        return found[0].refresh()

    def _run_of_id(self, run_id: str) -> RemoteRun | None:
        try:
            return RemoteRun(self, self.service.get(f"/analyses/{run_id}"))
        except ServiceProblem as problem:
            if problem.status != NOT_FOUND:
                raise
            return None

    def cancel(self, run: RemoteRun | str) -> RemoteRun:
        """A run, asked to stop; finished chunks are kept."""
        return self._run(run).cancel()

    def resume(self, run: RemoteRun | str) -> RemoteRun:
        """A failed or cancelled run, queued again."""
        return self._run(run).resume()

    def delete(self, run: RemoteRun | str) -> None:
        """Delete a run and its results."""
        self._run(run).delete()

    def what_if(
        self,
        run: RemoteRun | str,
        *,
        account: Source | None = None,
        ri_info: Source | None = None,
        ri_scope: Source | None = None,
        location: Source | None = None,
        settings: Settings = None,
        without_account: str | None = None,
        out: str | Path | None = None,
        progress: Report | None = None,
        wait: bool = True,
    ) -> RemoteRun:
        """A run again with other terms, reinsurance or summaries, on the ground-up losses it kept there.

        What is not given stays as it was. The tables are those of a full run, byte for byte. OasisError when the run
        kept nothing (``keep_ground_up``) or the change needs other ground-up losses.
        """
        given = {"location": location, "account": account, "ri_info": ri_info, "ri_scope": ri_scope}
        changed = {part: source for part, source in given.items() if source is not None}
        body: dict[str, Any] = {"without_account": without_account}
        if settings is not None:
            body["settings"] = given_settings(settings)[0].model_dump(mode="json", exclude_unset=True)
        if changed:
            with source_files(changed) as files:
                body["uploads"] = send_files(self.service, files, _silent)
        path = f"{self._run(run).view['url']}/whatif"
        after = RemoteRun(self, self.service.post(path, {k: v for k, v in body.items() if v is not None}))
        return after.finished(out, progress) if wait else after

    def portfolios(self, limit: int | None = 50, **selected: Any) -> list[RemotePortfolio]:
        """The portfolios that this user sees, newest first, in their latest version."""
        return [RemotePortfolio.of(view) for view in self.service.items("/portfolios", limit, **selected)]

    def upload(
        self,
        portfolio: Portfolio | PortfolioFiles,
        name: str = "",
        *,
        groups: Sequence[str] = (),
        description: str = "",
        version_of: RemotePortfolio | str | None = None,
        progress: Sent | None = None,
    ) -> RemotePortfolio:
        """The portfolio as the service has it now: a new one, or a new version of ``version_of``.

        Large files go in pieces, and ``progress`` is told bytes and total. InvalidInput names what cannot be read.
        """
        fields = {"name": name, "description": description, "groups": list(groups)}
        of = version_of.id if isinstance(version_of, RemotePortfolio) else version_of
        with files_of(portfolio, name) as files:
            return send_portfolio(self.service, files, fields, of, progress or _silent)

    def there(self, portfolio: AnyPortfolio, progress: Sent | None = None) -> RemotePortfolio:
        """The portfolio as the service has it: found by its content, or sent, each content once."""
        if isinstance(portfolio, RemotePortfolio):
            return portfolio
        if isinstance(portfolio, str):
            return RemotePortfolio(portfolio, portfolio, 0)
        with files_of(portfolio) as files:
            key = files.key()
            if key not in self._sent:
                found = find_sent(self.service, files)
                self._sent[key] = found or send_portfolio(self.service, files, {}, None, progress or _silent)
            return self._sent[key]

    def delete_portfolio(self, portfolio: RemotePortfolio | str) -> None:
        """Delete a portfolio with its versions; refused while an analysis of it is at work."""
        name = portfolio if isinstance(portfolio, str) else portfolio.id
        self.service.delete(f"/portfolios/{name}")

    def exposure(
        self,
        portfolio: Portfolio,
        loss_factors: Sequence[float] = (1.0,),
        perils: Sequence[str] = (),
        *,
        explain: bool = False,
        options: Options = None,
    ) -> "ExposureLosses":
        """What the portfolio pays at given loss factors: computed here, because it needs neither model nor service."""
        from oasis_kernel.questions.exposure import exposure_losses

        return exposure_losses(portfolio, loss_factors, perils, engine_options(options), explain=explain)

    def _run(self, run: RemoteRun | str) -> RemoteRun:
        return run if isinstance(run, RemoteRun) else self.open_run(run)


def connect(url: str | None = None, token: str | None = None, *, patience: Patience | None = None) -> Workbench:
    """The workbench of the service at an address; see ``oasis_kernel.connect``."""
    return Workbench(Service(url or os.environ.get(HOST_VARIABLE) or HERE, token, patience=patience))


def _is_called(view: Mapping[str, Any], wanted: str) -> bool:
    name = str(view["id"])
    return wanted == view["name"] or (len(wanted) >= SHORTEST and (name.startswith(wanted) or name.endswith(wanted)))


def _silent(done: int, total: int) -> None:
    """Show nothing."""
