"""Small JSON servers on 127.0.0.1 that stand for an OpenID issuer and a hub: the border where these tests stop.

What is behind it (keys, signatures, HTTP) is real; what the issuer and the hub think by themselves is not here.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "oasis-workbench"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass
class JsonServer:
    """Answers by path; ``asked`` is every request's path, in order."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    down: bool = False

    def answer(self, path: str, authorization: str) -> tuple[int, Any]:
        """The status and body for a GET of ``path``."""
        raise NotImplementedError(path)


@contextmanager
def serving(server: JsonServer) -> Iterator[None]:
    """Answer requests on a free port while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            if server.down:
                self.close_connection = True
                return
            status, body = server.answer(self.path, self.headers.get("Authorization", ""))
            content = json.dumps(body).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", body)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


@dataclass
class Issuer(JsonServer):
    """An OpenID Connect issuer: publishes the public halves of ``keys``, and signs whatever it is told to."""

    keys: dict[str, Key] = field(default_factory=dict)
    named: str = ""  # the issuer that the configuration names; none: its own address

    def answer(self, path: str, authorization: str) -> tuple[int, Any]:
        if path == "/.well-known/openid-configuration":
            return 200, {"issuer": self.named or self.url, "jwks_uri": f"{self.url}/keys"}
        if path == "/keys":
            return 200, {"keys": [self.published(name) for name in self.keys]}
        return 404, {}

    def published(self, name: str) -> dict[str, Any]:
        """The public half of a key, as JSON web keys are written."""
        key = self.keys[name]
        algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
        return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": name, "use": "sig"}

    def token(self, key: str, *, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """A token signed with a key; a claim given as None is left out."""
        present = int(time.time())
        usual = {"iss": self.url, "aud": AUDIENCE, "sub": "u-1", "preferred_username": "ada", "iat": present}
        given = {**usual, "exp": present + 300, "groups": ["flood"], **claims}
        private = self.keys[key]
        algorithm = "RS256" if isinstance(private, rsa.RSAPrivateKey) else "ES256"
        content = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(content, private, algorithm, headers={"kid": key, **(header or {})})


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A new RSA key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def ec_key() -> ec.EllipticCurvePrivateKey:
    """A new key on the curve P-256."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class FakeHub(JsonServer):
    """The one call of a hub's API that matters here, ``GET /user``, for the tokens in ``users``."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: int = 200

    def answer(self, path: str, authorization: str) -> tuple[int, Any]:
        if self.status != 200:
            return self.status, f"{self.url}/elsewhere"
        scheme, _, token = authorization.partition(" ")
        if path != "/hub/api/user" or scheme != "token" or token not in self.users:
            return 403, {"status": 403, "message": "Forbidden"}
        return 200, self.users[token]
