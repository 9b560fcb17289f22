"""Folders and files that appear whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from oasis_kernel.errors import OasisError


def replace_text(path: Path, text: str) -> None:
    """Write a small file under a temporary name, then give it its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{uuid4().hex}")
    temporary.write_text(text)
    temporary.replace(path)


@contextmanager
def whole_folder(final: Path, marker: str) -> Iterator[Path]:
    """A temporary folder beside ``final`` that becomes ``final`` when the block ends well, and vanishes otherwise.

    An existing folder is replaced only if it is empty or holds ``marker`` (results of an earlier run): nothing
    that somebody else put there is ever lost.
    """
    refuse_foreign_folder(final, marker)
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.with_name(f".{final.name}-{uuid4().hex[:8]}")
    temporary.mkdir()
    try:
        yield temporary
        discarded = final.with_name(f".{final.name}-old-{uuid4().hex[:8]}")
        if final.exists():
            final.replace(discarded)
        temporary.replace(final)
        shutil.rmtree(discarded, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def refuse_foreign_folder(final: Path, marker: str) -> None:
    """OasisError when ``final`` exists and is not an empty folder or one that holds ``marker``."""
    if final.is_dir() and (not any(final.iterdir()) or (final / marker).is_file()):
        return
    if final.exists():
        raise OasisError(f"{final} exists and holds no earlier run; give another folder, or empty it first")
