"""Ask a model: whatever its own code raises comes out with the model's name on it."""

from collections.abc import Iterator
from contextlib import contextmanager

from oasis_kernel.errors import OasisError, PluginError


@contextmanager
def asking(name: str, what: str) -> Iterator[None]:
    """Inside, an unexpected error of the named model's code becomes a PluginError: model, question, cause.

    Errors of ours pass: they name what is wrong already.
    """
    try:
        yield
    except OasisError:
        raise
    except Exception as error:  # a vendor's code may raise anything, and must be named
        raise PluginError(f"model {name}: {what} failed: {type(error).__name__}: {error}") from error
