"""Machines that differ from the others compute nothing, without a cluster."""

import pytest
from trial_tasks import chunks

from oasis_kernel.dispatch.ray_cluster import Node, RayCluster
from oasis_kernel.dispatch.ray_tasks import RayTasks
from oasis_kernel.dispatch.waiting import Patience, WaitingChunks
from oasis_kernel.engine.versions import base_versions
from oasis_kernel.errors import ClusterUnusable
from oasis_kernel.model.work import TaskReference
from oasis_kernel.service.cluster_runs import ClusterRun, processors
from oasis_kernel.service.database import Database
from oasis_kernel.service.dispatcher import Dispatcher

CAUSE = "it has python 3.12.1, not 3.11.7. Build its image on the base image"


def cluster(monkeypatch: pytest.MonkeyPatch, *nodes: Node) -> RayCluster:
    made = RayCluster("10.0.0.1:6379")
    monkeypatch.setattr(made, "nodes", lambda: list(nodes))
    return made


def node(name: str, *models: str, refused: str = "", cpus: int = 4) -> Node:
    return Node(name, f"id-of-{name}", cpus, 1, models, by_resource=bool(models), refused=refused)


def test_tasks_go_round_a_machine_that_is_refused(monkeypatch):
    found = cluster(monkeypatch, node("good", "piwind"), node("bad", "piwind", refused=CAUSE), node("head", cpus=0))
    placed = found.placement("piwind", 1)
    assert placed["label_selector"] == {"ray.io/node-id": "!in(id-of-bad)"}
    assert RayTasks(found).room("piwind") == 8  # twice the processors of the other one


def test_a_model_whose_machines_are_all_refused_is_given_up_with_the_reason(monkeypatch):
    found = cluster(monkeypatch, node("good", "acme"), node("bad", "piwind", refused=CAUSE))
    with pytest.raises(ClusterUnusable, match=r"worker bad is refused: it has python 3\.12\.1, not 3\.11\.7\. Build"):
        found.pin("piwind")
    assert found.pin("acme") == "acme"
    everywhere = cluster(monkeypatch, node("bad", refused=CAUSE), node("head", cpus=0))
    with pytest.raises(ClusterUnusable, match="worker bad is refused"):
        everywhere.pin("piwind")


def test_machines_that_are_still_to_come_are_waited_for(monkeypatch):
    assert cluster(monkeypatch, node("head", cpus=0)).pin("piwind") == ""


def test_the_dispatcher_refuses_machines_that_differ_from_it_as_they_join(monkeypatch):
    found = cluster(monkeypatch, node("good"), node("bad"), node("head", cpus=0))
    alike = base_versions()
    answers = {"id-of-good": alike, "id-of-bad": {**alike, "python": "3.12.1"}, "id-of-head": alike}
    refused: dict[str, str] = {}
    monkeypatch.setattr(found, "ask", lambda entry: answers)
    monkeypatch.setattr(found, "refuse", refused.__setitem__)
    database = Database("sqlite://")
    Dispatcher(database, found, 1)._ask_versions()
    database.close()
    [(name, cause)] = refused.items()
    assert name == "id-of-bad"
    assert cause.startswith("it has python 3.12.1, not ")


def test_machines_are_asked_for_as_many_as_the_chunks_that_are_left_are_worth():
    def run(name: str, model: str, count: int, seconds: float) -> ClusterRun:
        waiting = WaitingChunks(chunks(count), Patience())
        return ClusterRun(name, "ann", 0, 1, TaskReference("a:b", {}, model), waiting, chunk_seconds=seconds)

    runs = [run("large", "piwind", 60, 10.0), run("small", "piwind", 4, 0.5), run("unknown", "acme", 7, 0.0)]
    assert processors(runs, lambda run_id: 2) == {"piwind": 31 + 1, "acme": 9}
