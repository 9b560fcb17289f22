"""A service over HTTP: JSON in and out, problems as errors, patience with calls that may be repeated."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from oasis_kernel import __version__
from oasis_kernel.client.address import VERSION_PATH, service_address
from oasis_kernel.client.credentials import token_for
from oasis_kernel.client.problems import ServiceLost, error_of, is_problem
from oasis_kernel.errors import OasisError

#: Answers of a service that is starting, stopping or has too much to do: asked again later, they may differ.
TRANSIENT = frozenset({429, 502, 503, 504})
REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
#: Longer than the service lets a request wait for a check or an estimate.
TIMEOUT = httpx.Timeout(150.0, connect=10.0)
PAGE = 200


@dataclass(frozen=True)
class Patience:
    """How often a call is repeated, and how long is waited before: twice as long each time, up to ``most``."""

    tries: int = 7
    first: float = 0.25
    most: float = 8.0

    def pause(self, number: int) -> float:
        """Seconds to wait before the try after ``number`` (from 0), varied so that clients do not come together."""
        return min(self.first * 2**number, self.most) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


class Service:
    """The service at an address, asked with a token. Every path begins with ``/v1``."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
    ):
        """``transport`` is another than the network, for tests."""
        self.address = service_address(url)
        self.patience = patience or Patience()
        found = token_for(self.address, token)
        headers = {"User-Agent": f"oasis-workbench/{__version__}", "Accept": "application/json"}
        if found:
            headers["Authorization"] = f"Bearer {found}"
        # Redirects would carry the token elsewhere, and proxies of the environment must not see loopback.
        self._client = httpx.Client(base_url=self.address, headers=headers, timeout=TIMEOUT, transport=transport)

    def __repr__(self) -> str:
        return f"<Service {self.address}>"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at a path."""
        return _json(self.call("GET", path, params=_given(query)))

    def items(self, path: str, most: int | None = None, **query: Any) -> Iterator[dict[str, Any]]:
        """The items of a list, page after page as they are asked for, at most ``most``."""
        left = most if most is not None else -1
        page = self.get(path, limit=min(most, PAGE) if most else PAGE, **query)
        while True:
            for item in page["items"]:
                if left == 0:
                    return
                yield item
                left -= 1
            if left == 0 or not page.get("next"):
                return
            path, following = _path_of(page["next"])
            page = self.get(path, **following)

    def post(self, path: str, body: Any = None, **sent: Any) -> Any:
        """The JSON answer to a body of JSON, or to a form and files as httpx takes them."""
        given = sent if body is None else {"json": body, **sent}
        return _json(self.call("POST", path, **given))

    def patch(self, path: str, body: Any) -> Any:
        """The JSON answer to a change."""
        return _json(self.call("PATCH", path, json=body))

    def delete(self, path: str) -> None:
        """Delete what is at a path."""
        self.call("DELETE", path)

    def call(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """A response that is no refusal; a refusal is raised as the error it is.

        Calls that change nothing, or the same when repeated, are repeated when the service does not answer.
        """
        response = self._patiently(method, lambda: self._client.request(method, _versioned(path), **sent))
        if _is_refused(response):
            raise error_of(response)
        return response

    def once(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """A response that is no refusal, asked for once: whoever calls knows how to go on after a break."""
        response = self._client.request(method, _versioned(path), **sent)
        if _is_refused(response):
            raise error_of(response)
        return response

    @contextmanager
    def stream(
        self, path: str, headers: Mapping[str, str] | None = None, timeout: httpx.Timeout = TIMEOUT
    ) -> Iterator[httpx.Response]:
        """An open response, to be read as it comes; tried once. A refusal is raised as the error it is."""
        with self._client.stream("GET", _versioned(path), headers=dict(headers or {}), timeout=timeout) as response:
            if _is_refused(response):
                response.read()
                raise error_of(response)
            yield response

    def lost(self, cause: object) -> ServiceLost:
        """The error of a service that does not answer."""
        return ServiceLost(
            f"the service at {self.address} does not answer ({_why(cause)}). Its runs go on; ask again later, "
            f"`oasis ls --host {self.address}` lists them"
        )

    def _patiently(self, method: str, send: Callable[[], httpx.Response]) -> httpx.Response:
        for number in range(self.patience.tries):
            last = number == self.patience.tries - 1
            try:
                response = send()
            except httpx.TransportError as error:
                never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if last or not (method in REPEATABLE or never_sent):
                    raise self.lost(error) from error
                time.sleep(self.patience.pause(number))
                continue
            if last or method not in REPEATABLE or not _is_transient(response):
                return response
            time.sleep(_asked_pause(response, self.patience.pause(number)))
        raise OasisError("a service must be asked at least once; give patience with a try")


def _is_transient(response: httpx.Response) -> bool:
    """Whether the same call may be answered otherwise soon: not when a model's plugin failed (502, a problem)."""
    if response.status_code not in TRANSIENT:
        return False
    return response.status_code in (429, 503) or not is_problem(response)


def _asked_pause(response: httpx.Response, otherwise: float) -> float:
    """The seconds that a response asks to wait, up to half a minute."""
    text = response.headers.get("retry-after", "")
    return min(float(text), 30.0) if text.isdigit() else otherwise


def _versioned(path: str) -> str:
    return path if path.startswith((VERSION_PATH + "/", "/healthz")) or path == VERSION_PATH else VERSION_PATH + path


def _path_of(url: str) -> tuple[str, dict[str, str]]:
    """Path and query of a link to the next page: never another host's, which would get the token.

    What comes before ``/v1`` is where a proxy put the service, which the address says already.
    """
    parts = urlsplit(url)
    return parts.path[max(parts.path.find(VERSION_PATH + "/"), 0) :], dict(parse_qsl(parts.query))


def _given(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def _is_refused(response: httpx.Response) -> bool:
    """Whether a response is an error, or sends elsewhere: the token must not go there."""
    return response.is_error or response.has_redirect_location


def _json(response: httpx.Response) -> Any:
    """The JSON of a response; OasisError when something else than a service answered, such as a page to log in."""
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError as error:
        kind = response.headers.get("content-type", "something")
        raise OasisError(f"{response.url.host} answered with {kind}, not JSON: is it the service's address?") from error


def _why(cause: object) -> str:
    text = str(cause)
    return text or type(cause).__name__
