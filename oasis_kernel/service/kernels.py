"""Folders of compiled kernels for runs that work side by side: two processes must never fill the same one."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

import platformdirs


def kernel_folder(slot: int, busy: Iterable[int]) -> Path:
    """The folder of a slot, with what others have compiled already: this user's own folder, and slots not ``busy``.

    A folder that is being filled may be copied: what is missing in the copy is compiled again.
    """
    configured = os.environ.get("OASIS_KERNEL_CACHE")
    root = Path(configured) if configured else platformdirs.user_cache_path("oasis-workbench") / "kernels"
    slots = root / "runs"
    chosen = slots / str(slot)
    chosen.mkdir(parents=True, exist_ok=True)
    taken = {str(number) for number in busy} | {chosen.name}
    others = [folder for folder in sorted(slots.iterdir()) if folder.name not in taken]
    for source in (root, *others):
        for compiled in source.iterdir():
            if compiled.is_dir() and compiled != slots and not (chosen / compiled.name).exists():
                _copy(compiled, chosen / compiled.name)
    return chosen


def _copy(source: Path, target: Path) -> None:
    """Copy a folder; the copy is there when it is whole."""
    temporary = target.with_name(f".{target.name}-{uuid4().hex}")
    try:
        shutil.copytree(source, temporary)
        temporary.replace(target)
    except OSError:  # it went meanwhile; then its kernels are compiled again
        shutil.rmtree(temporary, ignore_errors=True)
