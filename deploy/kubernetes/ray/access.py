"""Who may do what, and who may reach whom: identities, rights and network policies of a team's cluster."""

from typing import Any

from deploy.kubernetes.ray.pods import Manifest, labels
from deploy.kubernetes.ray.settings import Place, TeamSettings

CLUSTER, NODE_TYPE = "ray.io/cluster", "ray.io/node-type"
ACCOUNTS = ("head", "worker", "dispatcher")
RBAC = "rbac.authorization.k8s.io"


def identities(team: TeamSettings) -> list[Manifest]:
    """An identity for each kind of pod. None gives its token to a pod that does not ask for it."""
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": _metadata(team, f"{team.team}-{kind}", kind),
            "automountServiceAccountToken": False,
        }
        for kind in ACCOUNTS
    ]


def rights(team: TeamSettings) -> list[Manifest]:
    """Where identities count: the right to use this one cluster, and to ask who somebody is, as Ray's processes do.

    The operator itself lets the head's autoscaler change the cluster's pods.
    """
    if team.authentication != "kubernetes":
        return []
    subjects = [
        {"kind": "ServiceAccount", "name": f"{team.team}-{kind}", "namespace": team.namespace} for kind in ACCOUNTS
    ]
    use, ask = f"{team.team}-use", f"{team.namespace}-{team.team}-ask-who"
    rule = {
        "apiGroups": ["ray.io"],
        "resources": ["rayclusters"],
        "resourceNames": [team.team],
        "verbs": ["ray:write"],
    }
    delegator = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "system:auth-delegator"}
    everywhere = {"name": ask, "labels": labels(team, "ray")}
    return [
        {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": _metadata(team, use), "rules": [rule]},
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": _metadata(team, use),
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": use},
            "subjects": subjects,
        },
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": everywhere,
            "roleRef": delegator,
            "subjects": subjects,
        },
    ]


def network_policies(team: TeamSettings) -> list[Manifest]:
    """Cluster and dispatcher reach each other, names and storage; nobody else reaches them."""
    cluster = {"podSelector": {"matchLabels": {CLUSTER: team.team}}}
    dispatcher = {"podSelector": {"matchLabels": labels(team, "dispatcher")}}
    everybody = [_names(), _to(team.storage)]
    if team.authentication == "kubernetes":
        everybody.append(_to(team.api_server))
    head = {"podSelector": {"matchLabels": {CLUSTER: team.team, NODE_TYPE: "head"}}}
    return [
        _policy(team, "ray", cluster, [cluster, dispatcher], [{"to": [cluster, dispatcher]}, *everybody]),
        _policy(team, "ray-head", head, [], [_to(team.api_server)]),
        _policy(team, "dispatcher", dispatcher, [cluster], [{"to": [cluster]}, *everybody, _to(team.database)]),
    ]


def _policy(team: TeamSettings, name: str, pods: Manifest, reached_by: list[Manifest], egress: list[Any]) -> Manifest:
    rules: Manifest = {**pods, "policyTypes": ["Ingress", "Egress"], "egress": egress}
    if reached_by:
        rules["ingress"] = [{"from": reached_by}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _metadata(team, f"{team.team}-{name}"),
        "spec": rules,
    }


def _to(place: Place) -> Manifest:
    blocks = [{"ipBlock": {"cidr": network}} for network in place.networks]
    return {"to": blocks, "ports": [{"port": place.port, "protocol": "TCP"}]}


def _names() -> Manifest:
    """The cluster's own name server."""
    server = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    return {"to": [server], "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}


def _metadata(team: TeamSettings, name: str, component: str = "ray") -> Manifest:
    return {"name": name, "namespace": team.namespace, "labels": labels(team, component)}
