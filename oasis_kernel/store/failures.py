"""What storage can do wrong, as errors that name the place and what to do."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from oasis_kernel.errors import StorageFailed, StorageFull

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def storage_errors(place: str, *, writes: bool = False) -> Iterator[None]:
    """StorageFull or StorageFailed, naming the place, for what the operating system or an object store refuses.

    FileNotFoundError passes, except of ``writes``: that a file is absent is an answer, that its place is, is none.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not writes:
            raise
        if error.errno in _FULL:
            raise full(place, error) from error
        raise StorageFailed(f"{place} cannot be used: {_reason(error)}. Check the address and the rights") from error
    except _client_errors() as error:
        raise StorageFailed(f"{place} cannot be reached: {error}. Check the address and the credentials") from error


def full(place: str, error: OSError) -> StorageFull:
    """The error for a disk or quota that has no room left."""
    remedy = "Free some, or use a larger disk; what was half-written has been removed"
    return StorageFull(f"{place} must have room for what is written, and is full: {_reason(error)}. {remedy}")


@contextmanager
def full_disk_named(place: str) -> Iterator[None]:
    """StorageFull, naming the place, when a disk is full; every other error passes as it is."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise full(place, error) from error
        raise


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


def _client_errors() -> tuple[type[Exception], ...]:
    """What the S3 client raises beside OSError: known only when that client, an extra, has been loaded."""
    client = sys.modules.get("botocore.exceptions")
    return () if client is None else (client.BotoCoreError, client.ClientError)
