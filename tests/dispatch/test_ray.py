"""The same bytes from a Ray cluster as from threads; what becomes of chunks that fail there; who may connect."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from apps.waiting import until
from local_ray import CPUS, STARTED_AGAIN, local_ray
from trial_tasks import Heard, Trial, chunks, events_of

from oasis_kernel.dispatch.ray import RayExecutor
from oasis_kernel.dispatch.ray_cluster import RayCluster
from oasis_kernel.dispatch.ray_tasks import _Flight, _lost
from oasis_kernel.dispatch.ray_token import local_token
from oasis_kernel.dispatch.waiting import Attempt, Trouble
from oasis_kernel.engine.analysis import Resources
from oasis_kernel.engine.execute import execute
from oasis_kernel.engine.inputs import load_analysis
from oasis_kernel.errors import Cancelled, ChunkFailed, ChunksFailed, ClusterLost, ClusterUnusable, OasisError
from oasis_kernel.plugins import load_plugins

pytestmark = [pytest.mark.slow, STARTED_AGAIN]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory):
    with local_ray(tmp_path_factory.mktemp("ray")) as opened:
        yield opened


def run(cluster, task: Trial, count: int = 4, **options):
    heard = Heard()
    return list(RayExecutor(cluster, observer=heard, **options).run(task, chunks(count))), heard


def demonstration_bytes(folder: Path, executor=None) -> dict[str, bytes]:
    """Every result file of the demonstration but the record of the run, which holds times."""
    files = replace(load_plugins().demonstration("toy-wind"), samples=7)
    analysis, _ = load_analysis(files, load_plugins())
    resources = Resources(workers=2, memory_bytes=2**32, store=folder / "store", chunks=12, reuse=False)
    execute(analysis, folder / "out", resources, lambda progress: None, (), executor)
    return {path.name: path.read_bytes() for path in (folder / "out").iterdir() if path.name != "run.json"}


@pytest.mark.parametrize("threads", [1, 2])
def test_bytes_are_those_of_threads(cluster, tmp_path, threads):
    on_threads = demonstration_bytes(tmp_path / "threads")
    on_ray = demonstration_bytes(tmp_path / "ray", RayExecutor(cluster, threads_per_task=threads))
    assert on_ray == on_threads
    assert len(on_ray) > 5


def test_every_chunk_tells_its_worker_and_what_it_took(cluster, tmp_path):
    receipts, heard = run(cluster, Trial(str(tmp_path)), 6)
    assert sorted(receipt.chunk for receipt in receipts) == [0, 1, 2, 3, 4, 5]
    assert (heard.count("started"), heard.count("finished"), heard.count("retried")) == (6, 6, 0)
    workers = {receipt.worker for receipt in receipts}
    assert 1 <= len(workers) <= CPUS
    assert not any(worker.endswith(f":{os.getpid()}") for worker in workers)


def test_code_that_fails_once_is_tried_again(cluster, tmp_path):
    receipts, heard = run(cluster, Trial(str(tmp_path), "fails once"))
    assert {receipt.chunk: receipt.attempt for receipt in receipts} == {0: 1, 1: 2, 2: 1, 3: 1}
    [failure] = heard.failures
    assert failure.cause == "KeyError: 'region'"
    assert "_behave" in failure.log_tail


def test_code_that_fails_twice_ends_the_run_with_the_chunk_named(cluster, tmp_path):
    with pytest.raises(ChunkFailed, match=r"chunk 1 \(events 5 to 8\) failed: KeyError: 'region'\. .*resume"):
        run(cluster, Trial(str(tmp_path), "fails"))


def test_an_error_of_ours_ends_the_run_at_once(cluster, tmp_path):
    with pytest.raises(OasisError, match="model trial: will not"):
        run(cluster, Trial(str(tmp_path), "refuses"))
    assert len(list((tmp_path / "1-").iterdir())) == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_a_killed_worker_s_chunk_is_tried_again(cluster, tmp_path, threads):
    receipts, heard = run(cluster, Trial(str(tmp_path), "killed once", seconds=0.1), 8, threads_per_task=threads)
    assert events_of(receipts) == 32
    # Beside another chunk, a worker may die before it has said which one it began: that attempt does not count.
    assert {receipt.chunk: receipt.attempt for receipt in receipts}[1] in ({2} if threads == 1 else {1, 2})
    assert {failure.cause for failure in heard.failures} <= {"the worker process died"}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_chunk_that_kills_its_workers_is_set_aside_and_the_rest_is_finished(cluster, tmp_path, threads):
    heard, finished = Heard(), []
    executor = RayExecutor(cluster, keep_going=True, observer=heard, threads_per_task=threads)
    with pytest.raises(ChunksFailed, match=r"chunk 1 \(events 5 to 8\) failed: the worker process died\.") as failed:
        finished.extend(executor.run(Trial(str(tmp_path), "killed"), chunks(6)))
    assert sum(said[0] == "finished" for said in heard.said) == 5
    [failure] = failed.value.failures
    assert (failure.chunk, failure.attempt) == (1, 4)


def test_a_chunk_that_does_not_fit_is_tried_three_times_then_halved(cluster, tmp_path):
    receipts, heard = run(cluster, Trial(str(tmp_path), "too large"))
    assert events_of(receipts) == 16
    assert heard.said.count(("retried", 1, "")) == 3
    assert heard.said.count(("split", 1, "")) == 1
    assert sorted(receipt.part for receipt in receipts if receipt.chunk == 1) == ["00", "01", "10", "11"]


def test_what_a_lost_worker_means_for_the_chunks_of_its_task(cluster):
    from ray.exceptions import NodeDiedError, OutOfMemoryError

    first, second = (Attempt(chunk) for chunk in chunks(2))
    for error, trouble in ((OutOfMemoryError("killed"), Trouble.MEMORY), (NodeDiedError("gone"), Trouble.WORKER)):
        flight = _Flight("run", "", {(0, ""): first, (1, ""): second}, {(0, ""): "node:1"})
        begun, other = _lost(flight, error)
        assert begun.setback is not None
        assert (begun.setback.trouble, begun.worker, begun.returned) == (trouble, "node:1", False)
        assert (other.setback, other.returned, other.attempt.alone) == (None, True, True)
    flight.cancelled = 1.0
    assert all(news.returned for news in _lost(flight, NodeDiedError("gone")))


def test_cancel_frees_the_cluster_at_once(cluster, tmp_path):
    executor = RayExecutor(cluster)
    timer = threading.Timer(1.0, executor.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Cancelled, match="finished chunks are kept"):
        list(executor.run(Trial(str(tmp_path), seconds=60), chunks(8)))
    assert time.monotonic() - began < 1.0 + 1.5
    timer.join()
    receipts, _ = run(cluster, Trial(str(tmp_path / "next")), 2)
    assert len(receipts) == 2
    assert time.monotonic() - began < 5.0


def test_a_task_that_does_not_hear_a_cancel_loses_its_workers(cluster, tmp_path):
    executor = RayExecutor(cluster)
    timer = threading.Timer(1.0, executor.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Cancelled, match="finished chunks are kept"):
        list(executor.run(Trial(str(tmp_path), "is deaf", seconds=120), chunks(4)))
    timer.join()
    receipts, _ = run(cluster, Trial(str(tmp_path / "next")), 2)
    assert len(receipts) == 2
    assert time.monotonic() - began < 30.0


def test_a_model_for_which_no_worker_is_there_is_refused_before_anything_is_sent(cluster, tmp_path):
    pinned = RayCluster(offers=("piwind", "acme"))
    pinned._open = True  # the one that is open serves both
    with pytest.raises(ClusterUnusable, match="for model trial; there are workers for acme, piwind"):
        run(pinned, Trial(str(tmp_path)))
    assert not list(tmp_path.iterdir())
    assert pinned.placement("acme", 2) == {"num_cpus": 2, "resources": {"model:acme": 2}}
    assert cluster.placement("acme", 2) == {"num_cpus": 2}


def test_the_workers_of_the_cluster_say_what_they_are(cluster):
    [node] = cluster.nodes()
    assert (node.cpus, node.models) == (CPUS, ())
    versions = cluster.ask("oasis_kernel.engine.versions:worker_versions")[node.id]
    assert versions["models"]["toy-wind"]
    assert versions["python"] == sys.version.split()[0]


def test_a_cluster_that_has_given_this_machine_up_is_lost(cluster, tmp_path, monkeypatch):
    import ray

    cut_off = RayCluster()
    cut_off._open = True  # the one that is open
    others = [{**node, "NodeID": "0" * 56} for node in ray.nodes()]
    monkeypatch.setattr("ray.nodes", lambda: others)
    with pytest.raises(
        ClusterLost, match=r"the Ray cluster local went away: this machine's part of it .* start the run"
    ):
        run(cut_off, Trial(str(tmp_path)))
    assert not list(tmp_path.iterdir())


def test_a_head_that_says_nothing_is_waited_for_so_long_and_no_longer(cluster, tmp_path, monkeypatch):
    silent, answers = RayCluster(), threading.Event()
    silent._open = True
    monkeypatch.setattr("ray.nodes", answers.wait)
    monkeypatch.setattr("oasis_kernel.dispatch.ray_cluster.HEAD_SECONDS", 0.2)
    for _ in range(2):  # once lost, nothing is asked any more
        with pytest.raises(ClusterLost, match=r"its head has said nothing for 0\.2 seconds"):
            silent.nodes()
    answers.set()


def test_what_ray_says_of_machines_is_logged_and_not_printed(cluster, caplog, capfd):
    import ray
    from ray._private.utils import publish_error_to_driver

    caplog.set_level("INFO", "oasis_kernel.dispatch.ray_cluster")
    client = ray._private.worker.global_worker.gcs_client
    publish_error_to_driver("node_died", "node1 has gone\n [state-dump] 1", gcs_client=client)
    until(lambda: caplog.messages == ["node1 has gone"], 30.0)
    assert capfd.readouterr().out == ""


def test_nothing_listens_beyond_this_machine(cluster):
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    listening = [
        connection.laddr.ip
        for process in processes
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) > 4
    assert set(listening) <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


CONNECT = """
import os, sys
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
import ray
ray.__version__ = sys.argv[2] or ray.__version__
from oasis_kernel.dispatch.ray_cluster import RayCluster
from oasis_kernel.errors import ClusterUnusable
try:
    with RayCluster(sys.argv[1]) as cluster:
        print("connected", cluster.cpus())
except ClusterUnusable as error:
    print(error)
"""


def connected(address: str, token: Path, version: str = "") -> str:
    """What another process says that connects to a cluster."""
    environment = {**os.environ, "RAY_AUTH_TOKEN_PATH": str(token), "RAY_AUTH_MODE": "token"}
    command = [sys.executable, "-c", CONNECT, address, version]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    return ended.stdout.strip() or ended.stderr


@pytest.fixture(scope="module")
def address(cluster) -> str:
    import ray

    return ray.get_runtime_context().gcs_address


@pytest.fixture(scope="module")
def token(cluster) -> Path:
    return cluster._token_file


def test_with_the_token_another_process_connects(address, token):
    assert connected(address, token) == f"connected {CPUS}"


def test_another_token_is_refused(address, tmp_path):
    said = connected(address, local_token(tmp_path / "other"))
    assert said.startswith(f"cluster {address} does not let this machine in:")
    assert "token may be another than the cluster's" in said


def test_another_version_is_named(address, token):
    said = connected(address, token, "2.61.0")
    assert said.startswith(
        f"cluster {address} runs Ray 2.60.0 on Python {sys.version.split()[0]}, and this is Ray 2.61"
    )
    assert "Both must be the same" in said


def test_an_address_where_nobody_answers_is_named():
    with pytest.raises(ClusterUnusable, match=r"no cluster answers at 127.0.0.1:1: .* Start its head, or correct"):
        RayCluster("127.0.0.1:1").open()
    with pytest.raises(ClusterUnusable, match=r"must be HOST:PORT of its head, .* got ray://head:10001"):
        RayCluster("ray://head:10001").open()


def test_a_token_that_is_missing_or_that_everybody_reads_is_refused(address, tmp_path):
    missing, open_to_all = tmp_path / "missing", tmp_path / "open"
    with pytest.raises(ClusterUnusable, match=r"the cluster's token must be in .*missing, and is not"):
        RayCluster(address, token_file=missing).open()
    open_to_all.write_text("secret")
    open_to_all.chmod(0o644)
    with pytest.raises(ClusterUnusable, match=r"everybody can read it. Run: chmod 600"):
        RayCluster(address, token_file=open_to_all).open()


def test_a_token_is_made_for_this_user_only(tmp_path):
    path = local_token(tmp_path / "state" / "token")
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_text()) == 64
    assert local_token(path).read_text() == path.read_text()
