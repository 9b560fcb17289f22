"""A request for an analysis with everything it names found, and allowed to the user who asks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oasis_kernel.model.settings import parse_settings
from oasis_kernel.service.access import find_model_for, find_visible
from oasis_kernel.service.context import Context
from oasis_kernel.service.identity import Identity
from oasis_kernel.service.links import Links, confine
from oasis_kernel.service.portfolios import find_version
from oasis_kernel.service.requests import AnalysisInputs, merged_settings
from oasis_kernel.service.tables import Portfolio, PortfolioVersion, SettingsTemplate


@dataclass(frozen=True)
class Asked:
    """What an analysis is made of."""

    model: str
    portfolio: Portfolio
    version: PortfolioVersion
    kept: Mapping[str, Any]  # requests.KEPT


def resolved(parts: Context, user: Identity, asked: AnalysisInputs) -> Asked:
    """The request with its portfolio, version and template; 404 for what the user does not see."""
    with parts.database.read() as session:
        find_model_for(session, user, parts.plugins, asked.model)
        portfolio = find_visible(session, user, Portfolio, asked.portfolio)
        version = find_version(session, portfolio, asked.version)
        template = None
        if asked.template is not None:
            template = find_visible(session, user, SettingsTemplate, asked.template).settings
    settings = merged_settings(template, asked.settings)
    kept = asked.kept(confined(parts, settings) if settings is not None else None)
    return Asked(asked.model, portfolio, version, kept)


def confined(parts: Context, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, checked, with every file they name under an allowed prefix; InvalidInput otherwise."""
    parse_settings(json.dumps(settings), "settings")
    return confine(settings, Links(parts.settings.storage_links))
