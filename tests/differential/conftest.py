"""The reference beside ours: one process of it for all tests, and what the tests found, counted."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

#: The answer of a reference that ended instead of answering.
DIED = "died"
#: Sentences counted over all examples, by test.
TALLIES: dict[str, Counter[str]] = {}


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """A function that sends the reference a command and returns its answer."""
    python = os.environ.get("OASISLMF_PYTHON")
    if not python:
        pytest.skip("needs OASISLMF_PYTHON: the Python of an installed oasislmf 2.5.8")
    command = [python, str(Path(__file__).with_name("reference_losses.py"))]
    path = os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", "")])
    folder = tmp_path_factory.mktemp("reference")

    def start() -> subprocess.Popen[str]:
        pipe, environment = subprocess.PIPE, {**os.environ, "PATH": path}
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=folder, env=environment)

    worker = start()

    def obey(what: dict) -> str:
        nonlocal worker
        try:
            print(json.dumps(what), file=worker.stdin, flush=True)
            answer = worker.stdout.readline().strip()
        except BrokenPipeError:
            answer = ""
        if not answer:  # it writes beyond its memory for some portfolios, and is ended by the system, soon or later
            worker.communicate()
            worker = start()
        return answer or DIED

    yield obey
    worker.communicate()


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Counter[str]:
    """What the examples of this test came to; shown when all tests are done."""
    return TALLIES.setdefault(request.node.name, Counter())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the tallies."""
    for test, found in TALLIES.items():
        terminalreporter.write_line(f"{test}: " + ", ".join(f"{count} {what}" for what, count in found.most_common()))
