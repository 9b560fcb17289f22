"""Users, groups and who changed what: for admins."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from oasis_kernel.service.access import Admin
from oasis_kernel.service.context import Service
from oasis_kernel.service.identity import Identity, Role
from oasis_kernel.service.paging import Listed, Page, listed, page
from oasis_kernel.service.problems import answers, conflict, not_found
from oasis_kernel.service.routes.tokens import AskedToken, MadeToken
from oasis_kernel.service.tables import Audit, Group, Membership, User, now
from oasis_kernel.service.tokens import create_token, latest, revoke_all, room_for_one
from oasis_kernel.service.users import (
    create_user,
    known_groups,
    members_of,
    note,
    require_managed_here,
    set_groups,
    set_members,
)
from oasis_kernel.service.views import ROOT

router = APIRouter(prefix=ROOT, tags=["users"])

UserName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._@+-]{0,99}$", examples=["ada"])]
GroupName = Annotated[str, Field(pattern=r"^[^\x00-\x20]([^\x00-\x1f]{0,98}[^\x00-\x20])?$", examples=["flood"])]


class NewUser(BaseModel):
    """The user to make."""

    model_config = ConfigDict(extra="forbid")

    name: UserName
    role: Role = Role.ANALYST
    groups: list[GroupName] = Field(default_factory=list)


class ChangedUser(BaseModel):
    """What is to be different; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    groups: list[GroupName] | None = None
    active: bool | None = Field(None, description="false: every door is shut, and the user's tokens are revoked")
    directory: bool | None = Field(None, description="whether role and groups come from the hub or the OpenID issuer")


class AccountView(BaseModel):
    """A user."""

    url: str
    id: str
    name: str
    role: Role
    groups: list[str]
    active: bool
    directory: bool = Field(description="whether role and groups come from the hub or the OpenID issuer")
    created: datetime


class NewGroup(BaseModel):
    """The group to make."""

    model_config = ConfigDict(extra="forbid")

    name: GroupName
    members: list[UserName] = Field(default_factory=list)


class ChangedGroup(BaseModel):
    """Who is to be in the group."""

    model_config = ConfigDict(extra="forbid")

    members: list[str]


class GroupView(BaseModel):
    """A group."""

    url: str
    name: str
    members: list[str]


class AuditView(BaseModel):
    """One change."""

    at: datetime
    user: str
    action: str
    resource: str
    resource_id: str


@router.get("/users", summary="List the users", responses=answers(403))
def list_users(parts: Service, user: Admin, wanted: Annotated[Page, Depends(page)]) -> Listed[AccountView]:
    """All users, newest first."""
    with parts.database.read() as session:
        rows, following, total = listed(session, select(User), wanted, [User.id])
        return Listed[AccountView](items=_accounts(session, rows), next=following, total=total)


@router.post("/users", status_code=201, summary="Make a user", responses=answers(403, 409))
def make_user(parts: Service, user: Admin, new: NewUser, response: Response) -> AccountView:
    """Make a user, who gets in with a token: `POST /v1/users/{id}/tokens`."""
    with parts.database.write() as session:
        made = create_user(session, new.name, new.role, new.groups)
        note(session, user.name, "create", "user", made.name)
        view = _account(session, made)
    response.headers["Location"] = view.url
    return view


@router.get("/users/{user_id}", summary="A user", responses=answers(403, 404))
def show_user(parts: Service, user: Admin, user_id: str) -> AccountView:
    """A user with its role and groups."""
    with parts.database.read() as session:
        return _account(session, _user(session, user_id))


@router.patch("/users/{user_id}", summary="Change a user", responses=answers(403, 404, 409))
def change_user(parts: Service, user: Admin, user_id: str, changed: ChangedUser) -> AccountView:
    """Change role, groups, or whether the user may come in at all. Tokens follow the role at once."""
    with parts.database.write() as session:
        row = _user(session, user_id)
        if row.id == user.user_id and changed.model_dump(include={"role", "active", "directory"}, exclude_none=True):
            raise conflict("You cannot change your own role or shut yourself out", "Ask another admin")
        if changed.directory is not None:
            row.directory = changed.directory
            note(session, user.name, f"directory {changed.directory}", "user", row.name)
        _change(session, user, row, changed)
        session.flush()
        return _account(session, row)


def _change(session: Session, user: Identity, row: User, changed: ChangedUser) -> None:
    if changed.role is not None or changed.groups is not None:
        require_managed_here(row)
    if changed.role is not None:
        row.role = changed.role
        note(session, user.name, f"role {changed.role}", "user", row.name)
    if changed.groups is not None:
        set_groups(session, row, known_groups(session, changed.groups))
        note(session, user.name, "groups", "user", row.name)
    if changed.active is not None:
        row.active = changed.active
        note(session, user.name, "switch on" if changed.active else "switch off", "user", row.name)
        if not changed.active:
            revoke_all(session, row.id, now())


@router.post(
    "/users/{user_id}/tokens", status_code=201, summary="Make a user's token", responses=answers(403, 404, 409)
)
def make_users_token(parts: Service, user: Admin, user_id: str, asked: AskedToken, response: Response) -> MadeToken:
    """Make a token for somebody who has none yet, or for a machine. Its secret is shown this once."""
    at = now()
    with parts.database.write() as session:
        row = _user(session, user_id)
        room_for_one(session, row.id, at)
        expires = latest(asked.days, parts.settings.token_days, at, None)
        made = create_token(session, row, asked.name, expires, asked.role)
        note(session, user.name, "create", "token", made.row.id)
        view = MadeToken.made(made, row.name)
    response.headers["Location"] = view.url
    response.headers["Cache-Control"] = "no-store"
    return view


@router.delete(
    "/users/{user_id}/tokens", status_code=204, summary="Revoke a user's tokens", responses=answers(403, 404)
)
def revoke_users_tokens(parts: Service, user: Admin, user_id: str) -> None:
    """Revoke every token of a user."""
    with parts.database.write() as session:
        row = _user(session, user_id)
        revoke_all(session, row.id, now())
        note(session, user.name, "revoke all", "token", row.name)


@router.get("/groups", summary="List the groups", responses=answers(403))
def list_groups(parts: Service, user: Admin, wanted: Annotated[Page, Depends(page)]) -> Listed[GroupView]:
    """All groups, by name."""
    with parts.database.read() as session:
        rows, following, total = listed(session, select(Group), wanted, [Group.name], newest=False)
        items = [_group_view(session, row) for row in rows]
        return Listed[GroupView](items=items, next=following, total=total)


@router.post("/groups", status_code=201, summary="Make a group", responses=answers(403, 409))
def make_group(parts: Service, user: Admin, new: NewGroup, response: Response) -> GroupView:
    """Make a group. What is shared with it, its members see."""
    with parts.database.write() as session:
        if session.get(Group, new.name) is not None:
            raise conflict(f"There is a group {new.name} already", "Change its members instead")
        group = Group(name=new.name)
        session.add(group)
        session.flush()
        set_members(session, new.name, new.members)
        note(session, user.name, "create", "group", new.name)
        view = _group_view(session, group)
    response.headers["Location"] = view.url
    return view


@router.get("/groups/{name:path}", summary="A group", responses=answers(403, 404))
def show_group(parts: Service, user: Admin, name: str) -> GroupView:
    """A group with its members."""
    with parts.database.read() as session:
        return _group_view(session, _group(session, name))


@router.patch("/groups/{name:path}", summary="Say who is in a group", responses=answers(403, 404, 409))
def change_group(parts: Service, user: Admin, name: str, changed: ChangedGroup) -> GroupView:
    """Put exactly these users in the group."""
    with parts.database.write() as session:
        group = _group(session, name)
        set_members(session, group.name, changed.members)
        note(session, user.name, "members", "group", group.name)
        return _group_view(session, group)


@router.get("/audit", summary="Who changed what", responses=answers(403))
def list_changes(parts: Service, user: Admin, wanted: Annotated[Page, Depends(page)]) -> Listed[AuditView]:
    """Changes of users, groups, tokens, access, portfolios and analyses, newest first."""
    with parts.database.read() as session:
        rows, following, total = listed(session, select(Audit), wanted, [Audit.id])
        items = [AuditView.model_validate(row, from_attributes=True) for row in rows]
        return Listed[AuditView](items=items, next=following, total=total)


def _user(session: Session, user_id: str) -> User:
    row = session.get(User, user_id) if "\0" not in user_id else None
    if row is None:
        raise not_found("user", user_id)
    return row


def _group(session: Session, name: str) -> Group:
    row = session.get(Group, name) if "\0" not in name else None
    if row is None:
        raise not_found("group", name)
    return row


def _account(session: Session, user: User) -> AccountView:
    return _accounts(session, [user])[0]


def _accounts(session: Session, users: Sequence[User]) -> list[AccountView]:
    """The views of users, their groups read at once."""
    groups = _groups(session, [user.id for user in users])
    return [
        AccountView(
            url=f"{ROOT}/users/{user.id}",
            id=user.id,
            name=user.name,
            role=Role(user.role),
            groups=groups[user.id],
            active=user.active,
            directory=user.directory,
            created=user.created,
        )
        for user in users
    ]


def _groups(session: Session, user_ids: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {user_id: [] for user_id in user_ids}
    query = select(Membership).where(Membership.user_id.in_(found)).order_by(Membership.group)
    for membership in session.scalars(query):
        found[membership.user_id].append(membership.group)
    return found


def _group_view(session: Session, group: Group) -> GroupView:
    url = f"{ROOT}/groups/{quote(group.name, safe='')}"
    return GroupView(url=url, name=group.name, members=list(members_of(session, group.name)))
