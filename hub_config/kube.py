"""Servers as pods of Kubernetes: restricted, with a home that stays."""

from kubespawner import KubeSpawner
from traitlets.config import Config

from hub_config.readiness import OnlyOurs
from hub_config.settings import HubSettings

HOME = "/home/analyst"
USER_ID = 1000
LABELS = {"app.kubernetes.io/part-of": "oasis-workbench"}


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
    c.PodServer.container_security_context = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": USER_ID,
        "runAsGroup": USER_ID,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    c.PodServer.pod_security_context = {"fsGroup": USER_ID, "runAsNonRoot": True}
    c.PodServer.automount_service_account_token = False
    c.PodServer.delete_pvc = False
    c.PodServer.storage_pvc_ensure = True
    c.PodServer.storage_capacity = str(spawner.storage_bytes)
    if spawner.storage_class is not None:
        c.PodServer.storage_class = spawner.storage_class
    c.PodServer.storage_access_modes = ["ReadWriteOnce"]
    c.PodServer.storage_extra_labels = LABELS
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
