"""The reference beside ours: one process of it for all tests, and what the tests found, counted."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder, env={**os.environ, "PATH": path}
    ) as worker:

        def obey(what: dict) -> str:
            print(json.dumps(what), file=worker.stdin, flush=True)
            answer = worker.stdout.readline().strip()
            assert answer, f"the reference died of {what}"
            return answer

        yield obey
        worker.stdin.close()


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Counter[str]:
    """What the examples of this test came to; shown when all tests are done."""
    return TALLIES.setdefault(request.node.name, Counter())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the tallies."""
    for test, found in TALLIES.items():
        terminalreporter.write_line(f"{test}: " + ", ".join(f"{count} {what}" for what, count in found.most_common()))
