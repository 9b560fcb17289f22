"""600 portfolios and 5,000 runs in the store: list pages answer under 200 ms."""

import time

from rest_service import Rest
from sqlalchemy import insert

from oasis_kernel.service.ids import new_id
from oasis_kernel.service.tables import Portfolio, PortfolioVersion, Run

PORTFOLIOS, RUNS = 600, 5_000
LIMIT_SECONDS = 0.2
TRIES = 20  # the quickest counts: others may be using the machine
STATES = ("completed", "failed", "cancelled", "queued")
PAGES = (
    "/v1/portfolios",
    "/v1/portfolios?limit=200&sort=name",
    "/v1/portfolios?q=12",
    "/v1/analyses",
    "/v1/analyses?limit=200",
    "/v1/analyses?state=completed&sort=name",
    "/v1/analyses?tag=t7",
    "/v1/analyses?q=run%204",
    "/v1/analyses?sort=-priority",
    "/v1/cluster",
)


def _fill(rest: Rest) -> None:
    findings = [{"file": "location.csv", "message": "has a column that OED does not know", "severity": "warning"}] * 5
    portfolios = [
        {"id": new_id(), "name": f"Portfolio {number}", "owner": "ann" if number % 3 else "bob", "groups": ["quants"]}
        for number in range(PORTFOLIOS)
    ]
    versions = [
        {
            "id": new_id(),
            "portfolio_id": portfolio["id"],
            "number": number,
            "files": {
                "location": {"name": "location.csv", "url": "file:///x", "sha256": "0" * 64, "bytes": 1, "rows": 1}
            },
            "findings": findings,
            "created_by": "ann",
        }
        for portfolio in portfolios
        for number in (1, 2, 3)
    ]
    runs = [
        {
            "id": new_id(),
            "name": f"Run {number}",
            "owner": "ann" if number % 2 else "bob",
            "groups": ["quants"] if number % 5 else ["others"],
            "model": "toy-wind",
            "portfolio_id": portfolios[number % PORTFOLIOS]["id"],
            "version_id": versions[3 * (number % PORTFOLIOS)]["id"],
            "request": {"samples": 10, "settings": {"gul_output": True}},
            "state": STATES[number % len(STATES)],
            "tags": [f"t{number % 50}"],
            "priority": -(number % 7),
            "headline": {"average_annual_loss": {"gul": 1.0, "il": 2.0}, "tables": ["gul_S1_ept.csv"] * 20},
            "findings": findings,
        }
        for number in range(RUNS)
    ]
    with rest.database.write() as session:
        for table, rows in ((Portfolio, portfolios), (PortfolioVersion, versions), (Run, runs)):
            session.execute(insert(table), rows)


def test_list_pages_answer_under_200_ms(rest: Rest) -> None:
    _fill(rest)
    slow = {}
    for user in ("ann", "root"):
        for page in PAGES:
            taken: list[float] = []
            while len(taken) < 2 or (min(taken) >= LIMIT_SECONDS and len(taken) < TRIES):
                began = time.perf_counter()
                answer = rest[user].get(page)
                taken.append(time.perf_counter() - began)
                assert answer.status_code == 200, answer.text
            if min(taken) >= LIMIT_SECONDS:
                slow[user, page] = [round(seconds, 3) for seconds in taken]
    assert not slow
    listed = rest["ann"].get("/v1/analyses?limit=1").json()
    assert listed["total"] == sum(1 for number in range(RUNS) if number % 2 or number % 5)
    url, seen = "/v1/analyses?limit=500", 0
    while url:
        found = rest["root"].get(url).json()
        seen += len(found["items"])
        url = found["next"]
    assert seen == RUNS
