"""Folders of compiled kernels for runs that work side by side: two processes must never fill the same one."""

import os
import shutil
from pathlib import Path
from uuid import uuid4

import platformdirs

#: What numba keeps of a function: an index, and a file for each compiled form that the index names.
INDEX, COMPILED = ".nbi", ".nbc"


def kernel_folder(slot: int) -> Path:
    """The folder of a slot, with what others have compiled already: this user's own folder, and other slots.

    They may be filling theirs meanwhile: what is missing in the copy is compiled again.
    """
    configured = os.environ.get("OASIS_KERNEL_CACHE")
    root = Path(configured) if configured else platformdirs.user_cache_path("oasis-workbench") / "kernels"
    slots = root / "runs"
    chosen = slots / str(slot)
    chosen.mkdir(parents=True, exist_ok=True)
    own = [folder for folder in root.iterdir() if folder != slots]
    others = [folder for other in sorted(slots.iterdir()) if other != chosen for folder in other.iterdir()]
    for folder in (*own, *others):
        for index in folder.rglob(f"*{INDEX}"):
            target = chosen / index.relative_to(folder.parent)
            if not target.exists():
                _copy(index, target)
    return chosen


def _copy(index: Path, target: Path) -> None:
    """Copy what is kept of a function: the index last, so that all it names is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        names = index.read_bytes()
        for compiled in index.parent.glob(f"{index.stem}.*{COMPILED}"):
            shutil.copyfile(compiled, target.with_name(compiled.name))
        temporary = target.with_name(f".{uuid4().hex}")
        temporary.write_bytes(names)
        temporary.replace(target)
    except OSError:  # it went meanwhile, or there is no room: it is compiled again
        return
