"""Pods of the cluster and of the dispatcher: restricted, with limits, and what they are told."""

import json
from typing import Any

from deploy.kubernetes.ray.settings import ModelWorkers, TeamSettings
from hub_config import restricted
from hub_config.restricted import HOME
from oasis_kernel.dispatch.ray_cluster import ENVIRONMENT

Manifest = dict[str, Any]
MODEL_DATA, TOKEN_FOLDER = "/opt/oasis/data", "/var/run/secrets/ray.io/serviceaccount"
GCS_PORT, RAYLET_PORT = 6379, 6380
PART, COMPONENT, TEAM = "app.kubernetes.io/part-of", "app.kubernetes.io/component", "workbench/team"


def labels(team: TeamSettings, component: str) -> dict[str, str]:
    """What says whose a thing is, and what it does."""
    return {PART: "oasis-workbench", COMPONENT: component, TEAM: team.team}


def resources(cpus: int, memory: str) -> Manifest:
    """Limits that are requests too: a pod gets what it was planned with, and no more."""
    amounts = {"cpu": str(cpus), "memory": memory, "ephemeral-storage": "20Gi"}
    return {"limits": amounts, "requests": dict(amounts)}


def head_pod(team: TeamSettings) -> Manifest:
    """The head: no task runs there. Its token for the API server is the autoscaler's, which starts and ends pods."""
    container = {
        **_container("ray-head", team.image, team),
        "resources": resources(team.head.cpus, team.head.memory),
        "ports": [{"containerPort": GCS_PORT, "name": "gcs"}],
        **_probes(GCS_PORT),
    }
    pod = _pod(f"{team.team}-head", [container])
    return _template(team, "ray-head", pod | {"automountServiceAccountToken": True})


def worker_pod(team: TeamSettings, model: ModelWorkers) -> Manifest:
    """A machine of a model. An image with another engine, Ray or Python is refused before it joins, with the reason."""
    container = {
        **_container("ray-worker", model.image, team),
        "resources": resources(model.cpus, model.memory),
        **_probes(RAYLET_PORT),
    }
    wanted = [f"--{name}={version}" for name, version in team.versions.model_dump().items()]
    check = {
        **_container("versions", model.image, team),
        "command": ["oasis", "worker", "check", *wanted, f"--model={model.name}"],
        "resources": resources(1, "1Gi"),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    pod = _pod(f"{team.team}-worker", [container], nodeSelector=model.node_selector)
    pod |= {"initContainers": [check], "restartPolicy": "Never"}  # which the autoscaler wants: it starts another one
    if model.data_claim:
        claim = {"claimName": model.data_claim, "readOnly": True}
        pod["volumes"].append({"name": "model-data", "persistentVolumeClaim": claim})
        for each in (container, check):
            each["volumeMounts"].append({"name": "model-data", "mountPath": MODEL_DATA, "readOnly": True})
            each["env"].append({"name": "OASIS_MODEL_DATA", "value": MODEL_DATA})
    return _template(team, "ray-worker", pod)


def dispatcher_pod(team: TeamSettings) -> Manifest:
    """The one driver of the cluster, which belongs to it as a machine without processors."""
    address = f"{team.team}-head-svc.{team.namespace}.svc:{GCS_PORT}"
    token = f"{TOKEN_FOLDER}/token" if team.authentication == "kubernetes" else f"{TOKEN_FOLDER}/auth_token"
    told = {
        "OASIS_SERVICE_RAY": address,
        "OASIS_SERVICE_RAY_SLOTS": json.dumps(team.slots),
        "OASIS_SERVICE_RAY_THREADS": str(team.threads),
        "OASIS_SERVICE_RAY_TOKEN_FILE": token,
        "OASIS_SERVICE_ROOT": "/var/lib/oasis",
        "OASIS_SERVICE_STORAGE_URL": team.storage.url,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": token,
    }
    if team.authentication == "kubernetes":
        told |= {"RAY_ENABLE_K8S_TOKEN_AUTH": "true"}
    container = _container("dispatcher", team.service_image, team)
    container["env"] += [{"name": name, "value": value} for name, value in told.items()]
    database = {"name": team.database.secret, "key": "url"}
    container["env"].append({"name": "OASIS_SERVICE_DATABASE_URL", "valueFrom": {"secretKeyRef": database}})
    container["volumeMounts"] += [
        {"name": "root", "mountPath": "/var/lib/oasis"},
        {"name": "ray-token", "mountPath": TOKEN_FOLDER, "readOnly": True},
    ]
    # The driver ends when the cluster is lost, and so when its own part of it is: the container starts both again.
    start = f"ray start --address={address} --num-cpus=0 && exec python -m oasis_kernel.service.dispatcher"
    container["command"] = ["tini", "-g", "--", "bash", "-euc", start]
    container["resources"] = resources(1, "2Gi")
    pod = _pod(f"{team.team}-dispatcher", [container])
    pod["volumes"] += [{"name": "root", "emptyDir": {"sizeLimit": "1Gi"}}, _token_volume(team)]
    return _template(team, "dispatcher", pod)


def _token_volume(team: TeamSettings) -> Manifest:
    """The token as a file that the dispatcher's user alone can read: its identity's, or the cluster's."""
    if team.authentication == "kubernetes":
        source: Manifest = {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}
    else:
        source = {"secret": {"name": team.token_secret, "items": [{"key": "auth_token", "path": "auth_token"}]}}
    return {"name": "ray-token", "projected": {"defaultMode": 0o440, "sources": [source]}}


def _container(name: str, image: str, team: TeamSettings) -> Manifest:
    told = {**ENVIRONMENT, "AWS_ENDPOINT_URL": team.storage.endpoint, "HOME": HOME}
    made: Manifest = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": variable, "value": value} for variable, value in told.items() if value],
        "securityContext": dict(restricted.CONTAINER),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, {"name": "home", "mountPath": HOME}],  # noqa: S108
    }
    if team.storage.secret:
        made["envFrom"] = [{"secretRef": {"name": team.storage.secret}}]
    return made


def _probes(port: int) -> Manifest:
    """The operator's own would ask Ray's dashboard, which the images do not have."""
    probe = {"tcpSocket": {"port": port}, "periodSeconds": 5, "timeoutSeconds": 2}
    return {
        "startupProbe": {**probe, "failureThreshold": 60},
        "readinessProbe": {**probe, "failureThreshold": 3},
        "livenessProbe": {**probe, "failureThreshold": 12},
    }


def _pod(account: str, containers: list[Manifest], **more: Any) -> Manifest:
    return {
        "serviceAccountName": account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": dict(restricted.POD),
        "containers": containers,
        "volumes": [
            {"name": "tmp", "emptyDir": {"sizeLimit": "10Gi"}},
            {"name": "home", "emptyDir": {"sizeLimit": "1Gi"}},
        ],
        **{name: value for name, value in more.items() if value},
    }


def _template(team: TeamSettings, component: str, pod: Manifest) -> Manifest:
    return {"metadata": {"labels": labels(team, component)}, "spec": pod}
