"""A hash of the files that a model's losses come from."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

#: Larger files are known by size, time and their two ends: reading tens of gigabytes before each run costs minutes,
#: and whoever edits such a file changes its time. A copy with another time is only computed again.
LARGE_FILE = 256 * 2**20
ENDS = 2**20


def fingerprint_of(paths: Iterable[Path], *texts: str) -> str:
    """A hash of the files (folders: of all files below) by their names inside the folder, contents, and ``texts``."""
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        digest.update(text.encode() + b"\0")
    for path in paths:
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in files:
            if "__pycache__" in file.parts:
                continue
            name = file.relative_to(path).as_posix() if path.is_dir() else path.name
            state = file.stat()
            digest.update(f"{name}\0{_content(file, state.st_size, state.st_mtime_ns)}\0".encode())
    return digest.hexdigest()


@lru_cache(maxsize=4096)
def _content(file: Path, size: int, modified: int) -> str:
    """The hash of one file's contents, remembered for as long as its size and time stay."""
    with file.open("rb") as stream:
        if size <= LARGE_FILE:
            return hashlib.file_digest(stream, "blake2b").hexdigest()
        ends = stream.read(ENDS)
        stream.seek(-ENDS, 2)
        ends += stream.read(ENDS)
    return hashlib.blake2b(f"{size} {modified}".encode() + ends).hexdigest()
