"""Who asks: a user, the role and groups the request comes with, and the door it came through."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a user may do; each role may do all that the ones before it may."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    MODEL_ADMIN = "model_admin"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """The role's place in the order, from 0 (viewer) to 3 (admin)."""
        return list(Role).index(self)

    def at_least(self, other: "Role") -> bool:
        """Whether this role may do all that ``other`` may."""
        return self.rank >= other.rank

    def capped(self, cap: "Role | str | None") -> "Role":
        """The weaker of this role and ``cap``; this role when there is no cap."""
        return self if cap is None else min(self, Role(cap), key=lambda role: role.rank)


class Door(StrEnum):
    """How a request proved who asks."""

    TOKEN = "token"  # noqa: S105 - the name of a door
    LOCAL = "local"
    HUB = "hub"
    OIDC = "oidc"


@dataclass(frozen=True)
class Identity:
    """Who asks, for one request.

    ``role`` is the effective one: the user's, or less where the token is capped. ``token_id`` names the row of
    ``tokens`` the request came with, and is None at the other doors.
    """

    user_id: str
    name: str
    role: Role
    groups: tuple[str, ...]
    token_id: str | None
    door: Door

    @property
    def is_admin(self) -> bool:
        """Whether everything is visible and changeable."""
        return self.role is Role.ADMIN

    def in_any(self, groups: list[str]) -> bool:
        """Whether one of ``groups`` is one of the user's."""
        return not set(self.groups).isdisjoint(groups)


@dataclass(frozen=True)
class Claim:
    """What a directory (the hub, the OpenID issuer) says of who asks: groups sorted, each once."""

    name: str
    role: Role
    groups: tuple[str, ...]
    door: Door


class Refused(Exception):
    """A token that no door lets in, and why; the reason goes on after "The token"."""


class NoRole(Exception):
    """A user of a directory in none of the groups that have a role here."""


def role_of(groups: tuple[str, ...], role_map: Mapping[str, str], default: str | None) -> Role:
    """Return the strongest role that one of ``groups`` is mapped to, else ``default``; ``NoRole`` without any."""
    roles = [Role(role_map[group]) for group in groups if group in role_map]
    if roles:
        return max(roles, key=lambda role: role.rank)
    if default is None:
        raise NoRole(f"none of its groups has a role here ({', '.join(sorted(role_map)) or 'no group is mapped'})")
    return Role(default)
