"""Users, their groups, and who changed what.

A user is made by an admin, or by a directory (the hub or the OpenID issuer) when first seen. What a directory says of
its users' roles and groups holds: it is written down at each request that says otherwise, and admins do not edit it.
"""

import re
from collections.abc import Iterable, Sequence

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from oasis_kernel.service.database import Database
from oasis_kernel.service.identity import Claim, Role
from oasis_kernel.service.problems import Problem
from oasis_kernel.service.tables import Audit, Group, Membership, User

LOCAL_USER = "local"
NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")
GROUP = re.compile(r"\S(.{0,98}\S)?")


def find_user(session: Session, name: str) -> User | None:
    """Return the user of this name, None when there is none."""
    return session.scalars(select(User).where(User.name == name)).one_or_none()


def groups_of(session: Session, user_id: str) -> tuple[str, ...]:
    """Return the names of a user's groups, sorted."""
    return tuple(
        session.scalars(select(Membership.group).where(Membership.user_id == user_id).order_by(Membership.group))
    )


def members_of(session: Session, group: str) -> Sequence[str]:
    """Return the names of a group's users, sorted."""
    query = select(User.name).join(Membership, Membership.user_id == User.id).where(Membership.group == group)
    return session.scalars(query.order_by(User.name)).all()


def create_user(session: Session, name: str, role: Role, groups: Iterable[str] = ()) -> User:
    """Return a new user, in groups that exist; 409 when the name is taken, 422 when it cannot be one."""
    if not NAME.fullmatch(name):
        raise Problem(422, f"{name!r} cannot be a user's name", remedy="Use small letters, digits and . _ @ + -")
    if name == LOCAL_USER or find_user(session, name) is not None:
        raise Problem(409, f"There is a user {name} already", remedy="Choose another name")
    user = User(name=name, role=role)
    session.add(user)
    session.flush()
    set_groups(session, user, known_groups(session, groups))
    return user


def known_groups(session: Session, groups: Iterable[str]) -> list[str]:
    """Return ``groups`` sorted, each once; 422 when one does not exist."""
    wanted = sorted(set(groups))
    missing = sorted(set(wanted) - set(session.scalars(select(Group.name).where(Group.name.in_(wanted)))))
    if missing:
        raise Problem(422, f"There is no group {', '.join(missing)}", remedy="Make it first: POST /v1/groups")
    return wanted


def set_groups(session: Session, user: User, groups: Iterable[str]) -> None:
    """Put a user in exactly these groups."""
    wanted, present = set(groups), set(groups_of(session, user.id))
    gone = present - wanted
    if gone:
        session.execute(delete(Membership).where(Membership.user_id == user.id, Membership.group.in_(gone)))
    session.add_all(Membership(user_id=user.id, group=group) for group in sorted(wanted - present))
    session.flush()


def set_members(session: Session, group: str, names: Iterable[str]) -> None:
    """Put exactly these users in a group; 422 when one does not exist, 409 when a directory decides for one."""
    wanted, present = set(names), set(members_of(session, group))
    users = {user.name: user for user in session.scalars(select(User).where(User.name.in_(wanted | present)))}
    if missing := sorted(wanted - set(users)):
        raise Problem(422, f"There is no user {', '.join(missing)}", remedy="Make it first: POST /v1/users")
    for name in wanted ^ present:
        require_managed_here(users[name])
    for name in present - wanted:
        mine = Membership.user_id == users[name].id
        session.execute(delete(Membership).where(mine, Membership.group == group))
    session.add_all(Membership(user_id=users[name].id, group=group) for name in sorted(wanted - present))
    session.flush()


def require_managed_here(user: User) -> None:
    """Answer 409 when a directory decides on the user's role and groups."""
    if user.directory:
        detail = f"The role and groups of {user.name} come from the hub or the OpenID issuer"
        raise Problem(409, detail, remedy="Change them there, or map groups to roles in the service's settings")


def note(session: Session, who: str, action: str, resource: str, resource_id: str) -> None:
    """Write down who changed what."""
    session.add(Audit(user=who, action=action, resource=resource, resource_id=resource_id))


def local_user(database: Database) -> User:
    """Return the user of the local token, an admin, made when first asked for."""
    with database.read() as session:
        user = find_user(session, LOCAL_USER)
    if user is not None:
        return user
    try:
        with database.write() as session:
            user = User(name=LOCAL_USER, role=Role.ADMIN)
            session.add(user)
            note(session, LOCAL_USER, "create", "user", LOCAL_USER)
    except IntegrityError:  # another request made it just now
        with database.read() as session:
            user = find_user(session, LOCAL_USER)
    assert user is not None
    return user


def directory_user(database: Database, claim: Claim) -> User:
    """Return the user that a directory names, with the role and groups that it gives; 403 when it may not be that one.

    A user that was made here is not the directory's to take: names are the keys to what is owned.
    """
    with database.read() as session:
        user = find_user(session, claim.name)
        if user is not None and _agrees(session, user, claim):
            return user
    try:
        return _write_down(database, claim)
    except IntegrityError:  # another request wrote it down just now
        return _write_down(database, claim)


def _agrees(session: Session, user: User, claim: Claim) -> bool:
    return user.directory and user.role == claim.role and groups_of(session, user.id) == claim.groups


def _write_down(database: Database, claim: Claim) -> User:
    with database.write() as session:
        user = find_user(session, claim.name)
        if user is None:
            _check_name(claim)
            user = User(name=claim.name, role=claim.role, directory=True)
            session.add(user)
            session.flush()
            note(session, claim.name, f"create by {claim.door}", "user", claim.name)
        if not user.directory:
            detail = f"{user.name} was made by an admin here, and is not the {claim.door} user of that name"
            raise Problem(403, detail, remedy='An admin can hand it over: PATCH /v1/users/ID {"directory": true}')
        if user.role != claim.role:
            note(session, claim.name, f"role {claim.role} by {claim.door}", "user", claim.name)
            user.role = claim.role
        known = set(session.scalars(select(Group.name).where(Group.name.in_(claim.groups))))
        session.add_all(Group(name=name) for name in claim.groups if name not in known)
        session.flush()
        set_groups(session, user, claim.groups)
        return user


def _check_name(claim: Claim) -> None:
    account = claim.name.removeprefix(f"{claim.door}-service:")
    if not NAME.fullmatch(account) or claim.name == LOCAL_USER:
        detail = f"{claim.name!r} cannot be a user's name here"
        raise Problem(403, detail, remedy="Have the directory give letters, digits and . _ @ + - only")
