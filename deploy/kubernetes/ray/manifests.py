"""All manifests of a team's cluster, in the order in which they are applied."""

from deploy.kubernetes.ray.access import identities, network_policies, rights
from deploy.kubernetes.ray.pods import RAYLET_PORT, Manifest, dispatcher_pod, head_pod, labels, resources, worker_pod
from deploy.kubernetes.ray.settings import ModelWorkers, TeamSettings
from oasis_kernel.dispatch.ray_cluster import MODEL_LABEL, MODEL_RESOURCE


def manifests(team: TeamSettings) -> list[Manifest]:
    """Identities, rights and policies first, so that no pod is there before they hold; then cluster and dispatcher."""
    return [*identities(team), *rights(team), *network_policies(team), cluster(team), dispatcher(team)]


def cluster(team: TeamSettings) -> Manifest:
    """The RayCluster: a head that computes nothing, and for each model a group of machines, none without work."""
    known_by = {"secretName": team.token_secret} if team.token_secret else {"enableK8sTokenAuth": True}
    spec: Manifest = {
        "rayVersion": team.versions.ray,
        "enableInTreeAutoscaling": True,
        "autoscalerOptions": {
            "version": "v2",
            "upscalingMode": "Default",
            "idleTimeoutSeconds": min(model.idle_seconds for model in team.models),
            "resources": resources(1, "1Gi"),
        },
        "authOptions": {"mode": "token", **known_by},
        "headGroupSpec": {
            "rayStartParams": {"num-cpus": "0", "include-dashboard": "false"},
            "template": head_pod(team),
        },
        "workerGroupSpecs": [_workers(team, model) for model in team.models],
    }
    if team.head.survives == "rocksdb":
        volume = {"size": team.head.storage, "deletionPolicy": "DeleteWithCluster"}
        if team.head.storage_class is not None:
            volume["storageClassName"] = team.head.storage_class
        spec["gcsFaultToleranceOptions"] = {"backend": "rocksdb", "storage": volume}
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": team.team, "namespace": team.namespace, "labels": labels(team, "ray")},
        "spec": spec,
    }


def _workers(team: TeamSettings, model: ModelWorkers) -> Manifest:
    return {
        "groupName": model.group,
        "replicas": 0,
        "minReplicas": 0,
        "maxReplicas": model.at_most,
        "idleTimeoutSeconds": model.idle_seconds,
        "labels": {MODEL_LABEL: model.name, **model.labels},
        "resources": {"CPU": str(model.cpus), f"{MODEL_RESOURCE}{model.name}": str(model.cpus)},
        "rayStartParams": {"node-manager-port": str(RAYLET_PORT)},
        "template": worker_pod(team, model),
    }


def dispatcher(team: TeamSettings) -> Manifest:
    """The dispatcher's Deployment: never two of them at once."""
    belongs = labels(team, "dispatcher")
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"{team.team}-dispatcher", "namespace": team.namespace, "labels": belongs},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": belongs},
            "template": dispatcher_pod(team),
        },
    }
