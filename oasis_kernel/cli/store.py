"""``oasis store``: what runs left to be found again, and making room."""

import json
import sys
import time
from typing import Annotated

import typer

from oasis_kernel.cli import options as o

DAY, GIB = 24 * 3600.0, 2.0**30


def add_to(app: typer.Typer) -> None:
    """Register this module's verb."""
    app.command()(store)


def store(
    keep_gib: Annotated[
        float | None, typer.Option(min=0, help="Remove the longest unused pieces until so many GiB are left.")
    ] = None,
    keep_days: Annotated[
        float | None, typer.Option(min=0, help="Remove pieces that nothing used for so many days.")
    ] = None,
    as_json: o.Json = False,
) -> None:
    """Show the finished pieces of runs that are kept on this machine, and remove old ones when asked to.

    A run that is repeated, resumed or asked what-if questions takes the pieces it finds; what is gone is computed
    again. Without an option nothing is removed; each run keeps the whole within 20 GiB by itself. Results stay.
    """
    import math

    from oasis_kernel.cli.view import out, size
    from oasis_kernel.engine.analysis import Resources
    from oasis_kernel.store.parts import PartStore

    resources = Resources.of_this_machine()
    parts = PartStore(resources.store / "parts")
    freed = 0
    if keep_gib is not None or keep_days is not None:
        limit = sys.maxsize if keep_gib is None else round(keep_gib * GIB)
        freed = parts.prune(frozenset(), limit, math.inf if keep_days is None else keep_days * DAY)
    found = parts.contents()
    days = None if found.oldest is None else round((time.time() - found.oldest) / DAY, 1)
    if as_json:
        told = {"folder": str(parts.root), "parts": found.parts, "bytes": found.bytes}
        sys.stdout.write(json.dumps({**told, "unused_days": days, "freed_bytes": freed}) + "\n")
        return
    if freed:
        out.print(f"{size(freed)} freed", highlight=False)
    told_age = "" if days is None else f"; the longest unused was used {days:,.1f} days ago"
    out.print(f"{found.parts:,} pieces, {size(found.bytes)} in {parts.root}{told_age}", highlight=False, soft_wrap=True)
