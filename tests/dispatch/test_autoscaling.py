"""Ray's own autoscaler, its machines imitated as processes: none, as many as the cap when there is work, none again.

The provider (``fake_multinode``) is Ray's, for tests, and not public.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from ray_nodes import OBJECT_STORE, head

from oasis_kernel.dispatch import ray_capacity
from oasis_kernel.dispatch.ray_capacity import Capacity, worthwhile
from oasis_kernel.dispatch.ray_cluster import ENVIRONMENT, LOOPBACK, RayCluster
from oasis_kernel.dispatch.ray_token import local_token

HERE = Path(__file__).parent
HEAD, HEAD_TYPE = "f" * 51 + "00000", "ray.head.default"
IMITATED = {
    "AUTOSCALER_UPDATE_INTERVAL_S": "1",
    "RAY_FAKE_CLUSTER": "1",
    "RAY_enable_autoscaler_v2": "1",
    "RAY_CLOUD_INSTANCE_ID": HEAD,
    "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD,
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def group(model: str, most: int) -> dict[str, object]:
    resources = {"CPU": 1, f"model:{model}": 1, "object_store_memory": OBJECT_STORE}
    return {"resources": resources, "node_config": {}, "min_workers": 0, "max_workers": most}


def configuration(address: str) -> dict[str, object]:
    """A head that computes nothing, and a group of machines for each of two models."""
    provider = {
        "type": "external",  # for which Ray reads no example.yaml, which its wheel lacks
        "module": "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider",
        "gcs_address": address,
        "head_node_id": HEAD,
        "launch_multiple": True,
        "use_node_id_as_ip": True,
        "disable_node_updaters": True,
        "disable_launch_config_check": True,
    }
    return {
        "cluster_name": "imitated",
        "max_workers": 3,
        "idle_timeout_minutes": 0.1,
        "upscaling_speed": 1.0,
        "provider": provider,
        "head_node_type": HEAD_TYPE,
        "available_node_types": {
            HEAD_TYPE: {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            "trial": group("trial", 2),
            "acme": group("acme", 1),
        },
        "auth": {},
        "file_mounts": {},
        "cluster_synced_files": [],
        "head_start_ray_commands": [],
        "worker_start_ray_commands": [],
        "initialization_commands": [],
        "setup_commands": [],
        "head_setup_commands": [],
        "worker_setup_commands": [],
    }


@pytest.fixture
def growing(tmp_path: Path) -> Iterator[tuple[str, Path, dict[str, str]]]:
    """The address of a cluster's head that computes nothing, the token's file, and a driver's environment."""
    if find_spec("ray") is None:
        pytest.skip("needs Ray: pip install 'oasis-workbench[ray]'")
    token, said = local_token(tmp_path / "token"), tmp_path / "head.log"
    paths = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    given = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token), "PYTHONPATH": paths}
    environment = {**os.environ, **ENVIRONMENT, **LOOPBACK, **given}
    port = free_port()
    address, config = f"127.0.0.1:{port}", tmp_path / "autoscaler.json"
    config.write_text(json.dumps(configuration(address)))
    options = [f"--port={port}", "--node-ip-address=127.0.0.1", "--num-cpus=0", f"--autoscaling-config={config}"]
    with head([], options, environment | IMITATED, said):
        yield address, token, environment


class Asked:
    """A cluster of no machines yet, and what its autoscaler is asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[list[dict[str, float]]] = []
        self.cluster = RayCluster(offers=("piwind", "acme"))
        monkeypatch.setattr(self.cluster, "nodes", list)
        monkeypatch.setattr(ray_capacity, "ASK_SECONDS", 0.0)
        monkeypatch.setattr(ray_capacity, "_request", self._request)

    def _request(self, bundles: list[dict[str, float]], selectors: list[dict[str, str]]) -> bool:
        self.requests.append(bundles)
        return True


def test_what_is_planned_is_asked_for_up_to_the_most(monkeypatch):
    asked = Asked(monkeypatch)
    capacity = Capacity(asked.cluster, 4, {"piwind": 16})
    capacity.want({"piwind": 500, "acme": 500})  # of acme, nothing is known: one too many would spoil the request
    capacity.want({"piwind": 400})
    assert asked.requests == [[{"CPU": 4, "model:piwind": 4}] * 4]
    capacity.want({"piwind": 3})
    capacity.want({})
    assert asked.requests[1:] == [[{"CPU": 4, "model:piwind": 4}], []]
    capacity.withdraw()
    assert len(asked.requests) == 3


def test_what_an_earlier_driver_asked_for_is_replaced_at_once(monkeypatch):
    asked = Asked(monkeypatch)
    Capacity(asked.cluster, 1, {"piwind": 16}).want({})
    assert asked.requests == [[]]
    Capacity(asked.cluster, 1, {}).want({"piwind": 5})
    assert asked.requests == [[]]


def test_processors_are_asked_for_that_are_worth_their_start():
    assert worthwhile(100, 0.0) == 100
    assert worthwhile(100, 30.0) == 100
    assert worthwhile(100, 2.0) == 10
    assert worthwhile(3, 0.1) == 1
    assert worthwhile(0, 2.0) == 0


@pytest.mark.slow
def test_machines_come_for_work_up_to_the_cap_and_go_again(growing, tmp_path):
    address, token, environment = growing
    command = [sys.executable, str(HERE / "autoscaled_runs.py"), address, str(token), str(tmp_path / "calls")]
    driver = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert driver.returncode == 0, driver.stdout + driver.stderr
    said = json.loads(driver.stdout.strip().splitlines()[-1])
    assert said["at first"] == {"trial": 0, "acme": 0}
    assert (said["events"], said["workers"]) == (48, 2)
    assert said["most"] == {"trial": 2, "acme": 0}
    assert said["idle"] == {"trial": 0, "acme": 0}
    assert said["asked for"] == {"trial": 2, "acme": 0}  # before any chunk was sent
    assert said["withdrawn"] == {"trial": 0, "acme": 0}
