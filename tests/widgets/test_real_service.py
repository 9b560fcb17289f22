"""The whole page against a real `oasis serve`: upload, check, estimate, run, results, equal to the client's numbers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

import oasis_kernel as ok
from oasis_kernel.model.results import Basis
from widgets.background import AtOnce
from widgets.pages import RunAnalysis
from widgets.session import Session

pytestmark = pytest.mark.slow
OASIS = (sys.executable, "-c", "from oasis_kernel.cli import main; main()")
START_SECONDS, STOP_SECONDS = 240.0, 60.0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address and token of a service with the toy model, which ends with the tests."""
    pytest.importorskip("fastapi", reason="needs the extra `service`")
    folder = tmp_path_factory.mktemp("panels")
    places = {"OASIS_SERVICE_ROOT": "root", "OASIS_STORE": "store", "OASIS_CACHE": "cache", "OASIS_CONFIG": "config"}
    environment = {**os.environ, **{name: str(folder / part) for name, part in places.items()}}
    log = folder / "serve.log"
    with log.open("w") as output:
        command = [*OASIS, "serve", "--port", "0"]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield _address(process, log), (folder / "root" / "local-token").read_text().strip()
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    end = time.monotonic() + START_SECONDS
    while not (told := [line for line in log.read_text().splitlines() if "serves on http" in line]):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.2)
    return told[0].split("serves on ")[1].split()[0]


def _picked(name: str) -> tuple[dict[str, object], ...]:
    from datetime import UTC, datetime

    content = (resources.files("model_plugins.toy_wind.portfolio") / name).read_bytes()
    sent = {"name": name, "type": "text/csv", "size": len(content), "content": memoryview(content)}
    return ({**sent, "last_modified": datetime.now(UTC)},)


def test_from_upload_to_exceedance_curve(served, tmp_path, monkeypatch):
    monkeypatch.setenv("OASIS_CACHE", str(tmp_path))
    url, token = served
    session = Session(url, token, background=AtOnce())
    portfolio, _, settings, before, run, results = RunAnalysis(session).shown
    portfolio.files.value = (*_picked("location.csv"), *_picked("account.csv"))
    portfolio.guarded(portfolio.upload)
    assert session.portfolio is not None, portfolio.status.value
    assert len(portfolio.map_place.children[0].marks[-1].x) > 200
    session.model = session.workbench.models()["toy-wind"]
    portfolio.guarded(portfolio.look_up)
    assert "lies in the sea" in portfolio.coverage.value
    settings.samples.value = 5
    before.guarded(before.check)
    assert "Nothing stops a run." in before.found.value, before.found.value + before.status.value
    run.start.click()
    assert session.completed, run.board.value + run.status.value
    _compare(session, results, ok.connect(url, token))
    before.guarded(before.estimate)  # last: by now the kernels are compiled, which on a busy machine takes minutes
    assert "What the run would take" in before.found.value, before.status.value


def _compare(session, results, bench):
    """What the page draws is what the client says."""
    same = bench.open_run(session.run.id)
    curve = results.places["Curve"].children[0]
    points = same.ep("gul", 1).points(Basis.OCCURRENCE)
    np.testing.assert_array_equal(curve.marks[0].y, points.loss)
    assert f"{same.aal('gul'):,.0f}" in results.headline.value
    assert "Events 1 to 25" in results.event_rows.value
    results.level.value = 2
    assert "HOMES" in results.places["Averages"].children[1].value
    results.level.value = 3
    dots = results.places["Map"].children[0].marks[-1]
    assert dots.color.sum() == pytest.approx(same.aal("gul", 3), rel=1e-6)
