"""Two machines of a Ray cluster, and the network between them cut in the middle of a run: nobody is told.

The machines are network namespaces with one file system, as machines of a cluster have with a shared folder.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from machines import Inside, Link, another_machine, processes_of
from ray_nodes import RAY, RayNode, head
from test_resume import OASIS, PATIENCE, demonstration, parts, record, tables

from oasis_kernel.dispatch.ray_cluster import ENVIRONMENT, HEAD_SECONDS
from oasis_kernel.dispatch.ray_token import local_token

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray: pip install 'oasis-workbench[ray]'"),
]
SAMPLES = 400


@dataclass
class TwoMachines:
    """The head's machine and another one, a processor each; both see ``folder``."""

    link: Link
    near: Inside
    there: Inside
    folder: Path
    environment: dict[str, str]
    address: str

    def run(self, where: Inside, *more: str) -> "subprocess.Popen[bytes]":
        """The demonstration from one of the machines."""
        arguments = [*demonstration(self.folder / "out", SAMPLES), "--json", *more]
        return subprocess.Popen(
            where(*OASIS, *arguments), env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def await_work_there(self, running: "subprocess.Popen[bytes]") -> None:
        """Wait until some chunks are finished, and the other machine computes one."""
        end = time.monotonic() + PATIENCE
        while not (len(parts(self.folder / "store")) > 5 and self._computes_there()):
            assert running.poll() is None, "the run was over before the network could be cut"
            assert time.monotonic() < end
            time.sleep(0.005)

    def _computes_there(self) -> bool:
        pids = subprocess.run(["ip", "netns", "pids", self.link.name], capture_output=True, text=True, check=True)
        return any(_named(int(pid)) == "ray::compute" for pid in pids.stdout.split())


def _named(pid: int) -> str:
    try:
        return psutil.Process(pid).name()
    except psutil.NoSuchProcess:
        return ""


@pytest.fixture
def two(tmp_path: Path) -> Iterator[TwoMachines]:
    token = local_token(tmp_path / "token")
    given = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token), "OASIS_STORE": str(tmp_path / "store")}
    environment = {**os.environ, **ENVIRONMENT, **given}
    with (
        another_machine() as first,
        another_machine(peer=first.name) as link,
        processes_of(first) as near,
        processes_of(link) as there,
    ):
        options = [f"--node-ip-address={link.here}", "--port=6379", "--num-cpus=1"]
        with head(near(), options, environment, tmp_path / "head.log") as folder:
            subprocess.run(there("mount", "-t", "tmpfs", "none", str(folder)), check=True)
            address = f"{link.here}:6379"
            joining = [RAY, "start", f"--address={address}", f"--node-ip-address={link.there}", "--num-cpus=1"]
            node = RayNode(there(*joining), environment, tmp_path / "there.log")
            try:
                assert node.is_ready(), (tmp_path / "there.log").read_text()
                yield TwoMachines(link, near, there, tmp_path, environment, address)
            finally:
                node.end()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    environment = {**os.environ, "OASIS_STORE": str(folder / "store")}
    subprocess.run([*OASIS, *demonstration(folder / "out", SAMPLES)], env=environment, check=True, capture_output=True)
    return tables(folder / "out")


def test_what_a_machine_computed_that_is_cut_off_is_computed_elsewhere(two: TwoMachines, undisturbed):
    running = two.run(two.near, "--ray", two.address)
    two.await_work_there(running)
    two.link.cut()
    out, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0, said.decode()
    assert json.loads(out)["tables"]  # and nothing else is on standard output
    assert tables(two.folder / "out") == undisturbed


def test_a_run_that_is_cut_off_from_the_head_says_so_and_goes_on_without_it(two: TwoMachines, undisturbed):
    running = two.run(two.there, "--ray", two.address)
    two.await_work_there(running)
    two.link.cut()
    cut = time.monotonic()
    out, said = running.communicate(timeout=PATIENCE)
    assert time.monotonic() - cut < 2 * HEAD_SECONDS
    assert running.returncode == 1
    sentence = f"error the Ray cluster {two.address} went away: its head has said nothing for"
    assert sentence in said.decode()
    assert json.loads(out)["error"]
    kept = len(parts(two.folder / "store"))
    again = two.run(two.there)
    _, said = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, said.decode()
    assert record(two.folder / "out")["reused_chunks"] >= kept > 0
    assert tables(two.folder / "out") == undisturbed
