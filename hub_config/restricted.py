"""Who people's programs run as and what they may, in containers and pods: the restricted pod security standard."""

from typing import Any

USER_ID = 1000
HOME = "/home/analyst"

#: The security context of a pod.
POD: dict[str, Any] = {
    "fsGroup": USER_ID,
    "fsGroupChangePolicy": "OnRootMismatch",
    "runAsGroup": USER_ID,
    "runAsNonRoot": True,
    "runAsUser": USER_ID,
    "seccompProfile": {"type": "RuntimeDefault"},
}

#: The security context of each container in it.
CONTAINER: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "privileged": False,
    "readOnlyRootFilesystem": True,
    "runAsGroup": USER_ID,
    "runAsNonRoot": True,
    "runAsUser": USER_ID,
    "seccompProfile": {"type": "RuntimeDefault"},
}
