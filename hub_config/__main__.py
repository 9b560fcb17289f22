"""``python -m hub_config``: runs the hub, checks its settings, and says what others need to know of them."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub_config import data_access, provider
from hub_config.parent import when_gone
from hub_config.secret_files import client_secret, make_private
from hub_config.settings import HubSettings, SettingsError


def main(arguments: list[str] | None = None) -> int:
    """Answer on standard output; 1 with the findings on standard error where the settings cannot be used."""
    given = _parser().parse_args(arguments)
    try:
        answer: str = given.answer(given)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{answer}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hub_config", description=__doc__)
    verbs = parser.add_subparsers(required=True)

    def verb(name: str, answer: Callable[[argparse.Namespace], str], told: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=told)
        added.set_defaults(answer=answer)
        return added

    verb("file", _file, "the path of JupyterHub's configuration file")
    verb("check", _check, "whether the settings can be used")
    verb("service", _service, "the settings by which the service of analyses knows this hub, as JSON")
    verb("network-policy", _network_policy, "what pods of servers may reach, for kubectl apply, as JSON")
    prepare = verb("prepare", _prepare, "make ready for a first start; who may log in then, and where, as JSON")
    prepare.add_argument("--new-password", action="store_true", help="a new one for the embedded provider's first user")
    run = verb("run", _run, "run the hub until told to stop")
    run.add_argument("--parent", type=int, metavar="PID", help="stop as well when this process is no longer the parent")
    return parser


def _file(given: argparse.Namespace) -> str:
    return str(Path(__file__).with_name("jupyterhub_config.py"))


def _check(given: argparse.Namespace) -> str:
    client_secret(HubSettings.load())
    return "The settings can be used."


def _service(given: argparse.Namespace) -> str:
    return json.dumps({"hub": data_access.doors(HubSettings.load())}, indent=2)


def _network_policy(given: argparse.Namespace) -> str:
    from hub_config import kube

    return json.dumps(kube.network_policy(HubSettings.load()), indent=2)


def _prepare(given: argparse.Namespace) -> str:
    """Where to log in, as whom, and the password if it was made just now: it is nowhere else, then or later."""
    settings = HubSettings.load()
    client_secret(settings)
    make_private(settings.folder)
    found: dict[str, Any] = {
        "address": settings.public_url,
        "groups": [*settings.oidc.allowed_groups],
        "service": {"hub": data_access.doors(settings)},
        "user": None,
        "password": None,
    }
    if settings.embedded:
        found |= {"user": settings.provider.user, "password": provider.prepare(settings)}
        if given.new_password and found["password"] is None:
            found["password"] = provider.new_password(settings, settings.provider.user)
    return json.dumps(found)


def _run(given: argparse.Namespace) -> str:
    """Run the hub in this process; it ends the process itself."""
    from jupyterhub.app import JupyterHub

    if given.parent is not None:
        when_gone(given.parent)
    JupyterHub.launch_instance(["-f", _file(given)])
    return "The hub has stopped."


if __name__ == "__main__":
    sys.exit(main())
