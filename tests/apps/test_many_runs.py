"""600 portfolios and 5,000 runs: the list of runs is as quick as with ten."""

import re
import time

from sqlalchemy import insert

from oasis_kernel.service.database import Database
from oasis_kernel.service.ids import new_id
from oasis_kernel.service.tables import Portfolio, PortfolioVersion, Run

PORTFOLIOS, RUNS = 600, 5_000
STATES = ("completed", "failed", "cancelled")
SECONDS = 2.0  # on a quiet machine


def fill(database: Database) -> None:
    """Portfolios and finished runs that the group ``wind`` sees."""
    shared = {"owner": "wim", "groups": ["wind"]}
    portfolios = [{"id": new_id(), "name": f"Book {number}", **shared} for number in range(PORTFOLIOS)]
    file = {"name": "location.csv", "url": "file:///x", "sha256": "0" * 64, "bytes": 1, "rows": 1}
    versions = [
        {"id": new_id(), "portfolio_id": book["id"], "number": 1, "files": {"location": file}, "findings": []}
        | {"created_by": "wim"}
        for book in portfolios
    ]
    runs = [
        {
            "id": new_id(),
            "name": f"Run number {number}",
            **shared,
            "model": "toy-wind",
            "portfolio_id": portfolios[number % PORTFOLIOS]["id"],
            "version_id": versions[number % PORTFOLIOS]["id"],
            "request": {"samples": 10, "settings": {"gul_output": True}},
            "state": STATES[number % len(STATES)],
            "headline": {"average_annual_loss": {"gul": 1.0}, "tables": ["gul_S1_ept.csv"]},
            "findings": [],
        }
        for number in range(RUNS)
    ]
    with database.write() as session:
        for table, rows in ((Portfolio, portfolios), (PortfolioVersion, versions), (Run, runs)):
            session.execute(insert(table), rows)


def test_the_list_of_runs_stays_responsive(workbench, person, report):
    database = Database(f"sqlite:///{workbench.root / 'service.db'}")
    fill(database)
    database.close()
    wim = person("wim", "wind")
    wim.log_in()
    wim.open("Results")
    began = time.monotonic()
    assert wim.sees(re.compile("Runs 1 to 25 of 5,0"))
    report("first page of 5,000 runs after the page could be used", time.monotonic() - began, SECONDS)
    find = wim.page.get_by_label("Find")
    began = time.monotonic()
    find.fill("number 4321")
    find.press("Enter")
    assert wim.sees(re.compile("Runs 1 to 1 of 1"))
    report("search among 5,000 runs", time.monotonic() - began, SECONDS)
    find.fill("")
    find.press("Enter")
    assert wim.sees(re.compile("Runs 1 to 25 of 5,0"))
    began = time.monotonic()
    wim.button("Older").click()
    assert wim.sees(re.compile("Runs 26 to 50 of 5,0"))
    report("next page of runs", time.monotonic() - began, SECONDS)
    wim.open("Portfolio check")
    began = time.monotonic()
    wim.page.get_by_label("Find").fill("Book 599")
    wim.page.get_by_label("Find").press("Enter")
    wim.page.get_by_label("In the service").locator("option").filter(has_text="Book 599").wait_for(state="attached")
    report("search among 600 portfolios", time.monotonic() - began, SECONDS)
