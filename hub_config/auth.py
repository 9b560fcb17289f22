"""Log-in at an OpenID Connect provider, on oauthenticator, with what it leaves out.

It finds the provider by discovery, sends a nonce and expects it back, believes an ID token only when it is proven
(``id_tokens``), takes groups only from a list of texts, logs out at the provider too, and asks the provider about
everybody again and again (``leaving``).

Sources: OpenID Connect Core 1.0; RP-Initiated Logout 1.0; RFC 7636 (PKCE); RFC 6749, section 5.2 (errors).
"""

import asyncio
import base64
import hashlib
import json
import time
from collections import defaultdict
from typing import Any
from urllib.parse import urlencode

from jupyterhub import orm
from jupyterhub.user import User
from oauthenticator.generic import GenericOAuthenticator
from oauthenticator.oauth2 import OAuthCallbackHandler, OAuthLoginHandler, OAuthLogoutHandler, _deserialize_state
from tornado import web
from tornado.httpclient import HTTPClientError
from traitlets import Float, Unicode
from traitlets.config import Config

from hub_config import leaving
from hub_config.discovery import Provider
from hub_config.id_tokens import Expected, NotProven, listed_groups, proven_claims
from hub_config.leaving import Gone, Unconfirmed
from hub_config.secret_files import client_secret, made_once
from hub_config.settings import HubSettings

JUST_NOW_SECONDS = 1.0
CALLBACK = "/hub/oauth_callback"
REFUSED = "Your log-in could not be verified. Try again; if it stays so, tell the people who run this hub."
NOT_ALLOWED = "You are known, but in no group that may use this workbench. Ask the people who run it."
GONE = "Your access to this workbench has ended. If that is wrong, ask the people who run it."


def nonce_of(code_verifier: str) -> str:
    """The nonce of a log-in: a hash of the secret that only this browser's signed cookie holds."""
    digest = hashlib.sha256(b"nonce:" + code_verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class LoginHandler(OAuthLoginHandler):
    """Sends a browser to the provider, with a challenge and a nonce."""

    async def get(self) -> None:
        """Redirect to the provider; the embedded one may still be starting."""
        await self.authenticator.discover(self.authenticator.patience_seconds)
        super().get()

    def _generate_pkce_params(self) -> tuple[str, str]:
        verifier, challenge = super()._generate_pkce_params()
        self.nonce = nonce_of(verifier)
        return verifier, challenge

    def authorize_redirect(self, *args: Any, **kwargs: Any) -> None:
        """Add the nonce to what the provider is sent."""
        extra = {**(kwargs.pop("extra_params", None) or {}), "nonce": self.nonce}
        super().authorize_redirect(*args, extra_params=extra, **kwargs)


class CallbackHandler(OAuthCallbackHandler):
    """Takes a browser back; its address holds a code, which no log line shows."""

    def _request_summary(self) -> str:
        return f"{self.request.method} {self.request.path} ({self.request.remote_ip})"


class LogoutHandler(OAuthLogoutHandler):
    """Logs out here and at the provider."""

    async def get(self) -> None:
        """End the hub's session, then let the provider end its own."""
        user = self.current_user
        state = await user.get_auth_state() if isinstance(user, User) else None
        self.hint = (state or {}).get("id_token")
        await super().get()

    async def render_logout_page(self) -> None:
        """Redirect to the provider's log-out, which sends people back to the log-in page."""
        address = await self.authenticator.logout_address(self.hint)
        if address is None:
            await super().render_logout_page()
        else:
            self.redirect(address)


class WorkbenchOIDC(GenericOAuthenticator):
    """One OpenID Connect provider, and the groups whose members may come in."""

    login_handler = LoginHandler
    callback_handler = CallbackHandler
    logout_handler = LogoutHandler

    issuer = Unicode(config=True, help="The provider's issuer, exactly as its tokens name it.")
    groups_claim = Unicode("groups", config=True, help="The claim that lists a person's groups.")
    claims_from = Unicode("userinfo", config=True, help="userinfo or id_token: where name and groups are read.")
    logout_url_fallback = Unicode(config=True, help="Where to log out, if the provider does not say.")
    after_logout_url = Unicode(config=True, help="Where the provider sends people after log-out.")
    patience_seconds = Float(config=True, help="How long a log-in waits for a provider that is not there yet.")
    unconfirmed_seconds = Float(43200.0, config=True, help="How long somebody unconfirmed keeps servers and tokens.")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.provider = Provider(self.issuer, self._body)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def get_handlers(self, app: Any) -> list[Any]:
        """The handlers of log-in and log-out. The hub asks for them once, when it starts: so does the watch begin."""
        leaving.watch(app, self)
        return super().get_handlers(app)

    async def discover(self, patience: float = 0.0) -> None:
        """Fill in the provider's addresses. 503 while it cannot be reached, after so many seconds of patience."""
        end = time.monotonic() + patience
        try:
            while True:
                try:
                    found = await self.provider.metadata()
                    break
                except ConnectionRefusedError:
                    if time.monotonic() > end:
                        raise
                    await asyncio.sleep(0.2)
        except (OSError, HTTPClientError, NotProven) as error:
            self.log.warning("The log-in provider %s cannot be used: %s", self.issuer, error)
            raise web.HTTPError(503, "The log-in provider does not answer. Try again in a minute.") from error
        self.authorize_url, self.token_url, self.userdata_url = found.authorize_url, found.token_url, found.userinfo_url

    async def logout_address(self, hint: str | None) -> str | None:
        """Where to send a browser to log out, or None where the provider has no such place."""
        try:
            found = (await self.provider.metadata()).logout_url
        except (OSError, HTTPClientError, NotProven) as error:
            self.log.warning("Logged out here only; the log-in provider cannot be used: %s", error)
            return None
        address = found or self.logout_url_fallback
        if not address:
            return None
        query = {"client_id": self.client_id, "post_logout_redirect_uri": self.after_logout_url}
        return f"{address}?{urlencode({**query, 'id_token_hint': hint} if hint else query)}"

    async def authenticate(self, handler: Any, data: Any = None, **_: Any) -> dict[str, Any]:
        """Return who a code stands for, with groups. 403 when what the provider sends does not prove it."""
        await self.discover()
        cookie = _deserialize_state(handler.get_state_cookie() or "")
        params = self.build_access_tokens_request_params(handler, data)
        try:
            tokens = await self._tokens(params)
            nonce = nonce_of(cookie.get("code_verifier", ""))
            identity = await self._proven(tokens.get("id_token"), nonce)
            model = self._model(await self._claims(tokens["access_token"], identity), identity["sub"], tokens)
            await self._check_person(model)
            return model
        except (Gone, NotProven) as error:
            self.log.warning("Log-in refused: %s", error)
            raise web.HTTPError(403, REFUSED) from error
        except Unconfirmed as error:
            self.log.warning("Log-in failed: %s", error)
            raise web.HTTPError(502, "The log-in provider failed. Try again in a minute.") from error

    async def refresh_user(self, user: User, handler: Any = None, **_: Any) -> bool | dict[str, Any]:
        """Return somebody as the provider knows them now; False when they must log in again. 403 when they are gone."""
        try:
            return await self.confirm(user)
        except Gone as error:
            raise web.HTTPError(403, GONE) from error
        except Unconfirmed as error:
            return not error.login

    async def confirm(self, user: User) -> bool | dict[str, Any]:
        """Ask the provider about a person. Who is gone, or unconfirmed for too long, is locked out.

        Returns True where this was asked a moment ago. Raises ``Gone`` and ``Unconfirmed``.
        """
        async with self._locks[user.name]:  # a refresh token can often be used once only
            state = await user.get_auth_state()
            try:
                if not state:
                    raise Gone("nothing is known of a log-in")
                if time.time() - state["confirmed"] < JUST_NOW_SECONDS:
                    return True
                model = await self._current(user, state)
                if not await self.check_allowed(model["name"], model):
                    raise Gone("is in no allowed group any more")
                await user.save_auth_state(model["auth_state"])
                return model
            except Unconfirmed as error:
                age = time.time() - state["confirmed"]
                self.log.warning("%s is not confirmed since %.0f s: %s", user.name, age, error)
                if age <= self.unconfirmed_seconds:
                    raise
                await leaving.lock_out(self.parent, user, "not confirmed for too long")
                raise Gone("not confirmed for too long") from error
            except (Gone, NotProven) as error:
                await leaving.lock_out(self.parent, user, str(error))
                raise Gone(str(error)) from error

    async def _current(self, user: User, state: dict[str, Any]) -> dict[str, Any]:
        """What the provider says of somebody now: with the access token, or a new one for the refresh token."""
        identity = {"sub": state["sub"]}
        if self.claims_from == "userinfo":
            try:
                return self._same(user, await self._claims(state["access_token"], identity), state)
            except Unconfirmed as error:
                if not error.login:
                    raise
        if not state.get("refresh_token"):
            raise Unconfirmed("the provider's session is over", login=True)
        await self.discover_quietly()
        tokens = await self._tokens(self.build_refresh_token_request_params(state["refresh_token"]))
        state = {**state, **{name: tokens[name] for name in ("access_token", "refresh_token") if tokens.get(name)}}
        await user.save_auth_state(state)  # now, because the old refresh token may be used up
        if tokens.get("id_token"):
            identity = await self._proven(tokens["id_token"], None)
        elif self.claims_from == "id_token":
            raise Unconfirmed("the provider sends no ID token with a refresh", login=True)
        if identity["sub"] != state["sub"]:
            raise Gone("is somebody else at the provider now")
        return self._same(user, await self._claims(state["access_token"], identity), state)

    async def discover_quietly(self) -> None:
        """Fill in the provider's addresses. ``Unconfirmed`` while it cannot be reached."""
        try:
            await self.discover()
        except web.HTTPError as error:
            raise Unconfirmed("the provider cannot be reached") from error

    def _same(self, user: User, claims: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        model = self._model(claims, state["sub"], state)
        if model["name"] != user.name:
            raise Gone(f"is called {model['name']} at the provider now")
        return model

    def _model(self, claims: dict[str, Any], subject: str, tokens: dict[str, Any]) -> dict[str, Any]:
        """A person as the hub keeps them: name, groups, whether an administrator, and the provider's tokens."""
        name = claims.get(self.username_claim)
        if not isinstance(name, str) or not name:
            raise NotProven(f"the provider gives no {self.username_claim}")
        if self.username_claim == "email" and claims.get("email_verified") is not True:
            raise NotProven("the provider does not say that the address is verified")
        groups = listed_groups(claims, self.groups_claim)
        kept = {key: tokens.get(key) for key in ("access_token", "refresh_token", "id_token")}
        return {
            "name": self.normalize_username(name),
            "admin": bool(set(groups) & self.admin_groups),
            "groups": groups,
            "auth_state": {**kept, "sub": subject, "confirmed": time.time()},
        }

    async def _check_person(self, model: dict[str, Any]) -> None:
        """``NotProven`` when somebody else has this name here, such as one that differs in capitals only."""
        row = orm.User.find(self.parent.db, model["name"])
        state = await self.parent.users[row].get_auth_state() if row is not None else None
        if state and state["sub"] != model["auth_state"]["sub"]:
            raise NotProven(f"{model['name']} is somebody else here")

    async def _proven(self, id_token: Any, nonce: str | None) -> dict[str, Any]:
        if not isinstance(id_token, str):
            raise NotProven("the provider sent no ID token")
        try:
            key = await self.provider.key_of(id_token)
            algorithms = (await self.provider.metadata()).algorithms
        except (OSError, HTTPClientError) as error:
            raise Unconfirmed(f"the provider's keys cannot be fetched: {error}") from error
        return proven_claims(id_token, key, Expected(self.issuer, self.client_id, algorithms, nonce))

    async def _claims(self, access_token: str, identity: dict[str, Any]) -> dict[str, Any]:
        """The claims about a person, from where they are read; those of userinfo must be the ID token's person's."""
        if self.claims_from == "id_token":
            return identity
        await self.discover_quietly()
        try:
            headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
            found = json.loads(await self._body(self.userdata_url, headers=headers))
        except HTTPClientError as error:
            raise Unconfirmed(f"userinfo: {error.code}", login=error.code in (400, 401, 403)) from error
        except (OSError, ValueError) as error:
            raise Unconfirmed(f"userinfo: {error}") from error
        if not isinstance(found, dict) or found.get("sub") != identity["sub"]:
            raise NotProven("userinfo is about somebody else")
        return found

    async def _tokens(self, params: dict[str, Any]) -> dict[str, Any]:
        """What the token endpoint answers. ``Gone`` when it refuses the code or refresh token itself."""
        body = urlencode({key: value for key, value in params.items() if value is not None})
        try:
            headers = self.build_token_info_request_headers()
            found = json.loads(await self._body(self.token_url, method="POST", headers=headers, body=body))
        except HTTPClientError as error:
            reason = _reason(error)
            if reason == "invalid_grant":
                raise Gone("the provider has ended the session") from error
            raise Unconfirmed(f"token endpoint: {error.code} {reason}") from error
        except (OSError, ValueError) as error:
            raise Unconfirmed(f"token endpoint: {error}") from error
        if not isinstance(found, dict) or not isinstance(found.get("access_token"), str):
            raise Unconfirmed("the token endpoint sent no access token")
        return found

    async def _body(self, address: str, **kwargs: Any) -> bytes:
        response = await self.httpfetch(
            address, parse_json=False, validate_cert=self.validate_server_cert, **{**self.http_request_kwargs, **kwargs}
        )
        return response.body


def _reason(error: HTTPClientError) -> str:
    """The ``error`` of an OAuth answer, which is no secret."""
    try:
        found = json.loads(error.response.body) if error.response else {}
    except ValueError:
        return ""
    return str(found.get("error", "")) if isinstance(found, dict) else ""


def apply(c: Config, settings: HubSettings) -> None:
    """Set how people log in."""
    oidc = settings.oidc
    c.JupyterHub.authenticator_class = WorkbenchOIDC
    c.WorkbenchOIDC.issuer = settings.issuer
    c.WorkbenchOIDC.client_id = oidc.client_id
    c.WorkbenchOIDC.client_secret = client_secret(settings)
    c.WorkbenchOIDC.basic_auth = oidc.client_auth == "basic"
    c.WorkbenchOIDC.oauth_callback_url = settings.public_url + CALLBACK
    c.WorkbenchOIDC.scope = list(oidc.scopes)
    c.WorkbenchOIDC.enable_pkce = True
    c.WorkbenchOIDC.username_claim = oidc.name_claim
    c.WorkbenchOIDC.groups_claim = oidc.groups_claim
    c.WorkbenchOIDC.claims_from = oidc.claims_from
    c.WorkbenchOIDC.manage_groups = True
    c.WorkbenchOIDC.allow_all = False
    c.WorkbenchOIDC.allowed_groups = set(oidc.allowed_groups)
    c.WorkbenchOIDC.admin_groups = set(oidc.admin_groups)
    c.WorkbenchOIDC.username_pattern = r"^[a-z0-9][a-z0-9@._+-]{0,63}$"  # names become folders and containers
    c.WorkbenchOIDC.custom_403_message = NOT_ALLOWED
    c.WorkbenchOIDC.login_service = "a local account" if settings.embedded else oidc.title
    c.WorkbenchOIDC.patience_seconds = 15.0 if settings.embedded else 0.0
    c.WorkbenchOIDC.logout_url_fallback = oidc.logout_url or ""
    c.WorkbenchOIDC.after_logout_url = settings.public_url + "/hub/login"
    c.WorkbenchOIDC.enable_auth_state = True
    c.WorkbenchOIDC.auth_refresh_age = oidc.refresh_seconds
    c.WorkbenchOIDC.refresh_pre_spawn = True
    c.WorkbenchOIDC.unconfirmed_seconds = oidc.unconfirmed_hours * 3600
    c.WorkbenchOIDC.validate_server_cert = True
    limits: dict[str, Any] = {"follow_redirects": False, "connect_timeout": 5, "request_timeout": 10}
    c.WorkbenchOIDC.http_request_kwargs = {**limits, "ca_certs": str(oidc.ca_file)} if oidc.ca_file else limits
    c.CryptKeeper.keys = [bytes.fromhex(made_once(settings, "auth-state"))]
