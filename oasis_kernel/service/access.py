"""Who may see and change what: dependencies of routes, filters of queries, and the answers 401, 403 and 404.

An object is visible to its owner, to members of its groups and to admins; to anybody else it does not exist (404).
Browsers hold no session here: a request is authorised by its ``Authorization`` header alone, which another site's page
cannot send, so there is nothing for cross-site request forgery to use.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from oasis_kernel.errors import InvalidInput
from oasis_kernel.model.vendor import Model
from oasis_kernel.plugins import Plugins
from oasis_kernel.plugins.catalogue import find_model
from oasis_kernel.service.database import holds_any
from oasis_kernel.service.identity import Identity, Role
from oasis_kernel.service.problems import Problem, not_found
from oasis_kernel.service.tables import ModelAccess

# Declared for the OpenAPI description only; the gate reads the header itself (a hub's clients say "token").
bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="A token of this service, a JupyterHub token, an OpenID Connect token, or the machine's local token.",
)


NOUNS = {"runs": "analysis", "portfolios": "portfolio", "settings_templates": "template", "uploads": "upload"}


def forbidden(detail: str, remedy: str) -> Problem:
    """403: known, but not allowed to do this."""
    return Problem(403, detail, remedy=remedy)


class Gate(Protocol):
    """What the application keeps as ``app.state.gate``: the doors, in one."""

    def identify(self, request: Request) -> Identity:
        """Return who asks; raise the ``Problem`` to answer otherwise."""
        ...


def current_user(request: Request, _: Annotated[object, Security(bearer)] = None) -> Identity:
    """Return who asks, from the request's ``Authorization`` header; 401 without one that a door knows."""
    gate: Gate = request.app.state.gate
    return gate.identify(request)


def require(role: Role | str) -> Callable[[Identity], Identity]:
    """Return a dependency that gives who asks, and answers 403 to anybody below ``role``."""
    needed = Role(role)

    def with_role(identity: Annotated[Identity, Depends(current_user)]) -> Identity:
        if not identity.role.at_least(needed):
            raise forbidden(
                f"This needs the role {needed}; {identity.name} comes with {identity.role}",
                "Ask an admin for the role, or use a token that is not capped below it",
            )
        return identity

    return with_role


Viewer = Annotated[Identity, Depends(require(Role.VIEWER))]
Analyst = Annotated[Identity, Depends(require(Role.ANALYST))]
ModelAdmin = Annotated[Identity, Depends(require(Role.MODEL_ADMIN))]
Admin = Annotated[Identity, Depends(require(Role.ADMIN))]


def visible_to(identity: Identity, table: Any) -> ColumnElement[bool]:
    """Return the condition under which rows of ``table`` (with ``owner`` and ``groups``) exist for ``identity``."""
    if identity.is_admin:
        return true()
    return or_(table.owner == identity.name, holds_any(table.groups, identity.groups))


def find_visible(session: Session, identity: Identity, table: Any, row_id: str) -> Any:
    """Return the row of ``table`` with ``row_id``; 404 when there is none, it was deleted, or it is not visible."""
    query = select(table).where(table.id == row_id, visible_to(identity, table))
    if hasattr(table, "deleted"):
        query = query.where(table.deleted.is_(None))
    row = None if "\0" in row_id else session.scalars(query).one_or_none()  # PostgreSQL refuses to look for it
    if row is None:
        raise not_found(NOUNS.get(table.__tablename__, table.__tablename__), row_id)
    return row


def may_change(identity: Identity, row: Any) -> bool:
    """Whether ``identity`` may edit or delete ``row``: an admin, or its owner while an analyst or more."""
    return identity.is_admin or (row.owner == identity.name and identity.role.at_least(Role.ANALYST))


def may_operate(identity: Identity, row: Any) -> bool:
    """Whether ``identity`` may run, cancel and resume ``row``: who may change it, and analysts of its groups."""
    return may_change(identity, row) or (identity.role.at_least(Role.ANALYST) and identity.in_any(row.groups))


def require_change(identity: Identity, row: Any) -> None:
    """Answer 403 unless ``identity`` may edit or delete ``row``."""
    if not may_change(identity, row):
        raise forbidden(f"Only its owner or an admin may change {row.name or row.id}", "Make one of your own")


def require_operate(identity: Identity, row: Any) -> None:
    """Answer 403 unless ``identity`` may run, cancel and resume ``row``."""
    if not may_operate(identity, row):
        detail = f"Only its owner, analysts of its groups or an admin may run, cancel or resume {row.name or row.id}"
        raise forbidden(detail, "Ask its owner to share it with one of your groups")


def require_own_groups(identity: Identity, groups: Iterable[str]) -> None:
    """Answer 403 when something would be shared with a group that ``identity`` is not in (admins may)."""
    foreign = sorted(set(groups) - set(identity.groups))
    if foreign and not identity.is_admin:
        raise forbidden(
            f"{identity.name} is not in {', '.join(foreign)}", "Share only with groups that GET /v1 lists as yours"
        )


def hidden_models(session: Session, identity: Identity) -> set[str]:
    """Return the names of the models that do not exist for ``identity``: given to groups, none of them its own."""
    if identity.role.at_least(Role.MODEL_ADMIN):
        return set()
    rows = session.scalars(select(ModelAccess))
    return {row.model for row in rows if not identity.in_any(row.groups)}


def require_model(session: Session, identity: Identity, model: str) -> None:
    """Answer 404 when ``model`` is given to groups that ``identity`` is not in."""
    if model in hidden_models(session, identity):
        raise not_found("model", model)


def find_model_for(session: Session, identity: Identity, plugins: Plugins, name: str) -> Model:
    """Return the installed model of this name; 404 when there is none, or none that ``identity`` sees.

    The nearest name is told in both cases, of the models that are seen.
    """
    hidden = hidden_models(session, identity)
    seen = {known: model for known, model in plugins.models().items() if known not in hidden}
    try:
        return find_model(name, seen, plugins.broken)
    except InvalidInput as error:
        raise Problem(404, str(error), findings=error.findings) from error
