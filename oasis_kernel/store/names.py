"""Names of stored files: relative, of plain parts, the same on every file system and in every object store."""

import re

from oasis_kernel.errors import OasisError

#: A part of a name: begins with a letter or digit, so that it is neither hidden, nor temporary, nor ``..``.
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ +=@,()-]*")
_LONGEST_PART = 200
_LONGEST = 900  # an S3 key has at most 1,024 bytes, of which the prefix takes some
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")


def safe_name(name: str) -> str:
    """``name`` itself; OasisError when it could lead elsewhere or is not a name on every kind of storage."""
    parts = name.split("/")
    if len(name) > _LONGEST or not all(map(_plain, parts)):
        raise OasisError(
            f"the name of a stored file must be relative, of letters, digits and ._ +=@,()-, got {name[:200]!r}. "
            "Rename the file"
        )
    return name


def plain_name(name: str) -> str:
    """The last part of a path that a browser or archive gave, as a safe name: other characters become ``_``."""
    last = re.split(r"[/\\]", name)[-1].strip()
    cleaned = re.sub(r"[^A-Za-z0-9._ +=@,()-]", "_", last).lstrip(". +=@,()-").rstrip(". ")[-_LONGEST_PART:]
    return cleaned if _plain(cleaned) else f"file_{cleaned.lstrip('._ +=@,()-')}".rstrip("_. ")


def _plain(part: str) -> bool:
    return (
        len(part) <= _LONGEST_PART
        and _PART.fullmatch(part) is not None
        and part[-1] not in ". "
        and _RESERVED.match(part) is None
    )
