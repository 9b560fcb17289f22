"""What a panel does, as the Python that does the same: what "Copy as Python" shows."""

import pprint
from collections.abc import Mapping, Sequence
from typing import Any

_WIDTH = 100


def connection(address: str) -> list[str]:
    """The lines that connect; the token is found where ``ok.connect`` looks for it, and never written down."""
    return ["import oasis_kernel as ok", "", f"bench = ok.connect({address!r})"]


def call(target: str, method: str, *positional: Any, **named: Any) -> str:
    """``target = bench.method(...)``; arguments that are None or empty are left out."""
    given = [repr(value) for value in positional]
    given += [f"{name}={_literal(value)}" for name, value in named.items() if value not in (None, {}, (), [], "")]
    return f"{target} = bench.{method}({', '.join(given)})"


def program(address: str, lines: Sequence[str]) -> str:
    """A program that connects and then does what the lines say."""
    return "\n".join([*connection(address), *lines]) + "\n"


def uploading(address: str, files: Mapping[str, str], name: str) -> str:
    """Read the files of a portfolio and upload them."""
    given = ", ".join(f"{part}={path!r}" for part, path in files.items()) or 'location="location.csv"'
    called = f", {name!r}" if name else ""
    lines = [f"portfolio = ok.read_portfolio({given})", f"there = bench.upload(portfolio{called})"]
    return program(address, [*lines, "print(*there.findings, sep='\\n')"])


def _literal(value: Any) -> str:
    return pprint.pformat(value, width=_WIDTH, sort_dicts=False)
