"""``oasis login`` and ``oasis token``: keys to a service."""

import json
import sys
from typing import Annotated

import typer

from oasis_kernel.cli import options as o
from oasis_kernel.cli.host import NEEDED, connected

tokens = typer.Typer(no_args_is_help=True, help="Make, list and revoke your tokens of a service.")


def add_to(app: typer.Typer) -> None:
    """Register this module's verbs."""
    app.command()(login)
    app.add_typer(tokens, name="token")


def login(
    host: o.Host = None,
    as_json: o.Json = False,
) -> None:
    """Keep a token for a service, readable by you only; it is asked for, or read from standard input.

    On this machine itself no login is needed: a local service leaves its own token.
    """
    from oasis_kernel.api import connect
    from oasis_kernel.client.address import service_address
    from oasis_kernel.client.credentials import store_token

    if not host:
        raise typer.BadParameter(NEEDED)
    address = service_address(host)
    interactive = sys.stdin.isatty()
    token = typer.prompt("Token", hide_input=True, err=True) if interactive else sys.stdin.readline()
    with connect(address, token.strip()) as workbench:
        user = workbench.about()["user"]
    path = store_token(address, token.strip())
    if as_json:
        sys.stdout.write(json.dumps({"host": address, "user": user["name"], "role": user["role"]}) + "\n")
    else:
        sys.stdout.write(f"{address} knows you as {user['name']} ({user['role']}). The token is in {path}\n")


@tokens.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for, such as 'nightly runs'.")],
    days: Annotated[float | None, typer.Option(min=0.001, help="How long it is valid; default: the longest.")] = None,
    role: Annotated[str | None, typer.Option(help="The most it may do: viewer, analyst, model_admin, admin.")] = None,
    host: o.Host = None,
    as_json: o.Json = False,
) -> None:
    """Make a token, and print it this once."""
    with connected(host) as workbench:
        made = workbench.tokens.create(name, days, role)
    if as_json:
        sys.stdout.write(json.dumps(made) + "\n")
        return
    sys.stderr.write(f"Token {made['id']} is valid until {made['expires']}. It is shown this once:\n")
    sys.stdout.write(f"{made['token']}\n")


@tokens.command("list")
def list_tokens(host: o.Host = None, as_json: o.Json = False) -> None:
    """List your tokens, without their secrets."""
    from oasis_kernel.cli.view import print_rows

    with connected(host) as workbench:
        found = workbench.tokens.list()
    if as_json:
        sys.stdout.write(json.dumps({"tokens": found}) + "\n")
        return
    names = ("id", "name", "role_cap", "expires", "revoked", "last_used")
    rows = [{name: token.get(name) for name in names} for token in found]
    print_rows("Tokens", rows, empty="No token yet. `oasis token create NAME` makes one.")


@tokens.command()
def revoke(
    token: Annotated[str, typer.Argument(help="The token's id, from `oasis token list`.")], host: o.Host = None
) -> None:
    """End a token: nothing opens with it any more."""
    with connected(host) as workbench:
        workbench.tokens.revoke(token)
    sys.stdout.write(f"Token {token} is revoked.\n")
