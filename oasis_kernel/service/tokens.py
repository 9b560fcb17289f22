"""Tokens of the service: made here, shown once, known afterwards by their SHA-256 alone.

A secret has 256 random bits, so that its plain hash is as hard to turn back as the secret is to guess.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from oasis_kernel.service.identity import Identity, Role
from oasis_kernel.service.problems import Problem
from oasis_kernel.service.tables import Token, User

PREFIX = "oasis_"
LENGTH = len(PREFIX) + 43
USE_NOTED_EVERY = timedelta(minutes=1)
MOST_LIVE_TOKENS = 100


@dataclass(frozen=True)
class NewToken:
    """A token just made: its row, and the secret that nobody will see again."""

    row: Token
    secret: str = field(repr=False)


def new_secret() -> str:
    """Return a new secret: ``oasis_`` and 43 url-safe characters."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """Return the SHA-256 of a secret, in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create_token(session: Session, user: User, name: str, expires: datetime, role_cap: Role | None = None) -> NewToken:
    """Return a new token of ``user`` that is valid until ``expires`` and may do no more than ``role_cap``."""
    secret = new_secret()
    row = Token(user_id=user.id, name=name, hash=hash_of(secret), role_cap=role_cap, expires=expires)
    session.add(row)
    session.flush()
    return NewToken(row, secret)


def find_token(session: Session, secret: str) -> tuple[Token, User] | None:
    """Return the token with this secret and its user, whatever their state; None when there is no such token."""
    query = select(Token, User).join(User, User.id == Token.user_id).where(Token.hash == hash_of(secret))
    found = session.execute(query).one_or_none()
    return (found[0], found[1]) if found else None


def why_dead(token: Token, at: datetime) -> str | None:
    """Return why the token is valid no more, to go on after "The token"; None while it is."""
    if token.revoked is not None:
        return f"{token.name} was revoked at {token.revoked:%Y-%m-%d %H:%M} UTC"
    if token.expires <= at:
        return f"{token.name} expired at {token.expires:%Y-%m-%d %H:%M} UTC"
    return None


def needs_note(token: Token, at: datetime) -> bool:
    """Whether the last use on record is old enough to be written again."""
    return token.last_used is None or at - token.last_used >= USE_NOTED_EVERY


def note_use(session: Session, token_id: str, at: datetime) -> None:
    """Write when the token was last used, unless another process just did."""
    stale = or_(Token.last_used.is_(None), Token.last_used <= at - USE_NOTED_EVERY)
    session.execute(update(Token).where(Token.id == token_id, stale).values(last_used=at))


def tokens_of(session: Session, user_id: str) -> Sequence[Token]:
    """Return the tokens of a user, newest first, dead ones too."""
    return session.scalars(select(Token).where(Token.user_id == user_id).order_by(Token.id.desc())).all()


def revoke_all(session: Session, user_id: str, at: datetime) -> int:
    """Revoke every live token of a user, and return how many there were."""
    mine = select(Token).where(Token.user_id == user_id, Token.revoked.is_(None), Token.expires > at)
    live = session.scalars(mine).all()
    for token in live:
        token.revoked = at
    return len(live)


def room_for_one(session: Session, user_id: str, at: datetime) -> None:
    """Answer 409 when the user has as many live tokens as anybody may have."""
    live = [token for token in tokens_of(session, user_id) if why_dead(token, at) is None]
    if len(live) >= MOST_LIVE_TOKENS:
        raise Problem(409, f"There are already {len(live)} live tokens", remedy="Revoke those that are not used")


def cap_for(identity: Identity, asked: Role | None, user_role: Role) -> Role | None:
    """Return the cap of a token that ``identity`` makes for itself: never above the role it comes with itself."""
    if asked is not None:
        if not identity.role.at_least(asked):
            detail = f"You come with the role {identity.role}; a token cannot have {asked}"
            raise Problem(403, detail, remedy=f"Ask for {identity.role} or less")
        return asked
    return None if identity.role.at_least(user_role) else identity.role


def latest(asked_days: float | None, longest_days: float, at: datetime, parent: Token | None) -> datetime:
    """Return until when a token is valid: at most the longest, and never longer than the token that makes it."""
    wanted = longest_days if asked_days is None else asked_days
    if not 0 < wanted <= longest_days:
        raise Problem(422, f"A token must be valid for up to {longest_days:g} days, got {wanted:g}", remedy="Ask fewer")
    until = at + timedelta(days=wanted)
    return until if parent is None else min(until, parent.expires)
