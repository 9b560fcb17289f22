"""Servers as pods of Kubernetes: restricted, with a home that stays, and a network policy for all of them."""

from typing import Any
from urllib.parse import urlsplit

from kubespawner import KubeSpawner
from traitlets.config import Config

from hub_config import restricted
from hub_config.readiness import OnlyOurs
from hub_config.restricted import HOME, USER_ID
from hub_config.settings import HubSettings

PORT = 8888
PART, COMPONENT = "app.kubernetes.io/part-of", "app.kubernetes.io/component"
LABELS = {PART: "oasis-workbench", COMPONENT: "server"}


class PodServer(OnlyOurs, KubeSpawner):
    """A pod with a home that stays."""


def apply(c: Config, settings: HubSettings) -> None:
    """Set pods as servers, as the restricted pod security standard wants them."""
    spawner = settings.spawner
    c.JupyterHub.spawner_class = PodServer
    c.PodServer.namespace = spawner.namespace
    c.PodServer.image = spawner.image
    c.PodServer.image_pull_policy = "IfNotPresent"
    c.PodServer.cmd = ["jupyterhub-singleuser"]
    c.PodServer.notebook_dir = HOME
    c.PodServer.working_dir = HOME
    c.PodServer.uid = USER_ID
    c.PodServer.gid = USER_ID
    c.PodServer.fs_gid = USER_ID
    c.PodServer.allow_privilege_escalation = False
    c.PodServer.container_security_context = restricted.CONTAINER
    c.PodServer.pod_security_context = restricted.POD
    c.PodServer.automount_service_account_token = False
    # What other services there are in the cluster is nobody's business.
    c.PodServer.extra_pod_config = {"enableServiceLinks": False}
    c.PodServer.extra_resource_limits = {"ephemeral-storage": "1Gi"}
    c.PodServer.port = PORT
    c.PodServer.delete_pvc = False
    c.PodServer.storage_pvc_ensure = True
    c.PodServer.storage_capacity = str(spawner.storage_bytes)
    if spawner.storage_class is not None:
        c.PodServer.storage_class = spawner.storage_class
    c.PodServer.storage_access_modes = ["ReadWriteOnce"]
    c.PodServer.storage_extra_labels = {PART: LABELS[PART]}
    c.PodServer.extra_labels = LABELS
    c.PodServer.slug_scheme = "safe"
    c.PodServer.pvc_name_template = "home-{user_server}"
    c.PodServer.volumes = {
        "home": {"name": "home", "persistentVolumeClaim": {"claimName": "{pvc_name}"}},
        "tmp": {"name": "tmp", "emptyDir": {"sizeLimit": "512Mi"}},
    }
    c.PodServer.volume_mounts = {
        "home": {"name": "home", "mountPath": HOME},
        "tmp": {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod
    }


def network_policy(settings: HubSettings) -> dict[str, Any]:
    """A NetworkPolicy: servers are reached from hub and proxy, and reach hub, service and the cluster's names only.

    It knows the others by their labels, in the servers' namespace: part-of, and hub, proxy or service as component.
    """
    service = urlsplit(settings.service.url)
    names = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "workbench-servers", "namespace": settings.spawner.namespace, "labels": dict(LABELS)},
        "spec": {
            "podSelector": {"matchLabels": dict(LABELS)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [_pods("hub"), _pods("proxy")], "ports": [_port(PORT)]}],
            "egress": [
                {"to": [_pods("hub")], "ports": [_port(settings.hub_port)]},
                {
                    "to": [_pods("service")],
                    "ports": [_port(service.port or (443 if service.scheme == "https" else 80))],
                },
                {"to": [names], "ports": [_port(53, "UDP"), _port(53)]},
            ],
        },
    }


def _pods(component: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": {**LABELS, COMPONENT: component}}}


def _port(number: int, protocol: str = "TCP") -> dict[str, Any]:
    return {"port": number, "protocol": protocol}
