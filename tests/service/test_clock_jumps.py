"""The clock jumps by hours and days in the middle of a run: nothing is lost, nothing hangs, the same bytes."""

import shutil
import subprocess
from pathlib import Path

import pytest
from service_runs import CHUNKS, ServiceRuns
from test_supervisor import undisturbed  # noqa: F401  the tables of a run that nothing happened to

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler (Debian: apt-get install gcc libc6-dev)"),
]
HOUR, DAY = 3600, 24 * 3600


class Clock:
    """The time of day of whatever is started with its environment; clocks that only measure go on as they are."""

    def __init__(self, folder: Path):
        library = folder / "jumping_clock.so"
        source = Path(__file__).with_name("jumping_clock.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
        self._file = folder / "clock"
        self.jump(0)
        self.environment = {"LD_PRELOAD": str(library), "JUMPING_CLOCK": str(self._file)}

    def jump(self, seconds: int) -> None:
        """Set it so far from the true time."""
        self._file.write_text(f"{seconds}\n")


@pytest.mark.parametrize("jumps", [(3 * HOUR, 0), (-2 * DAY, 0), (400 * DAY, -HOUR)])
def test_a_run_outlives_jumps_of_the_clock(service_runs: ServiceRuns, tmp_path: Path, undisturbed, jumps):  # noqa: F811
    clock = Clock(tmp_path)
    service_runs.tricks()
    service_runs.environment |= clock.environment
    service_runs.start()
    run_id = service_runs.run("tricky")
    for done, jump in zip((2, CHUNKS // 2), jumps, strict=True):
        service_runs.await_chunks(run_id, done)
        clock.jump(jump)
    run = service_runs.await_state(run_id)
    assert run.state == "completed", (run.error, service_runs.run_log(run_id))
    assert service_runs.tables(run_id) == undisturbed
