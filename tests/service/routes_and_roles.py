"""Every route of the service, and who may: the table that ``test_authorisation`` holds the service to.

Ann, an analyst of the group quants, owns what the paths name and has shared it with her group. Vera (a viewer) and Bob
(an analyst) are of that group, Mona (a model admin) is of none, Eve (an analyst) is of another one, root is an admin.
"""

from dataclasses import dataclass, field
from typing import Any

WHO = ("", "vera", "ann", "bob", "mona", "root", "eve")
Expected = tuple[str, ...]

# What each of WHO is answered; "ok" is any answer but 401, 403, 404, 429 and 5xx.
OPEN: Expected = ("ok", "ok", "ok", "ok", "ok", "ok", "ok")
KNOWN: Expected = ("401", "ok", "ok", "ok", "ok", "ok", "ok")
ANALYSTS: Expected = ("401", "403", "ok", "ok", "ok", "ok", "ok")
MODEL_ADMINS: Expected = ("401", "403", "403", "403", "ok", "ok", "403")
ADMINS: Expected = ("401", "403", "403", "403", "403", "ok", "403")
SEEN: Expected = ("401", "ok", "ok", "ok", "404", "ok", "404")  # whoever sees the object
SHARED: Expected = ("401", "403", "ok", "ok", "404", "ok", "404")  # analysts who see the object
OWNED: Expected = ("401", "403", "ok", "403", "404", "ok", "404")  # its owner and admins; those who see it are told
PRIVATE: Expected = ("401", "404", "ok", "404", "404", "ok", "404")  # its owner and admins; nobody else knows of it
PRIVATE_WORK: Expected = ("401", "403", "ok", "404", "404", "ok", "404")  # the same, where it takes an analyst


@dataclass(frozen=True)
class Route:
    """Who may, and what is sent; ``{...}`` in texts is filled in with the ids of objects made for the request."""

    expected: Expected
    body: dict[str, Any] | None = None
    query: str = ""
    name: str = ""  # the path's {name}
    headers: dict[str, str] = field(default_factory=dict)


_ASKED = {"model": "toy-wind", "portfolio": "{portfolio_id}", "settings": {}}
_LOCATION = {"CountryCode": "US", "Latitude": 25.4611, "Longitude": -80.5867, "OccupancyCode": 1051}

ROUTES: dict[str, Route] = {
    "GET /healthz": Route(OPEN),
    "GET /v1": Route(KNOWN),
    "GET /v1/models": Route(KNOWN),
    "GET /v1/models/{name}": Route(KNOWN, name="toy-wind"),
    "PUT /v1/models/{name}/access": Route(MODEL_ADMINS, {"groups": None}, name="toy-wind"),
    "POST /v1/keys": Route(KNOWN, {"model": "toy-wind", "locations": [_LOCATION]}),
    "POST /v1/portfolios": Route(ANALYSTS, {"name": "Mine"}),
    "GET /v1/portfolios": Route(KNOWN),
    "GET /v1/portfolios/{portfolio_id}": Route(SEEN),
    "PATCH /v1/portfolios/{portfolio_id}": Route(OWNED, {"name": "Other"}),
    "DELETE /v1/portfolios/{portfolio_id}": Route(OWNED),
    "POST /v1/portfolios/{portfolio_id}/versions": Route(OWNED, {}),
    "GET /v1/portfolios/{portfolio_id}/versions": Route(SEEN),
    "GET /v1/portfolios/{portfolio_id}/versions/{number}": Route(SEEN),
    "GET /v1/portfolios/{portfolio_id}/files/{kind}": Route(SEEN),
    "GET /v1/portfolios/{portfolio_id}/locations": Route(SEEN),
    "POST /v1/portfolios/{portfolio_id}/check": Route(SEEN, {}),
    "POST /v1/portfolios/{portfolio_id}/keys": Route(SEEN, {"model": "toy-wind"}),
    "POST /v1/uploads": Route(ANALYSTS, {"name": "location.csv", "kind": "location", "size": 10}),
    "GET /v1/uploads": Route(ANALYSTS),
    "GET /v1/uploads/{upload_id}": Route(PRIVATE_WORK),
    "HEAD /v1/uploads/{upload_id}": Route(PRIVATE_WORK),
    "PATCH /v1/uploads/{upload_id}": Route(PRIVATE_WORK, headers={"Upload-Offset": "0"}),
    "DELETE /v1/uploads/{upload_id}": Route(PRIVATE_WORK),
    "GET /v1/settings-templates": Route(KNOWN),
    "POST /v1/settings-templates": Route(ANALYSTS, {"name": "Mine", "settings": {}}),
    "GET /v1/settings-templates/{template_id}": Route(SEEN),
    "PATCH /v1/settings-templates/{template_id}": Route(OWNED, {"name": "Other"}),
    "DELETE /v1/settings-templates/{template_id}": Route(OWNED),
    "POST /v1/analyses/estimate": Route(SEEN, _ASKED | {"settings": {"no_such_key": 1}}),
    "POST /v1/analyses/check": Route(SEEN, _ASKED | {"settings": {"no_such_key": 1}}),
    "POST /v1/analyses": Route(SHARED, _ASKED | {"start": False}),
    "GET /v1/analyses": Route(KNOWN),
    "GET /v1/analyses/{analysis_id}": Route(SEEN),
    "PATCH /v1/analyses/{analysis_id}": Route(OWNED, {"name": "Other"}),
    "DELETE /v1/analyses/{analysis_id}": Route(OWNED),
    "POST /v1/analyses/{analysis_id}/run": Route(SHARED),
    "POST /v1/analyses/{analysis_id}/resume": Route(SHARED),
    "POST /v1/analyses/{analysis_id}/cancel": Route(SHARED),
    "GET /v1/analyses/{analysis_id}/chunks": Route(SEEN),
    "GET /v1/analyses/{analysis_id}/chunks/{number}": Route(SEEN),
    "GET /v1/analyses/{analysis_id}/findings": Route(SEEN),
    "GET /v1/analyses/{analysis_id}/log": Route(SEEN),
    "GET /v1/analyses/{analysis_id}/events": Route(SEEN, query="?wait=false"),
    "GET /v1/analyses/{analysis_id}/results": Route(SEEN),
    "GET /v1/analyses/{analysis_id}/results/{table}": Route(SEEN),
    "GET /v1/analyses/{analysis_id}/results.zip": Route(SEEN),
    "GET /v1/analyses/{analysis_id}/files/{name}": Route(SEEN, name="gul_S1_ept.csv"),
    "GET /v1/analyses/{analysis_id}/summary": Route(SEEN),
    "GET /v1/analyses/{analysis_id}/ep": Route(SEEN),
    "GET /v1/analyses/{analysis_id}/ep.png": Route(SEEN),
    "POST /v1/analyses/{analysis_id}/whatif": Route(SHARED, {"without_account": "HOMES"}),
    "GET /v1/compare": Route(SEEN, query="?a={analysis_id}&b={analysis_id}"),
    "GET /v1/cluster": Route(KNOWN),
    "GET /v1/tokens": Route(KNOWN),
    "POST /v1/tokens": Route(KNOWN, {"name": "mine", "days": 1}),
    "GET /v1/tokens/{token_id}": Route(PRIVATE),
    "DELETE /v1/tokens/{token_id}": Route(PRIVATE),
    "GET /v1/users": Route(ADMINS),
    "POST /v1/users": Route(ADMINS, {"name": "new-{number}"}),
    "GET /v1/users/{user_id}": Route(ADMINS),
    "PATCH /v1/users/{user_id}": Route(ADMINS, {"role": "viewer"}),
    "POST /v1/users/{user_id}/tokens": Route(ADMINS, {"name": "first"}),
    "DELETE /v1/users/{user_id}/tokens": Route(ADMINS),
    "GET /v1/groups": Route(ADMINS),
    "POST /v1/groups": Route(ADMINS, {"name": "new-{number}"}),
    "GET /v1/groups/{name}": Route(ADMINS, name="quants"),
    "PATCH /v1/groups/{name}": Route(ADMINS, {"members": []}, name="others-{number}"),
    "GET /v1/audit": Route(ADMINS),
}
