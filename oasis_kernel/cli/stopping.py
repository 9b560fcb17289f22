"""Ctrl-C: a word on what is kept, where Typer would end the command without one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

STOPPED = 130  # the exit code after Ctrl-C
HERE = "Stopped. Finished chunks are kept: the same command goes on from there."
THERE = "The run goes on in the service: `oasis ls` shows it, `oasis cancel` stops it."


@contextmanager
def told_when_stopped(said: str) -> Iterator[None]:
    """Work after which, when it is stopped, one sentence says what becomes of it."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write(f"\n{said}\n")
        raise typer.Exit(STOPPED) from None
