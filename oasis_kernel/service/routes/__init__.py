"""The service's routes, one resource a module."""

from oasis_kernel.service.routes import (
    analyses,
    analysis_parts,
    asking,
    cluster,
    compare,
    curves,
    events,
    home,
    keys,
    models,
    portfolio_files,
    portfolios,
    results,
    templates,
    tokens,
    uploads,
    users,
    what_if,
)

ROUTERS = [
    home.router,
    models.router,
    keys.router,
    uploads.router,
    portfolios.router,
    portfolio_files.router,
    templates.router,
    asking.router,  # before analyses: /analyses/estimate is no analysis' id
    analyses.router,
    analysis_parts.router,
    events.router,
    results.router,
    curves.router,
    what_if.router,
    compare.router,
    cluster.router,
    tokens.router,
    users.router,
]

TAGS = [
    {"name": "service", "description": "What this is, and whether it works."},
    {"name": "models", "description": "The installed models: their settings, versions, and who sees them."},
    {"name": "keys", "description": "What a model makes of locations, before anything is computed."},
    {"name": "uploads", "description": "Large files in pieces, resumable."},
    {"name": "portfolios", "description": "OED files under a name, in versions."},
    {"name": "settings templates", "description": "Analysis settings under a name, to be used again."},
    {"name": "analyses", "description": "Estimate, run, follow, cancel, resume."},
    {"name": "results", "description": "ORD tables, curves, downloads, what-if, comparison."},
    {"name": "cluster", "description": "Workers, queue and load."},
    {"name": "tokens", "description": "Keys to this service."},
    {"name": "users", "description": "Users and groups."},
]
