"""The database on another machine, and the network between the two gone in the middle of a run."""

import time
from collections.abc import Iterator
from pathlib import Path

import postgresql_server
import pytest
from machines import Link, another_machine
from service_runs import ServiceRuns
from test_supervisor import undisturbed  # noqa: F401  the tables of a run that nothing happened to

from oasis_kernel.service.database import Database
from oasis_kernel.service.migrations import upgrade
from oasis_kernel.service.settings import ServiceSettings

pytestmark = pytest.mark.slow
DOWN_SECONDS = 12.0


@pytest.fixture
def link() -> Iterator[Link]:
    with another_machine() as made:
        yield made


@pytest.fixture
def over_the_network(link: Link, tmp_path: Path) -> Iterator[ServiceRuns]:
    """A supervisor here, its database there."""
    programs = postgresql_server.programs()
    if programs is None:
        pytest.skip("needs PostgreSQL's programs (Debian: apt-get install postgresql), which are not here")
    with postgresql_server.running(programs, host=link.there, inside=link.inside, trusted=f"{link.here}/32") as address:
        # A lost link says nothing: the driver finds out by itself, within seconds.
        quick = "connect_timeout=3&tcp_user_timeout=4000&keepalives_idle=2&keepalives_interval=1&keepalives_count=2"
        url = f"{address}/postgres?{quick}"
        settings = ServiceSettings(root=tmp_path / "service", database_url=url)
        database = Database(url)
        upgrade(database)
        made = ServiceRuns(database, settings, tmp_path)
        yield made
        made.clean_up()
        database.close()


def test_a_run_outlives_the_network_to_its_database(over_the_network: ServiceRuns, link: Link, undisturbed):  # noqa: F811
    over_the_network.tricks()
    over_the_network.start()
    run_id = over_the_network.run("tricky")
    over_the_network.await_chunks(run_id, 2)
    link.cut()
    time.sleep(DOWN_SECONDS)
    link.mend()
    run = over_the_network.await_state(run_id)
    assert run.state == "completed", (run.error, over_the_network.run_log(run_id))
    assert over_the_network.tables(run_id) == undisturbed
