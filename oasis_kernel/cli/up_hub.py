"""The hub of a workbench on one machine, as ``oasis up`` starts it: a process with its settings in the environment.

The hub is a package of its own that knows nothing of this one, nor this one of it: they speak through a command line.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oasis_kernel.cli.up_ports import HOST
from oasis_kernel.errors import OasisError

if TYPE_CHECKING:
    from oasis_kernel.service.children import Program

PREFIX = "OASIS_HUB_"
COMMAND = (sys.executable, "-m", "hub_config")
HUB_NEEDS = ("jupyterhub", "oauthenticator", "nanoidp", "configurable_http_proxy", "jupyterhub_idle_culler")
PAGES_NEED = ("voila", "ipywidgets", "bqplot", "ipydatagrid", "ipyleaflet")
#: The embedded provider's administrators are the service's; its first user is one.
ROLES = {"workbench-admins": "admin"}
ASK_SECONDS, PATIENCE_SECONDS = 0.3, 180.0


@dataclass(frozen=True)
class LogIn:
    """Where people log in, and the first one of them with the password that was made just now, if one was."""

    address: str
    groups: tuple[str, ...]  # of those who may log in
    doors: dict[str, Any]  # the service's settings by which it knows the hub
    user: str | None  # None: people log in at a provider elsewhere
    password: str | None = field(repr=False)


def what_is_missing() -> tuple[str | None, str | None]:
    """The first package that the hub, and the pages, would need and that is not installed."""
    hub, pages = (
        next((name for name in needed if find_spec(name) is None), None) for needed in (HUB_NEEDS, PAGES_NEED)
    )
    return hub, pages


def hub_environment(root: Path, ports: Mapping[str, int]) -> dict[str, str]:
    """The hub's settings for this machine; what the environment sets already goes over them."""
    given = {
        "ROOT": str(root / "hub"),
        "PUBLIC_URL": f"http://{HOST}:{ports['public']}",
        "HUB_PORT": str(ports["hub"]),
        "PROXY_API_PORT": str(ports["proxy"]),
        "PROVIDER__PORT": str(ports["provider"]),
        "OIDC__TITLE": "this workbench",
        "SERVICE__URL": f"http://{HOST}:{ports['service']}",
        "ACCESS__ROLES": json.dumps(ROLES),
    }
    if what_is_missing()[1] is None:
        given |= {"PAGES__PORT": str(ports["pages"]), "PAGES__FOLDER": str(_pages_folder())}
    ours = {PREFIX + name: value for name, value in given.items()}
    return ours | {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}


def _pages_folder() -> Path:
    """The pages that come with the package of panels."""
    found = find_spec("widgets")
    if found is None or not found.submodule_search_locations:
        raise OasisError("the package widgets is not where oasis_kernel was installed; install the workbench again")
    return Path(next(iter(found.submodule_search_locations))) / "apps"


def prepared(environment: Mapping[str, str], *, new_password: bool = False) -> LogIn:
    """Make the hub's secrets and first user where there are none. OasisError when its settings cannot be used."""
    command = [*COMMAND, "prepare", *(["--new-password"] if new_password else [])]
    # Through a pipe: the password is in no argument, file or log.
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OasisError(f"the hub cannot be started: {done.stderr.strip() or 'it says nothing'}")
    found = json.loads(done.stdout)
    return LogIn(found["address"], tuple(found["groups"]), found["service"]["hub"], found["user"], found["password"])


def hub_program(environment: Mapping[str, str]) -> "Program":
    """The hub, which starts and stops proxy, log-in provider, pages, culler and people's servers."""
    from oasis_kernel.service.children import Program

    command = (*COMMAND, "run", "--parent", str(os.getpid()))
    return Program("hub", command, environment, Path(environment[PREFIX + "ROOT"]), keeps_nothing=True)


def wait_for(address: str, *, pages: bool, stop: Callable[[], bool]) -> bool:
    """Whether the hub, and its pages, answer in the end at the address that people open; False when told to stop."""
    import httpx

    asked = ["/hub/health", *(["/services/pages/"] if pages else [])]
    end = time.monotonic() + PATIENCE_SECONDS
    with httpx.Client(base_url=address, trust_env=False, timeout=5.0) as browser:
        while not stop() and time.monotonic() < end:
            try:
                # The pages send to the hub whoever has not logged in; the proxy says 404 and 503 for who is not there.
                if all(browser.get(path).status_code in (200, 302) for path in asked):
                    return True
            except httpx.TransportError:
                pass  # not yet
            time.sleep(ASK_SECONDS)
    return False
