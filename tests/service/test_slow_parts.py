"""The folder of finished chunks hangs: the run ends at its deadline, and goes on when the folder answers again."""

from pathlib import Path

import pytest
from service_runs import ServiceRuns
from slow_storage import SlowFolder, needs_compiler
from test_supervisor import undisturbed  # noqa: F401  the tables of a run that nothing happened to

from oasis_kernel.service import runs

pytestmark = [pytest.mark.slow, needs_compiler]


def test_it_ends_and_goes_on(service_runs: ServiceRuns, tmp_path: Path, undisturbed):  # noqa: F811
    parts = service_runs.settings.parts_folder
    parts.mkdir(parents=True, exist_ok=True)
    slow = SlowFolder(parts, tmp_path)
    slow.take(20)
    service_runs.tricks()
    service_runs.environment |= slow.environment
    service_runs.start()
    run_id = service_runs.run("tricky", resources={"workers": 1, "deadline_seconds": 40.0})
    service_runs.await_chunks(run_id, 2)
    slow.hang()
    run = service_runs.await_state(run_id)
    assert (run.state, run.error["what"]) == ("failed", "the run exceeded its deadline"), service_runs.run_log(run_id)
    slow.take(0)
    with service_runs.database.write() as session:
        runs.resume(session, run_id)
    assert service_runs.await_state(run_id).state == "completed"
    assert service_runs.tables(run_id) == undisturbed
