"""``oasis up`` as a person meets it: a process, a first analysis on Ray, and nothing left after Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

pytest.importorskip("fastapi", reason="the service is not installed: pip install 'oasis-workbench[service]'")
if find_spec("ray") is None:  # not imported: it reads its environment then, and another module's tests open a cluster
    pytest.skip("Ray is not installed: pip install 'oasis-workbench[ray]'", allow_module_level=True)

OASIS = [sys.executable, "-c", "from oasis_kernel.cli import main; main()"]
READY = "Ctrl-C stops everything"


def _said(process: "subprocess.Popen[str]", file: Path, seconds: float) -> str:
    end = time.monotonic() + seconds
    while READY not in (text := file.read_text()):
        assert process.poll() is None, text
        assert time.monotonic() < end, text
        time.sleep(0.2)
    return text


@pytest.mark.slow
def test_the_workbench_is_up_with_a_first_analysis_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    log = tmp_path / "said.txt"
    command = [*OASIS, "up", "--root", str(tmp_path / "root"), "--port", "0", "--samples", "10"]
    command += ["--out", str(tmp_path / "tables")]
    texts = []
    for _ in range(2):  # the second time the first analysis is there already
        with log.open("w") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True, env=dict(os.environ))
        try:
            texts.append(_said(process, log, 400))
            started = psutil.Process(process.pid).children(recursive=True)
            assert any("dispatcher" in " ".join(child.cmdline()) for child in started)
            process.send_signal(signal.SIGINT)
            process.wait(60)
            gone, alive = psutil.wait_procs(started, timeout=20)
            assert not alive
            assert len(gone) >= 2
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    assert all("Loss by return period" in text for text in texts)
    assert all(re.search(r"http://127\.0\.0\.1:\d+/docs", text) for text in texts)
    assert (tmp_path / "tables" / "gul_S1_ept.csv").is_file()
    headlines = [re.findall(r"│ +[\d,]+ │.*", text) for text in texts]
    assert headlines[0] == headlines[1] != []
