"""Kinds of server to choose from: sizes, images and so tool versions, some for some groups only."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from jupyterhub.spawner import Spawner
from tornado import web
from traitlets.config import Config

from hub_config.settings import HubSettings, ProfileSettings


def offered(profiles: Sequence[ProfileSettings], groups: set[str]) -> list[ProfileSettings]:
    """The profiles that a person in these groups may choose."""
    return [profile for profile in profiles if not profile.groups or groups & set(profile.groups)]


def form_of(profiles: Sequence[ProfileSettings]) -> str:
    """A form with one choice for each profile, the first one chosen."""
    rows = [
        f'<div class="form-check mb-3"><input class="form-check-input" type="radio" name="profile" '
        f'id="profile-{escape(profile.name)}" value="{escape(profile.name)}"{" checked" if not number else ""}>'
        f'<label class="form-check-label" for="profile-{escape(profile.name)}"><strong>{escape(profile.title)}</strong>'
        f"<br>{escape(profile.description)}</label></div>"
        for number, profile in enumerate(profiles)
    ]
    return f'<fieldset><legend class="h5">Kind of server</legend>{"".join(rows)}</fieldset>'


def choose(profiles: Sequence[ProfileSettings], groups: set[str], options: Mapping[str, Any]) -> ProfileSettings:
    """The profile that somebody's options name, or their first. 403 for one that is not theirs, 400 for none."""
    mine = offered(profiles, groups)
    if not mine:
        raise web.HTTPError(403, "No kind of server is open to your groups. Ask the people who run this workbench.")
    wanted = options.get("profile") or mine[0].name
    found = next((profile for profile in mine if profile.name == wanted), None)
    if found is None:
        known = any(profile.name == wanted for profile in profiles)
        raise web.HTTPError(403 if known else 400, f"profile must be one of {', '.join(each.name for each in mine)}")
    return found


def applier(settings: HubSettings) -> Callable[[Spawner, Mapping[str, Any]], None]:
    """A function that gives a server the limits and image of the profile chosen for it."""

    def give(spawner: Spawner, options: Mapping[str, Any]) -> None:
        profile = choose(settings.profiles, _groups(spawner), options)
        spawner.mem_limit = profile.memory_bytes or settings.spawner.memory_bytes
        spawner.cpu_limit = profile.cpu or settings.spawner.cpu
        if settings.spawner.kind != "local":
            spawner.image = profile.image or settings.spawner.image

    return give


def _groups(spawner: Spawner) -> set[str]:
    return {group.name for group in spawner.user.groups}


def apply(c: Config, settings: HubSettings) -> None:
    """Set the form and what a choice does, where there is something to choose."""
    if not settings.profiles:
        return

    def form(spawner: Spawner) -> str:
        mine = offered(settings.profiles, _groups(spawner))
        return form_of(mine) if len(mine) > 1 else ""

    c.Spawner.options_form = form
    c.Spawner.options_from_form = "simple"
    c.Spawner.apply_user_options = applier(settings)
