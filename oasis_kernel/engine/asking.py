"""Ask a model: whatever its own code raises comes out with the model's name on it."""

from collections.abc import Sized
from typing import Any, TypeVar, cast

from oasis_kernel.errors import OasisError, PluginError

T = TypeVar("T")


def asked(model: str, subject: T) -> T:
    """``subject`` (a model, its data or its hazard) as before, but for errors of its methods.

    An unexpected one becomes a PluginError that names model, method, arguments and cause. Errors of ours pass:
    they name what is wrong already. Not for ``isinstance``.
    """
    return cast("T", _Asked(model, subject))


class _Asked:
    """Stands before a vendor's object."""

    def __init__(self, model: str, subject: object):
        self._model = model
        self._subject = subject

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._subject, name)
        return _Method(f"model {self._model}: {name}", found) if callable(found) else found


class _Method:
    """A vendor's method under its name in messages."""

    def __init__(self, title: str, method: Any):
        self._title = title
        self._method = method

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        try:
            return self._method(*arguments, **named)
        except OasisError:
            raise
        except Exception as error:  # a vendor's code may raise anything, and must be named
            shown = ", ".join(map(_shown, (*arguments, *named.values())))
            raise PluginError(f"{self._title}({shown}) failed: {type(error).__name__}: {error}") from error


def _shown(argument: Any) -> str:
    """A number in full, data by kind and length."""
    if isinstance(argument, int | str):
        return repr(argument)
    kind = type(argument).__name__
    return f"{kind} of {len(argument)}" if isinstance(argument, Sized) else kind
