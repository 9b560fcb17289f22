"""A Ray cluster: one on this machine, behind loopback and a token, or another that this machine belongs to."""

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

from oasis_kernel.dispatch import ray_worker
from oasis_kernel.dispatch.answers import answered
from oasis_kernel.dispatch.ray_token import TOKEN_MODE, TOKEN_PATH, cluster_token, local_token
from oasis_kernel.errors import ClusterLost, ClusterUnusable

log = logging.getLogger(__name__)

LOCAL = "local"
MODEL_RESOURCE, MODEL_LABEL = "model:", "workbench/model"
#: Ray's own, of every machine.
NODE_LABEL = "ray.io/node-id"
#: Only receipts go through Ray's object store.
OBJECT_STORE_BYTES = 200 * 2**20
CONNECT_SECONDS = 5.0
#: How long what is known of the machines counts as their present state.
SEEN_SECONDS = 1.0
#: Ray gives up after half a minute, which may be too short on a busy machine.
STARTS = 3
#: How long the head may be silent: after that the cluster is lost.
HEAD_SECONDS = 30.0
#: How long Ray waits for a head that is gone before it ends this process, should anything here not have done so.
RAY_ENDS_SECONDS = 60
#: Ray then listens on loopback only; undocumented for this purpose, hence a test.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
#: Ray tells nobody, and does not retry without end what does not fit in memory.
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_task_oom_retries": "2",
    "RAY_gcs_rpc_server_reconnect_timeout_s": str(RAY_ENDS_SECONDS),
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
OWN_PART = "this machine's part of it has ended, or was given up because the network was cut"


@dataclass(frozen=True)
class Node:
    """A machine of a cluster."""

    name: str
    id: str
    cpus: int
    memory_bytes: int
    models: tuple[str, ...]  # that it is for; none: any
    by_resource: bool = False  # said by a resource, which also counts its tasks; else by a label
    versions: Mapping[str, Any] = field(default_factory=dict)
    refused: str = ""  # why it must compute nothing


class RayCluster:
    """A cluster while it is open: a context, once in a process.

    ``address`` is ``local``, for one that lives as long as this process, or the HOST:PORT of a cluster's head.
    ``offers`` names models that the cluster starts machines for although none is there now. ``environment`` is added
    to that of the workers. ClusterUnusable, when it is opened, says what is wrong and what to do.
    """

    def __init__(
        self,
        address: str = LOCAL,
        *,
        cpus: int | None = None,
        token_file: Path | None = None,
        offers: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
    ):
        self.address = address
        self._cpus = cpus
        self._token_file = token_file
        self._offers = offers
        self._environment = dict(environment or {})
        self._open = False
        self._silent: ClusterLost | None = None
        self._refused: dict[str, str] = {}
        self._nodes: list[Node] = []
        self._seen = -SEEN_SECONDS

    def __enter__(self) -> "RayCluster":
        self.open()
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def open(self) -> None:
        """Start the cluster, or connect to it; nothing when it is open already."""
        if self._open:
            return
        if self.address == LOCAL:
            self._start()
        else:
            self._connect()
        self._open = True

    def close(self) -> None:
        """Leave the cluster, if it is open; a local one ends."""
        if self._open:
            import ray

            if self._silent is None:  # else Ray would wait for an answer
                ray.shutdown()
            self._open = False

    def _start(self) -> None:
        given = {**ENVIRONMENT, **LOOPBACK, TOKEN_MODE: "token", TOKEN_PATH: str(local_token(self._token_file))}
        with _variables({**given, **self._environment}):
            ray = _ray()
            for attempt in range(1, STARTS + 1):
                before = _children()
                try:
                    ray.init(
                        address=LOCAL,
                        num_cpus=self._cpus or len(os.sched_getaffinity(0)),
                        include_dashboard=False,
                        object_store_memory=OBJECT_STORE_BYTES,
                        log_to_driver=False,
                        logging_level="ERROR",
                    )
                    return
                except Exception as error:  # Ray raises bare Exception when a busy machine keeps it waiting
                    _end(_children() - before)  # which Ray leaves behind until this process ends
                    if attempt == STARTS:
                        message = f"Ray cannot be started on this machine: {_first_line(error)}"
                        raise ClusterUnusable(message) from error

    def _connect(self) -> None:
        loopback = LOOPBACK if _require_reachable(self.address).is_loopback else {}
        given = {**ENVIRONMENT, **loopback, TOKEN_MODE: "token", TOKEN_PATH: str(cluster_token(self._token_file))}
        with _variables(given):
            ray = _ray()
            try:
                ray.init(
                    address=self.address,
                    log_to_driver=False,
                    logging_level="ERROR",
                    runtime_env={"env_vars": self._environment} if self._environment else None,
                )
            except (RuntimeError, ConnectionError, ValueError) as error:
                raise _refused(self.address, error) from error

    def cpus(self) -> int:
        """The processors of all machines that are there now."""
        import ray

        return int(ray.cluster_resources().get("CPU", 0))

    def memory_bytes(self) -> int:
        """The memory of all machines that are there now."""
        import ray

        return int(ray.cluster_resources().get("memory", 0))

    def nodes(self) -> list[Node]:
        """The machines that are there now, or were a moment ago. ClusterLost when the head or this one is cut off."""
        if time.monotonic() - self._seen > SEEN_SECONDS:
            alive = [_node(found) for found in self._said_by_head() if found["Alive"]]
            self._require_own(alive)
            self._nodes = [replace(node, refused=self._refused.get(node.id, "")) for node in alive]
            self._seen = time.monotonic()
        return self._nodes

    def _said_by_head(self) -> list[dict[str, Any]]:
        """What the head knows of machines. Ray itself would wait for minutes where a network swallows everything."""
        import ray

        if self._silent is not None:
            raise self._silent
        try:
            return answered(ray.nodes, HEAD_SECONDS)
        except TimeoutError as error:
            silence = f"its head has said nothing for {HEAD_SECONDS:g} seconds: it has ended, or the network is cut"
            self._silent = self.lost(silence)
            raise self._silent from error

    def _require_own(self, alive: list[Node]) -> None:
        import ray

        if ray.get_runtime_context().get_node_id() not in {node.id for node in alive}:
            raise self.lost(OWN_PART)

    def lost(self, cause: str) -> ClusterLost:
        """The error that says that the cluster went away under this process."""
        return ClusterLost(
            f"the Ray cluster {self.address} went away: {cause}. Finished chunks are kept; start the run again"
        )

    def refuse(self, node_id: str, cause: str) -> None:
        """Let a machine compute nothing from now on, and say why."""
        self._refused[node_id] = cause
        self._seen = -SEEN_SECONDS

    def pin(self, model: str) -> str:
        """The model, where machines are for certain models; "" where any machine serves.

        ClusterUnusable for a model that no machine is for, or only such as are refused: its tasks would wait for ever.
        """
        pinned = set(self._offers).union(*(node.models for node in self.nodes()))
        if pinned and model not in pinned:
            raise ClusterUnusable(
                f"no worker of cluster {self.address} is for model {model}; there are workers for "
                f"{', '.join(sorted(pinned))}. Add a worker group with the resource {MODEL_RESOURCE}{model} or the "
                f"label {MODEL_LABEL}={model}"
            )
        serving = [node for node in self.nodes() if node.cpus and (not pinned or model in node.models)]
        if serving and all(node.refused for node in serving):
            raise ClusterUnusable(f"worker {serving[0].name} is refused: {serving[0].refused}")
        return model if pinned else ""

    def placement(self, model: str, threads: int, avoid: str = "") -> dict[str, Any]:
        """The options of a task of a model on so many threads: where it may run. ClusterUnusable as for ``pin``.

        It goes to another machine than ``avoid``, where one serves the model.
        """
        options: dict[str, Any] = {"num_cpus": threads}
        selector: dict[str, str] = {}
        serving = self.nodes()
        if self.pin(model):
            serving = [node for node in serving if model in node.models]
            if serving and not any(node.by_resource for node in serving):
                selector[MODEL_LABEL] = model
            else:
                options["resources"] = {f"{MODEL_RESOURCE}{model}": threads}
        usable = [node for node in serving if not node.refused]
        other = [node for node in usable if node.name != avoid]
        chosen = other if any(node.cpus >= threads for node in other) else usable
        excluded = sorted(node.id for node in serving if node not in chosen)
        if excluded:
            selector[NODE_LABEL] = f"!in({','.join(excluded)})"
        return options | ({"label_selector": selector} if selector else {})

    def end_worker(self, worker: str) -> None:
        """Let a machine end one of its workers, such as ``node3:4711``, that does not end when Ray asks it to."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        machine, _, pid = worker.rpartition(":")
        for node in self.nodes():
            if node.name == machine:
                here = NodeAffinitySchedulingStrategy(node.id, soft=False)
                options = ray.remote(ray_worker.end).options(num_cpus=0, max_retries=0, scheduling_strategy=here)
                options.remote(int(pid))

    def ask(self, entry: str, timeout: float = 30.0) -> dict[str, Any]:
        """What a function returns on each machine, by the machine's id; of those that answer in time."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        remote = ray.remote(ray_worker.answer)
        asked = {}
        for node in self.nodes():
            here = NodeAffinitySchedulingStrategy(node.id, soft=False)
            options = remote.options(num_cpus=0, max_retries=0, scheduling_strategy=here)
            asked[options.remote(entry)] = node.id
        ready, late = ray.wait(list(asked), num_returns=len(asked), timeout=timeout) if asked else ([], [])
        for reference in late:
            ray.cancel(reference, force=True)
        answers = {}
        for reference in ready:
            try:
                answers[asked[reference]] = ray.get(reference)
            except ray.exceptions.RayError:  # the machine went away, or has no such function
                continue
        return answers


def _node(found: Mapping[str, Any]) -> Node:
    resources = found["Resources"]
    models = {name.removeprefix(MODEL_RESOURCE) for name in resources if name.startswith(MODEL_RESOURCE)}
    label = found.get("Labels", {}).get(MODEL_LABEL)
    return Node(
        name=found["NodeManagerHostname"],
        id=found["NodeID"],
        cpus=int(resources.get("CPU", 0)),
        memory_bytes=int(resources.get("memory", 0)),
        models=tuple(sorted(models | ({label} if label else set()))),
        by_resource=bool(models),
    )


def _children() -> set[int]:
    """The processes that this one has started and that have not ended."""
    return {int(pid) for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()}


def _end(processes: set[int]) -> None:
    """Kill processes that this one has started."""
    for pid in processes:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):  # it has ended by itself
            continue


def _require_reachable(address: str) -> IPv4Address | IPv6Address:
    """The network address of a cluster's head; ClusterUnusable when nobody answers there."""
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdigit():
        raise ClusterUnusable(
            f"the address of a cluster must be HOST:PORT of its head, such as 10.0.0.1:6379, or {LOCAL}; got {address}"
        )
    try:
        with socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS) as connection:
            return ip_address(connection.getpeername()[0])
    except OSError as error:
        raise ClusterUnusable(
            f"no cluster answers at {address}: {error}. Start its head, or correct the address"
        ) from error


def _refused(address: str, error: Exception) -> ClusterUnusable:
    """Why a cluster that answers cannot be used."""
    text = str(error)
    if "Version mismatch" in text:
        here = f"Ray {_ray().__version__} on Python {sys.version.split()[0]}"
        there = " on ".join(line.strip().replace(":", "") for line in text.splitlines()[1:3])
        return ClusterUnusable(
            f"cluster {address} runs {there}, and this is {here}. Both must be the same to the last digit: use the "
            f"cluster's own image"
        )
    return ClusterUnusable(
        f"cluster {address} does not let this machine in: {_first_line(error)}. The token may be another than the "
        f"cluster's, or this machine has no Ray node of the cluster (ray start --address={address} --num-cpus=0)"
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _ray() -> Any:
    """Ray, imported only now: it reads its environment then. ClusterUnusable when it is not there, or was too early."""
    try:
        import ray
        from ray._private.authentication.authentication_utils import is_token_auth_enabled
    except ImportError as error:
        raise ClusterUnusable("Ray is not installed here. Run: pip install 'oasis-workbench[ray]'") from error
    if not is_token_auth_enabled():
        raise ClusterUnusable(
            f"Ray was imported before its cluster was opened, and not in token mode. Set {TOKEN_MODE}=token before"
        )
    ray._raylet.AuthenticationTokenLoader.instance().reset_cache()  # type: ignore[attr-defined]  # an earlier one's
    ray._private.worker.print_to_stdstream = _logged
    return ray


def _logged(data: Mapping[str, Any], ignore_prefix: bool) -> None:
    """What machines of the cluster say is logged: Ray would write it to standard output, where results may go."""
    log.info("%s", "".join(data["lines"]).strip().partition("\n")[0])


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for as long as the block lasts."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
