"""What happens when somebody leaves: out of every page, token and server, whether or not they come by.

The hub asks the provider about a person only while they look at the hub's pages. A watch asks about everybody who has
a server or a token, so that neither outlives the access it was made with.
"""

import asyncio
import secrets
import time
from typing import Any, Protocol

from jupyterhub import orm, roles
from jupyterhub.user import User
from tornado.ioloop import PeriodicCallback

AT_ONCE = 8


class Gone(Exception):
    """The provider no longer vouches for a person."""


class Unconfirmed(Exception):
    """The provider says neither yes nor no; ``login`` whether a new log-in would settle it."""

    def __init__(self, message: str, *, login: bool = False) -> None:
        super().__init__(message)
        self.login = login


class Authenticator(Protocol):
    """Whom the watch asks."""

    auth_refresh_age: int

    async def confirm(self, user: User) -> bool | dict[str, Any]:
        """Return a person as the provider knows them now, or True; ``Gone`` and ``Unconfirmed`` otherwise."""
        ...


def watch(app: Any, authenticator: Authenticator) -> None:
    """Begin to ask, every ``auth_refresh_age`` seconds, about everybody who has a server or a token."""

    async def ask() -> None:
        await ask_about_all(app, authenticator)

    PeriodicCallback(ask, authenticator.auth_refresh_age * 1000, jitter=0.1).start()


async def ask_about_all(app: Any, authenticator: Authenticator) -> None:
    """Confirm everybody who has a server or a token and was not asked about just now; who is gone is locked out."""
    free = asyncio.Semaphore(AT_ONCE)

    async def ask(user: User) -> None:
        async with free:
            await _ask_about(app, authenticator, user)

    known = [app.users[row] for row in app.db.query(orm.User)]
    await asyncio.gather(*(ask(user) for user in known if _has_something(user) and _is_due(user, authenticator)))


def _has_something(user: User) -> bool:
    return bool(user.orm_user.api_tokens) or any(spawner.active for spawner in user.spawners.values())


def _is_due(user: User, authenticator: Authenticator) -> bool:
    asked = user._auth_refreshed
    return not asked or time.monotonic() - asked > authenticator.auth_refresh_age / 2


async def _ask_about(app: Any, authenticator: Authenticator, user: User) -> None:
    try:
        found = await authenticator.confirm(user)
    except (Gone, Unconfirmed):
        return  # logged where it was found, and done what follows
    except Exception:  # one person's failure must not keep the others from being asked about
        app.log.exception("Cannot ask the provider about %s", user.name)
        return
    if isinstance(found, dict):
        user.admin = found["admin"]
        roles.assign_default_roles(app.db, entity=user.orm_user)
        user.sync_groups(found["groups"])
        app.db.commit()
        user._auth_refreshed = time.monotonic()


async def lock_out(app: Any, user: User, why: str) -> None:
    """Take a person's sessions, tokens, groups and administrator's rights, then stop their servers."""
    app.log.warning("%s is locked out: %s", user.name, why)
    user.cookie_id = secrets.token_hex(16)
    for row in (*user.orm_user.api_tokens, *user.orm_user.oauth_codes):
        app.db.delete(row)
    user.admin = False
    roles.assign_default_roles(app.db, entity=user.orm_user)
    user.sync_groups([])
    user._auth_refreshed = None
    await user.save_auth_state(None)
    for name, spawner in list(user.spawners.items()):
        if spawner.active and not spawner.pending:
            await app.proxy.delete_user(user, name)
            await user.stop(name)
