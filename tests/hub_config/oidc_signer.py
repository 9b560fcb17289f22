"""An OpenID Connect provider that signs what a test tells it to, also what none should. It asks nobody who they are."""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "oasis-workbench", "a-secret-of-the-test"


class Signer:
    """Whom it knows, what it lies about, and which of its tokens it still honours."""

    def __init__(self) -> None:
        self.keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
        self.reset()
        signer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                signer.answer(self, {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                signer.answer(self, {name: values[0] for name, values in parse_qs(body).items()})

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reset(self) -> None:
        self.person: dict[str, Any] = {
            "sub": "s-ann",
            "preferred_username": "ann",
            "groups": ["workbench-users"],
        }
        self.claims: dict[str, Any] = {}  # over those of the ID token
        self.userinfo: dict[str, Any] = {}  # over those of userinfo
        self.key = 0  # 1: not published
        self.broken = False  # answers 500 to everything
        self.access = secrets.token_hex(8)
        self.refresh = secrets.token_hex(8)
        self.codes: dict[str, dict[str, str]] = {}
        self.refreshes = 0

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        parts = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if self.broken:
            return reply(handler, 500, {})
        routes = {
            "/.well-known/openid-configuration": lambda: reply(handler, 200, self.metadata()),
            "/keys": lambda: reply(handler, 200, {"keys": [self.public()]}),
            "/authorize": lambda: self.authorize(handler, query),
            "/token": lambda: self.token(handler, form),
            "/userinfo": lambda: self.user(handler),
        }
        return routes.get(parts.path, lambda: reply(handler, 404, {}))()

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": self.issuer + "/authorize",
            "token_endpoint": self.issuer + "/token",
            "userinfo_endpoint": self.issuer + "/userinfo",
            "jwks_uri": self.issuer + "/keys",
            "end_session_endpoint": self.issuer + "/logout",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def public(self) -> dict[str, Any]:
        return {**jwt.algorithms.RSAAlgorithm.to_jwk(self.keys[0].public_key(), as_dict=True), "kid": "k", "use": "sig"}

    def authorize(self, handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        code = secrets.token_hex(8)
        self.codes[code] = query
        handler.send_response(302)
        address = query["redirect_uri"] + "?" + urlencode({"code": code, "state": query["state"]})
        handler.send_header("Location", address)
        handler.end_headers()

    def token(self, handler: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        wanted = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if handler.headers.get("Authorization") != wanted:
            return reply(handler, 401, {"error": "invalid_client"})
        nonce = None
        if form["grant_type"] == "authorization_code":
            asked = self.codes.pop(form["code"], None)
            challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
            if asked is None or asked["code_challenge"] != challenge.decode().rstrip("="):
                return reply(handler, 400, {"error": "invalid_grant"})
            nonce = asked["nonce"]
        elif form["refresh_token"] != self.refresh:
            return reply(handler, 400, {"error": "invalid_grant"})
        else:
            self.refreshes += 1
        self.access, self.refresh = secrets.token_hex(8), secrets.token_hex(8)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": self.person["sub"], "iat": now, "exp": now + 60}
        claims = {**claims, **({"nonce": nonce} if nonce else {}), **self.claims}
        claims = {name: value for name, value in claims.items() if value is not None}
        signed = jwt.encode(claims, self.keys[self.key], algorithm="RS256", headers={"kid": "k"})
        tokens = {"access_token": self.access, "refresh_token": self.refresh, "id_token": signed}
        return reply(handler, 200, {**tokens, "token_type": "Bearer", "expires_in": 60})

    def user(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.headers.get("Authorization") != f"Bearer {self.access}":
            return reply(handler, 401, {"error": "invalid_token"})
        return reply(handler, 200, {**self.person, **self.userinfo})


def reply(handler: BaseHTTPRequestHandler, status: int, body: dict[str, Any]) -> None:
    text = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(text)))
    handler.end_headers()
    handler.wfile.write(text)
