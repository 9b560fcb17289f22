"""``oasis up``: the whole workbench on this machine, with a first analysis done while it starts."""

import fcntl
import json
import shlex
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oasis_kernel.cli import options as o
from oasis_kernel.cli.up_hub import LogIn, hub_environment, hub_program, prepared, wait_for, what_is_missing
from oasis_kernel.cli.up_ports import FREE, HOST, chosen_ports, is_free, kept_ports
from oasis_kernel.errors import OasisError

if TYPE_CHECKING:
    from oasis_kernel.client.run import RemoteRun
    from oasis_kernel.client.workbench import Workbench
    from oasis_kernel.service.settings import ServiceSettings

FIRST_RUN = "First look at toy-wind"
MODEL = "toy-wind"
PORTFOLIO = "Demonstration homes in Florida"
LOG, LOG_BEFORE, LOCK = "log.txt", "log-before.txt", "up.lock"  # under the root
LOG_BYTES = 20 * 2**20
#: What people open, and the service, where nobody says otherwise and nothing listens there.
USUAL_PORTS = {"public": 8000, "service": 8765}
INNER_PORTS = ("hub", "proxy", "provider", "pages")


def add_to(app: typer.Typer) -> None:
    """Register this module's verb."""
    app.command()(up)


def up(
    root: Annotated[Path | None, typer.Option(help="Folder for everything the workbench keeps.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the address that people open; 0: a free one.")
    ] = None,
    ray: Annotated[
        str | None, typer.Option(help="none, local, or a cluster's address; default: local where Ray is installed.")
    ] = None,
    samples: o.Samples = None,
    out: Annotated[Path, typer.Option(help="Folder for the first analysis's tables.")] = Path("workbench/demo"),
    new_password: Annotated[
        bool, typer.Option("--new-password", help="Make a new password for the first user, and show it once.")
    ] = False,
) -> None:
    """Bring the workbench up on this machine, and make a first analysis with it.

    Hub, log-in, pages and service listen on loopback, keep everything under --root, and compute on a Ray cluster of
    their own, or on threads where Ray is not installed. Ctrl-C stops everything it started; what was computed is kept.
    """
    from oasis_kernel.cli.serve import loaded_settings, need_service

    need_service()
    chosen = loaded_settings(None, root=root)
    chosen.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(chosen.root, new_password=new_password):
        _put_log_aside(chosen.root)
        service_port = chosen.port if "port" in chosen.model_fields_set else None
        ports = _ports(chosen.root, port, service_port)
        starting = _start_of(chosen.root, ports, ray or _ray(), new_password=new_password)
        try:
            _serve(starting, samples, out)
        except KeyboardInterrupt:  # this is how it is stopped
            _say("Stopped.")


@contextmanager
def _alone(root: Path, *, new_password: bool) -> Iterator[None]:
    """The right to be the only workbench on a root. OasisError while another one is up; it may get a new password."""
    with (root / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            ports = kept_ports(root)
            if new_password and "public" in ports:
                _introduce(prepared(hub_environment(root, ports), new_password=True))
                raise typer.Exit from None
            at = f", on http://{HOST}:{ports['public']}" if "public" in ports else ""
            raise OasisError(
                f"a workbench is up on {root} already{at}. Stop it with Ctrl-C where it runs, or give another --root"
            ) from None
        yield


@dataclass(frozen=True)
class Starting:
    """A workbench that is about to start."""

    settings: "ServiceSettings"
    log_in: LogIn | None  # None: there is no hub
    hub: dict[str, str] = field(repr=False)  # its environment
    pages: bool


def _ports(root: Path, public: int | None, service: int | None) -> dict[str, int]:
    """The ports asked for, else those of the last start, else the usual ones, else any."""
    wanted: dict[str, int | None]
    if what_is_missing()[0] is not None:  # then the service is what people open
        wanted = {"service": service if public is None else public}
    else:
        any_port = FREE if public == FREE else None
        wanted = {"public": public, "service": any_port if service is None else service}
        wanted |= dict.fromkeys(INNER_PORTS)
    kept = kept_ports(root)
    usual = {name: port for name, port in USUAL_PORTS.items() if name in wanted and wanted[name] is None}
    return chosen_ports(
        root, wanted | {name: port for name, port in usual.items() if name not in kept and is_free(port)}
    )


def _put_log_aside(root: Path) -> None:
    """Begin a new log where the last one has become long; the one before that goes."""
    log = root / LOG
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(root / LOG_BEFORE)


def _start_of(root: Path, ports: Mapping[str, int], ray: str, *, new_password: bool) -> Starting:
    """Make what a hub needs, where there is one, and say who can log in."""
    from oasis_kernel.cli.serve import loaded_settings

    no_hub, no_pages = what_is_missing()
    given: dict[str, Any] = {"root": root, "host": HOST, "port": ports["service"], "ray": ray}
    if no_hub is not None:
        _say(f"No log-in and no pages: {no_hub} is not installed. pip install 'oasis-workbench[hub,widgets]'")
        return Starting(loaded_settings(None, **given), None, {}, False)
    if no_pages is not None:
        _say(f"No pages: {no_pages} is not installed. pip install 'oasis-workbench[widgets]'")
    hub = hub_environment(root, ports)
    log_in = prepared(hub, new_password=new_password)
    _introduce(log_in)
    settings = loaded_settings(None, **given, hub=json.dumps(log_in.doors))
    return Starting(settings, log_in, hub, no_pages is None)


def _introduce(log_in: LogIn) -> None:
    """Say where to log in, and a new password, now: whatever happens next, it is not lost."""
    _say(f"The workbench is on {log_in.address}")
    if log_in.user is None:
        _say("  Log in with your organisation's account.")
    elif log_in.password is not None:
        _say(f"  Log in as {log_in.user} with the password {log_in.password} (shown this once)")
    else:
        again = shlex.join([*_command(), "--new-password"])
        _say(f"  Log in as {log_in.user}. Is the password forgotten? Another one is made by: {again}")


def _command() -> list[str]:
    """This command as it was typed, where it was typed as such."""
    return sys.argv if Path(sys.argv[0]).name == "oasis" else ["oasis", "up"]


def _ray() -> str:
    return "local" if find_spec("ray") is not None else "none"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _serve(starting: Starting, samples: int | None, out: Path) -> None:
    """Serve until told to stop."""
    from oasis_kernel.service.doors import LOCAL_FILE
    from oasis_kernel.service.serving import serve

    settings = starting.settings
    leaving = threading.Event()
    if settings.ray == "none":
        _say("Ray is not used: runs are computed on threads of this machine.")

    def ready(url: str) -> None:
        token = (settings.root / LOCAL_FILE).read_text(encoding="utf-8").strip()
        asked = (FirstLook(starting, url, token, leaving), samples, out)
        threading.Thread(target=FirstLook.show, args=asked, name="first look", daemon=True).start()

    def ending() -> None:
        leaving.set()
        _say("Stopping everything that was started here ...")

    beside = [hub_program(starting.hub)] if starting.log_in is not None else []
    serve(settings, ready, settings.root / LOG, beside, ending)


@dataclass(frozen=True)
class FirstLook:
    """The first analysis of a workbench, made or found, and what can be done next."""

    starting: Starting
    url: str  # the service's
    token: str = field(repr=False)
    leaving: threading.Event

    def show(self, samples: int | None, out: Path) -> None:
        """Make the first analysis while the hub starts, or show it where it is made already."""
        from oasis_kernel.api import connect
        from oasis_kernel.cli.view import print_error

        with connect(self.url, self.token) as workbench:
            try:
                body = self._asked(workbench, samples)
                self._show_run(workbench, body, out)
                self._conclude()
                _warm_up(workbench, body)
            except OasisError as error:
                if not self.leaving.is_set():
                    print_error(error)
                    self._conclude()

    def _asked(self, workbench: "Workbench", samples: int | None) -> dict[str, Any]:
        """The request for the first analysis, which everybody who may log in is to see."""
        from dataclasses import replace

        from oasis_kernel.cli.host import asked_there
        from oasis_kernel.plugins import load_plugins

        files = load_plugins().demonstration(MODEL)
        groups = list(self.starting.log_in.groups) if self.starting.log_in else []
        chosen = replace(files, samples=samples or files.samples)
        return asked_there(workbench, chosen, name=FIRST_RUN, groups=groups)

    def _show_run(self, workbench: "Workbench", body: dict[str, Any], out: Path) -> None:
        from oasis_kernel.cli.service_runs import follow
        from oasis_kernel.cli.view import print_headline

        run = _found(workbench) or _begun(workbench, body)
        self._wait_for_hub()
        if run.ended:
            print_headline(run)
        else:
            _say(f"A first run, of {MODEL}; where nothing is compiled yet, it takes a minute or two.")
            follow(lambda report: run, out, detach=False, as_json=False)

    def _wait_for_hub(self) -> None:
        log_in = self.starting.log_in
        if log_in is None:
            return
        if wait_for(log_in.address, pages=self.starting.pages, stop=self.leaving.is_set):
            _say(f"You can log in now: {log_in.address}")
        elif not self.leaving.is_set():
            _say(f"Nobody can log in yet; why is in {self.starting.settings.root / LOG}")

    def _conclude(self) -> None:
        """Say where everything is."""
        log_in = self.starting.log_in
        if log_in is not None:
            who = f" and log in as {log_in.user}" if log_in.user else ""
            _say(f"\nOpen {log_in.address}{who}.")
        _say(
            f"The service is on {self.url}: its calls are described on {self.url}/docs.\n"
            f"From another terminal: oasis --host {self.url} ls\n"
            f'From Python: import oasis_kernel as ok; ok.connect("{self.url}").runs()\n'
            f"What its processes say: {self.starting.settings.root / LOG}\n"
            f"Ctrl-C stops everything that was started here."
        )


def _found(workbench: "Workbench") -> "RemoteRun | None":
    """The first analysis where it is there already, completed or at work."""
    there = workbench.runs(20, model=MODEL, q=FIRST_RUN)
    return next((run for run in there if run.name == FIRST_RUN and (run.state == "completed" or not run.ended)), None)


def _begun(workbench: "Workbench", body: dict[str, Any]) -> "RemoteRun":
    """The first analysis, queued, with its portfolio under a name that says what it is."""
    from oasis_kernel.client.run import RemoteRun

    named = {"name": PORTFOLIO, "groups": body["groups"]}
    workbench.service.patch(f"/portfolios/{body['portfolio']}", named)
    return RemoteRun(workbench, workbench.service.post("/analyses", body))


def _warm_up(workbench: "Workbench", body: dict[str, Any]) -> None:
    """Have the service check and estimate once: what it compiles or loads for that, nobody waits for later."""
    workbench.check_report(body)
    workbench.service.post("/analyses/estimate", body)
