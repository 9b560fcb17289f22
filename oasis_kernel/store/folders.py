"""Folders and files that appear whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from oasis_kernel.errors import OasisError
from oasis_kernel.store.failures import full_disk_named


def replace_text(path: Path, text: str) -> None:
    """Write a small file under a temporary name, then give it its own."""
    with whole_file(path) as temporary:
        temporary.write_text(text)


@contextmanager
def whole_file(final: Path) -> Iterator[Path]:
    """A temporary file beside ``final`` that takes its name when the block ends well, and vanishes otherwise.

    StorageFull when there is no room for it.
    """
    with full_disk_named(str(final.parent)):
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = final.with_name(f".{final.name[:32]}-{uuid4().hex}")
        try:
            yield temporary
            temporary.replace(final)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(final: Path, marker: str) -> Iterator[Path]:
    """A temporary folder beside ``final`` that becomes ``final`` when the block ends well, and vanishes otherwise.

    An existing folder is replaced only if it is empty or holds ``marker`` (results of an earlier run): nothing
    that somebody else put there is ever lost. StorageFull when there is no room.
    """
    refuse_foreign_folder(final, marker)
    temporary = final.with_name(f".{final.name}-{uuid4().hex[:8]}")
    with full_disk_named(str(final.parent)):
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        try:
            yield temporary
            _take_place(temporary, final)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _take_place(temporary: Path, final: Path) -> None:
    """Rename a folder to ``final``, in place of an earlier one."""
    discarded = final.with_name(f".{final.name}-old-{uuid4().hex[:8]}")
    if final.exists():
        final.replace(discarded)
    temporary.replace(final)
    shutil.rmtree(discarded, ignore_errors=True)


def refuse_foreign_folder(final: Path, marker: str) -> None:
    """OasisError when ``final`` exists and is not an empty folder or one that holds ``marker``."""
    if final.is_dir() and (not any(final.iterdir()) or (final / marker).is_file()):
        return
    if final.exists():
        raise OasisError(f"{final} exists and holds no earlier run; give another folder, or empty it first")
