"""No token in a log: what looks like one is blacked out before a handler sees the record."""

import copy
import logging
import re
import traceback
from typing import Any

BLACKED = "[redacted]"
# Query parameters that carry a token elsewhere; here they are refused, and what was sent must not stay in a log.
TOKEN_PARAMETERS = frozenset(
    {"access_token", "api_key", "apikey", "auth", "authorization", "bearer", "id_token", "jwt", "secret", "token"}
)
_SECRET = re.compile(r"oasis_[A-Za-z0-9_-]{32,}")
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*)?")
# "Authorization: token abc", "('authorization', 'Bearer abc')", "b'authorization', b'Bearer abc'"
_HEADER = re.compile(r"(?i)(authorization['\"]?\s*[:=,]\s*(?:b?['\"])?)(?:(bearer|token|basic)\s+)?([^\s'\",;)\]}]+)")
_SCHEME = re.compile(r"(?i)\b(bearer|token)(\s+)([A-Za-z0-9._~+/=-]{16,})")
_QUERY = re.compile(rf"(?i)((?<![\w-])(?:{'|'.join(sorted(TOKEN_PARAMETERS))})=)([^&\s'\"]+)")
_LOGGERS = ("uvicorn", "uvicorn.access", "uvicorn.asgi", "uvicorn.error", "oasis_kernel", "httpx", "httpcore")


def redact(text: str) -> str:
    """Return ``text`` with every token in it blacked out."""
    text = _HEADER.sub(lambda found: found[1] + (f"{found[2]} " if found[2] else "") + BLACKED, text)
    text = _SECRET.sub(BLACKED, text)
    text = _JWT.sub(BLACKED, text)
    text = _SCHEME.sub(rf"\1\2{BLACKED}", text)
    return _QUERY.sub(rf"\1{BLACKED}", text)


def looks_like_token(text: str) -> bool:
    """Whether ``text`` holds a secret of this service or a JSON web token."""
    return bool(_SECRET.search(text) or _JWT.search(text))


class Redaction(logging.Filter):
    """Lets every record pass, without the tokens in its message, its arguments and its traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True, after blacking out the record."""
        if isinstance(record.msg, str):
            record.msg = redact(record.msg)
        if isinstance(record.args, dict):
            record.args = {key: _redacted(value) for key, value in record.args.items()}
        elif record.args:
            record.args = tuple(_redacted(value) for value in record.args)
        if record.exc_info and record.exc_info[0] is not None:
            # A formatter uses exc_text when it is there instead of formatting the exception itself.
            record.exc_text = redact("".join(traceback.format_exception(*record.exc_info)).rstrip("\n"))
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


def _redacted(value: Any) -> Any:
    """The argument itself when it shows no token, else its redacted text."""
    text = value if isinstance(value, str) else str(value)
    clean = redact(text)
    return clean if clean != text or isinstance(value, str) else value


def install_redaction() -> None:
    """Put the filter on the server's loggers and on every handler that exists; harmless when called again."""
    places: list[logging.Filterer] = [logging.getLogger(name) for name in _LOGGERS]
    if logging.lastResort is not None:  # writes what nobody else would: warnings, where nobody set up a handler
        places.append(logging.lastResort)
    for logger in (logging.getLogger(), *(logging.getLogger(name) for name in _LOGGERS)):
        places.extend(logger.handlers)
    for place in places:
        if not any(isinstance(known, Redaction) for known in place.filters):
            place.addFilter(Redaction())


def redacting_log_config(config: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a ``logging`` dictionary (uvicorn's ``LOGGING_CONFIG``) whose every handler redacts."""
    changed = copy.deepcopy(config)
    changed.setdefault("filters", {})["redaction"] = {"()": f"{__name__}.{Redaction.__name__}"}
    for handler in changed.get("handlers", {}).values():
        handler["filters"] = [*handler.get("filters", []), "redaction"]
    return changed
