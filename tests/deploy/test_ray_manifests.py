"""A team's Ray cluster on Kubernetes: every manifest is valid, restricted, and says what the settings say.

None was ever applied to a cluster: what is checked is what Kubernetes' and KubeRay's own schemas check, and the rules
that KubeRay's operator refuses a cluster by.
"""

import copy
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from deploy.kubernetes.ray.__main__ import main
from deploy.kubernetes.ray.manifests import manifests
from deploy.kubernetes.ray.settings import TeamSettings
from oasis_kernel.errors import InvalidInput
from oasis_kernel.service.settings import PREFIX, ServiceSettings

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "deploy" / "kubernetes" / "ray" / "team.toml"
KUBERNETES = "1.33"
CRD = "KUBERAY_CRD"

Manifest = dict[str, Any]


def example(**changed: Any) -> TeamSettings:
    return TeamSettings.model_validate(tomllib.loads(EXAMPLE.read_text(encoding="utf-8")) | changed)


def token_team() -> TeamSettings:
    return example(authentication="token", token_secret="ray-token", head={"survives": "nothing"})


TEAMS: dict[str, Callable[[], TeamSettings]] = {"kubernetes": example, "token": token_team}


@pytest.fixture(params=list(TEAMS))
def team(request: pytest.FixtureRequest) -> TeamSettings:
    return TEAMS[request.param]()


def of_kind(team: TeamSettings, kind: str) -> list[Manifest]:
    return [each for each in manifests(team) if each["kind"] == kind]


def pods(team: TeamSettings) -> dict[str, Manifest]:
    """Every pod's template by what it is for."""
    [cluster], [deployment] = of_kind(team, "RayCluster"), of_kind(team, "Deployment")
    groups = {group["groupName"]: group["template"] for group in cluster["spec"]["workerGroupSpecs"]}
    return {
        "head": cluster["spec"]["headGroupSpec"]["template"],
        "dispatcher": deployment["spec"]["template"],
        **groups,
    }


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def environment(container: Manifest) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in container["env"]}


def strict(schema: Any) -> Any:
    """A schema that refuses fields it does not know, as ``kubectl --validate=strict`` does."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(value) for name, value in schema.items()}
    fields = made.get("properties")
    if isinstance(fields, dict) and made.get("type") == "object" and "x-kubernetes-preserve-unknown-fields" not in made:
        made.setdefault("additionalProperties", False)
    return made


def test_every_object_is_valid_in_kubernetes_and_has_no_unknown_field(team):
    validate = pytest.importorskip("kubernetes_validate").validate
    for manifest in manifests(team):
        if manifest["kind"] != "RayCluster":
            validate(manifest, KUBERNETES, strict=True)
    for name, template in pods(team).items():
        metadata = {"name": name, **template["metadata"]}
        validate({"apiVersion": "v1", "kind": "Pod", **template, "metadata": metadata}, KUBERNETES, strict=True)


def test_the_cluster_has_the_fields_that_kuberay_knows_and_no_others(team):
    schema = json.loads((Path(__file__).parent / "raycluster_schema.json").read_text(encoding="utf-8"))
    [cluster] = of_kind(team, "RayCluster")
    jsonschema.validate(cluster, schema)
    misspelt = copy.deepcopy(cluster)
    misspelt["spec"]["workerGroupSpecs"][0]["maxReplica"] = 3
    with pytest.raises(jsonschema.ValidationError, match="'maxReplica' was unexpected"):
        jsonschema.validate(misspelt, schema)


@pytest.fixture(scope="module")
def kuberay_schema() -> Manifest:
    given = os.environ.get(CRD)
    if given is None:
        pytest.skip(
            f"needs KubeRay's own definition; the cluster was checked against raycluster_schema.json, the part of it "
            f"that is used. Set {CRD} to helm-chart/kuberay-operator/crds/ray.io_rayclusters.yaml of KubeRay"
        )
    definition = yaml.load(Path(given).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    [version] = [each for each in definition["spec"]["versions"] if each["name"] == "v1"]
    found = version["schema"]["openAPIV3Schema"]
    found["properties"]["metadata"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return strict(found)


def test_the_cluster_is_valid_by_kuberay_s_own_definition(kuberay_schema, team):
    [cluster] = of_kind(team, "RayCluster")
    jsonschema.validate(cluster, kuberay_schema)
    misspelt = copy.deepcopy(cluster)
    misspelt["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["imagePolicy"] = "Always"
    with pytest.raises(jsonschema.ValidationError, match="'imagePolicy' was unexpected"):
        jsonschema.validate(misspelt, kuberay_schema)


def test_the_operator_s_own_rules_are_kept(team):
    """What its controller refuses a cluster for, although the definition allows it."""
    [cluster] = of_kind(team, "RayCluster")
    spec = cluster["spec"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        assert not ({"num-cpus", "resources", "labels"} & group["rayStartParams"].keys() and group.get("resources"))
        assert group["template"]["spec"].get("restartPolicy", "Never") == "Never"
    assert tuple(map(int, spec["rayVersion"].split("."))) >= (2, 55, 0)
    assert "secretName" not in spec["authOptions"] or "enableK8sTokenAuth" not in spec["authOptions"]
    assert len(f"{cluster['metadata']['name']}-head-svc") <= 50


def test_a_group_for_each_model_starts_with_nothing_and_stops_at_its_limit():
    [cluster] = of_kind(example(), "RayCluster")
    piwind, acme = cluster["spec"]["workerGroupSpecs"]
    assert (piwind["minReplicas"], piwind["replicas"], piwind["maxReplicas"]) == (0, 0, 50)
    assert piwind["resources"] == {"CPU": "16", "model:piwind": "16"}
    assert piwind["labels"] == {"workbench/model": "piwind", "ray.io/market-type": "spot"}
    assert (acme["groupName"], acme["maxReplicas"], acme["idleTimeoutSeconds"]) == ("acme-flood", 4, 300)
    assert piwind["template"]["spec"]["nodeSelector"] == {"karpenter.sh/capacity-type": "spot"}
    [claim] = [volume for volume in acme["template"]["spec"]["volumes"] if "persistentVolumeClaim" in volume]
    assert claim["persistentVolumeClaim"] == {"claimName": "acme-flood-data", "readOnly": True}
    head = cluster["spec"]["headGroupSpec"]["rayStartParams"]
    assert head == {"num-cpus": "0", "include-dashboard": "false"}
    assert cluster["spec"]["autoscalerOptions"]["version"] == "v2"
    assert cluster["spec"]["gcsFaultToleranceOptions"]["backend"] == "rocksdb"


def test_every_pod_is_restricted_and_has_limits(team):
    for name, template in pods(team).items():
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        # The autoscaler beside the head changes the cluster's pods; nobody else speaks to Kubernetes unasked.
        assert pod["automountServiceAccountToken"] == (name == "head")
        for container in containers(template):
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is context["runAsNonRoot"] is True
            assert context["allowPrivilegeEscalation"] is context["privileged"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"].keys() == {"cpu", "memory", "ephemeral-storage"}
            assert environment(container)["RAY_USAGE_STATS_ENABLED"] == "0"
        mounted = {mount["name"] for container in containers(template) for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_a_worker_s_image_is_checked_before_it_joins(team):
    for model in team.models:
        [check] = pods(team)[model.group]["spec"]["initContainers"]
        assert check["image"] == model.image
        assert check["command"] == [
            "oasis",
            "worker",
            "check",
            "--engine=0.1.0",
            "--ray=2.60.0",
            "--python=3.11.13",
            f"--model={model.name}",
        ]


def test_the_dispatcher_is_told_what_the_service_s_settings_know(team):
    [container] = containers(pods(team)["dispatcher"])
    told = environment(container)
    known = {PREFIX + name.upper() for name in ServiceSettings.model_fields}
    assert {name for name in told if name.startswith(PREFIX)} <= known
    given = {name: value for name, value in told.items() if value}
    settings = ServiceSettings.load(environment=given)
    assert settings.ray == "flood-head-svc.workbench-flood.svc:6379"
    assert settings.ray_slots == team.slots == {"piwind": 800, "acme-flood": 32}
    assert settings.ray_threads == 4
    assert str(settings.ray_token_file) == told["RAY_AUTH_TOKEN_PATH"]
    assert ("RAY_ENABLE_K8S_TOKEN_AUTH" in told) == (team.authentication == "kubernetes")
    [deployment] = of_kind(team, "Deployment")
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    [token] = [each["projected"] for each in deployment["spec"]["template"]["spec"]["volumes"] if "projected" in each]
    assert token["defaultMode"] == 0o440  # the dispatcher refuses a token that everybody can read


def test_the_right_to_use_a_cluster_is_for_this_one_and_its_own_pods():
    [role], [binding] = of_kind(example(), "Role"), of_kind(example(), "RoleBinding")
    assert role["rules"] == [
        {"apiGroups": ["ray.io"], "resources": ["rayclusters"], "resourceNames": ["flood"], "verbs": ["ray:write"]}
    ]
    accounts = {account["metadata"]["name"] for account in of_kind(example(), "ServiceAccount")}
    assert {subject["name"] for subject in binding["subjects"]} == accounts
    assert {pod["spec"]["serviceAccountName"] for pod in pods(example()).values()} == accounts
    [everywhere] = of_kind(example(), "ClusterRoleBinding")
    assert everywhere["roleRef"]["name"] == "system:auth-delegator"  # TokenReview and SubjectAccessReview, no more
    assert not {"Role", "RoleBinding", "ClusterRoleBinding"} & {each["kind"] for each in manifests(token_team())}


def reachable(policy: Manifest) -> Iterator[str]:
    """What a policy lets its pods reach: component, cluster, or addresses with ports."""
    for rule in policy["spec"]["egress"]:
        assert rule["to"], "an empty list would be everybody"
        for peer in rule["to"]:
            ports = ",".join(str(port["port"]) for port in rule.get("ports", []))
            yield f"{json.dumps(next(iter(peer.values())), sort_keys=True)} {ports}".strip()


def test_pods_are_reached_by_each_other_only_and_reach_names_and_storage(team):
    policies = {policy["metadata"]["name"]: policy for policy in of_kind(team, "NetworkPolicy")}
    assert policies.keys() == {"flood-ray", "flood-ray-head", "flood-dispatcher"}
    assert all(policy["spec"]["policyTypes"] == ["Ingress", "Egress"] for policy in policies.values())
    assert policies["flood-ray"]["spec"]["podSelector"] == {"matchLabels": {"ray.io/cluster": "flood"}}
    [rule] = policies["flood-ray"]["spec"]["ingress"]
    cluster, dispatcher = (peer["podSelector"]["matchLabels"] for peer in rule["from"])
    assert cluster == {"ray.io/cluster": "flood"}
    assert dispatcher.items() <= pods(team)["dispatcher"]["metadata"]["labels"].items()
    assert "ingress" not in policies["flood-ray-head"]["spec"]
    assert policies["flood-dispatcher"]["spec"]["ingress"] == [{"from": [{"podSelector": {"matchLabels": cluster}}]}]
    outside = {name: {each for each in reachable(policy) if "cidr" in each} for name, policy in policies.items()}
    storage, database, api = (
        '{"cidr": "192.0.2.16/28"} 443',
        '{"cidr": "192.0.2.32/32"} 5432',
        '{"cidr": "192.0.2.1/32"} 6443',
    )
    identities = {api} if team.authentication == "kubernetes" else set()
    assert outside == {
        "flood-ray": {storage} | identities,
        "flood-ray-head": {api},
        "flood-dispatcher": {storage, database} | identities,
    }


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"image": "registry.example.org/oasis/worker"}, "image.*must name a version or a digest"),
        ({"service_image": "oasis/service:latest"}, "service_image.*must name a version"),
        ({"authentication": "token"}, "token_secret must be given where authentication is token"),
        ({"threads": 12}, "at least `threads` processors; acme-flood has fewer"),
        ({"versions": {"ray": "2.60", "python": "3.11.13", "engine": "0.1.0"}}, r"versions\.ray"),
        ({"storage": {"url": "s3://flood", "networks": []}}, r"storage\.networks"),
        ({"replicas": 3}, "replicas.*Extra inputs"),
    ],
)
def test_settings_that_make_no_cluster_are_refused(tmp_path, changed, said):
    given = tomllib.loads(EXAMPLE.read_text(encoding="utf-8")) | changed
    file = tmp_path / "team.toml"
    file.write_text("\n".join(toml_lines(given)), encoding="utf-8")
    with pytest.raises(InvalidInput) as refused:
        TeamSettings.load(file)
    assert re.search(said, str(refused.value))


def toml_lines(given: Manifest) -> list[str]:
    """JSON is TOML, once tables are inline."""

    def text(value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{json.dumps(name)} = {text(each)}" for name, each in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(text, value)) + "]"
        return json.dumps(value)

    return [f"{name} = {text(value)}" for name, value in given.items()]


def test_the_command_prints_all_manifests_and_says_what_is_wrong(tmp_path, capsys):
    assert main([str(EXAMPLE)]) == 0
    assert list(yaml.safe_load_all(capsys.readouterr().out)) == manifests(example())
    broken = tmp_path / "team.toml"
    broken.write_text("team = [", encoding="utf-8")
    assert main([str(broken)]) == 1
    assert "team.toml: cannot be read" in capsys.readouterr().err
    assert main([]) == 2
