"""Tokens: made by their user, shown once, listed without their secrets, revoked at once."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from oasis_kernel.service.access import Viewer
from oasis_kernel.service.context import Service
from oasis_kernel.service.identity import Identity, Role
from oasis_kernel.service.paging import Listed, Page, listed, page
from oasis_kernel.service.problems import answers, not_found
from oasis_kernel.service.tables import Token, User, now
from oasis_kernel.service.tokens import NewToken, cap_for, create_token, latest, room_for_one
from oasis_kernel.service.users import note
from oasis_kernel.service.views import ROOT

router = APIRouter(prefix=f"{ROOT}/tokens", tags=["tokens"])


class AskedToken(BaseModel):
    """The token to make."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$", examples=["nightly runs"])
    days: float | None = Field(None, gt=0, description="how long it is valid; not given: as long as the service allows")
    role: Role | None = Field(None, description="the most it may do; not given: as much as its user")


class TokenView(BaseModel):
    """A token, without its secret."""

    url: str
    id: str
    name: str
    user: str
    role_cap: Role | None = Field(None, description="the most it may do; null: as much as its user")
    created: datetime
    expires: datetime
    revoked: datetime | None = None
    last_used: datetime | None = Field(None, description="to the minute")

    @classmethod
    def of(cls, token: Token, user: str) -> "TokenView":
        """The view of a token."""
        return cls(url=f"{ROOT}/tokens/{token.id}", user=user, **values_of(token))


class MadeToken(TokenView):
    """A token just made, with the secret that is shown this once."""

    token: str = Field(description="the secret: send it as Authorization: Bearer", examples=["oasis_" + "x" * 43])

    @classmethod
    def made(cls, new: NewToken, user: str) -> "MadeToken":
        """The view of a new token."""
        return cls(token=new.secret, url=f"{ROOT}/tokens/{new.row.id}", user=user, **values_of(new.row))


def values_of(token: Token) -> dict[str, object]:
    """The values of a token that its views share."""
    return {
        name: getattr(token, name) for name in ("id", "name", "role_cap", "created", "expires", "revoked", "last_used")
    }


@router.get("", summary="List your tokens", responses=answers())
def list_tokens(parts: Service, user: Viewer, wanted: Annotated[Page, Depends(page)]) -> Listed[TokenView]:
    """Your own tokens, newest first, those that are valid no more too."""
    with parts.database.read() as session:
        query = select(Token).where(Token.user_id == user.user_id)
        rows, following, total = listed(session, query, wanted, [Token.id])
        return Listed[TokenView](items=[TokenView.of(row, user.name) for row in rows], next=following, total=total)


@router.post("", status_code=201, summary="Make a token", responses=answers(403, 409))
def make_token(parts: Service, user: Viewer, asked: AskedToken, response: Response) -> MadeToken:
    """Make a token for yourself. It may do no more, and lives no longer, than the token you make it with."""
    at = now()
    with parts.database.write() as session:
        room_for_one(session, user.user_id, at)
        owner = session.get_one(User, user.user_id)
        parent = session.get(Token, user.token_id) if user.token_id else None
        expires = latest(asked.days, parts.settings.token_days, at, parent)
        made = create_token(session, owner, asked.name, expires, cap_for(user, asked.role, Role(owner.role)))
        note(session, user.name, "create", "token", made.row.id)
        view = MadeToken.made(made, user.name)
    response.headers["Location"] = view.url
    response.headers["Cache-Control"] = "no-store"
    return view


@router.get("/{token_id}", summary="A token", responses=answers(404))
def show_token(parts: Service, user: Viewer, token_id: str) -> TokenView:
    """A token of yours (an admin: of anybody), without its secret."""
    with parts.database.read() as session:
        return TokenView.of(*_token_for(session, user, token_id))


@router.delete("/{token_id}", status_code=204, summary="Revoke a token", responses=answers(404))
def revoke_token(parts: Service, user: Viewer, token_id: str) -> None:
    """Revoke a token of yours (an admin: of anybody): it opens nothing from now on."""
    with parts.database.write() as session:
        token, _ = _token_for(session, user, token_id)
        if token.revoked is None:
            token.revoked = now()
            note(session, user.name, "revoke", "token", token.id)


def _token_for(session: Session, user: Identity, token_id: str) -> tuple[Token, str]:
    """The token and its user's name; 404 where it is somebody else's and the request no admin's."""
    token = session.get(Token, token_id) if "\0" not in token_id else None
    if token is None or not (user.is_admin or token.user_id == user.user_id):
        raise not_found("token", token_id)
    return token, session.get_one(User, token.user_id).name
