"""What the parts set on a configuration, and what Docker and Kubernetes are sent because of it."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock, patch

import pytest
from dockerspawner import DockerSpawner
from tornado import web
from traitlets.config import Config

from hub_config import data_access, parts, profiles, readiness
from hub_config.__main__ import main
from hub_config.containers import ContainerServer
from hub_config.settings import HubSettings


def configured(tmp_path: Path, **given: Any) -> tuple[Config, HubSettings]:
    settings = HubSettings(root=tmp_path / "hub", **given)
    c = Config()
    parts.apply(c, settings)
    return c, settings


def test_parts_only_set(tmp_path: Path) -> None:
    c, settings = configured(tmp_path)
    once = repr(c)
    parts.apply(c, settings)
    assert repr(c) == once  # nothing is appended to what was there


def test_defaults_stay_on_this_machine(tmp_path: Path) -> None:
    c, _ = configured(tmp_path)
    for address in (c.JupyterHub.bind_url, c.JupyterHub.hub_bind_url, c.ConfigurableHTTPProxy.api_url):
        assert address.startswith("http://127.0.0.1:")
    assert c.WorkbenchOIDC.allow_all is False
    assert c.WorkbenchOIDC.allowed_groups == {"workbench-users"}
    assert c.WorkbenchOIDC.enable_pkce is True


def test_services_have_the_least_rights(tmp_path: Path) -> None:
    c, _ = configured(tmp_path, access={"default_role": "none", "roles": {"flood": "analyst"}})
    names = [service["name"] for service in c.JupyterHub.services]
    assert names == ["oasis", "login-provider", "idle-culler"]
    roles = {role["name"]: role for role in c.JupyterHub.load_roles}
    assert not any("oasis" in role.get("services", []) for role in roles.values())
    assert not any("login-provider" in role.get("services", []) for role in roles.values())
    assert roles["idle-culler"]["scopes"] == ["list:users", "read:users:activity", "read:servers", "delete:servers"]
    assert roles["user"]["scopes"] == ["self"]
    assert roles["service-users"] == {
        "name": "service-users",
        "scopes": ["access:services!service=oasis"],
        "groups": ["flood"],
    }
    assert roles["server"]["scopes"][-1] == "access:services!service=oasis"


def test_groups_decide_in_the_service_too(tmp_path: Path) -> None:
    _, settings = configured(tmp_path, access={"default_role": "viewer", "roles": {"flood": "analyst"}})
    service = pytest.importorskip("oasis_kernel.service.settings")
    doors = service.HubSettings.model_validate(data_access.doors(settings))
    assert doors.api_url == "http://127.0.0.1:8081/hub/api"
    assert (doors.role_map, doors.default_role) == ({"flood": "analyst"}, "viewer")


def spawner_row() -> SimpleNamespace:
    """What the hub's database holds of a server that was never started."""
    return SimpleNamespace(server=None, name="", state={}, user_options=None)


def test_containers_are_limited(tmp_path: Path) -> None:
    c, _ = configured(tmp_path, spawner={"kind": "docker", "memory_bytes": 2**30, "cpu": 1.5, "processes": 100})
    server = ContainerServer(config=c, user=SimpleNamespace(name="ann"), hub=Mock(), orm_spawner=spawner_row())
    assert (server.mem_limit, server.cpu_limit) == (2**30, 1.5)
    assert server.extra_host_config["cap_drop"] == ["ALL"]
    assert server.extra_host_config["read_only"] is True
    assert server.extra_host_config["pids_limit"] == 100
    assert server.extra_host_config["security_opt"] == ["no-new-privileges"]
    assert server.extra_create_kwargs == {"user": "1000:1000"}
    assert server.allowed_images == {}
    assert server.env_keep == []  # the hub's own paths mean nothing in an image
    assert server.network_name == "oasis-ann-main"  # also for a hub that was started again and stops it


NETWORK = {
    "Name": "oasis-ann-main",
    "Internal": True,
    "IPAM": {"Config": [{"Subnet": "127.9.0.0/24", "Gateway": "127.9.0.1"}]},
}


def container_of(c: Config, network: dict[str, Any]) -> ContainerServer:
    """A person's container over a Docker API that has no network yet, and makes this one."""
    hub = Mock(public_host="", base_url="/hub/", api_url="http://127.0.0.1:9081/hub/api")
    user = SimpleNamespace(name="ann", escaped_name="ann", url="/user/ann", server_url=Mock(), settings={})
    server = ContainerServer(config=c, user=user, hub=hub, orm_spawner=spawner_row())
    found = {"networks": [], "inspect_network": network, "inspect_container": {"Id": "x", "State": {"Running": True}}}
    server.docker = AsyncMock(side_effect=lambda name, *_, **__: found.get(name))
    return server


def test_a_container_has_an_internal_network_of_its_own_with_two_doors(tmp_path: Path) -> None:
    service = {"url": "https://oasis.example.org"}
    c, _ = configured(tmp_path, hub_port=9081, spawner={"kind": "docker"}, service=service)
    server = container_of(c, NETWORK)

    async def lived() -> None:
        with (
            patch.object(DockerSpawner, "start", AsyncMock(return_value=("127.9.0.2", 8888))),
            patch.object(DockerSpawner, "create_object", AsyncMock()),
            patch.object(readiness, "until_ours", AsyncMock()) as until_ours,
        ):
            assert await server.start() == ("127.9.0.2", 8888)
            until_ours.assert_awaited_once()
            await server.create_object()
        ports = server.get_state()["ports"]
        assert server.hub_connect_url == f"http://127.9.0.1:{ports['hub']}"
        # A named service keeps its name, for its certificate's sake.
        assert server.get_env()["OASIS_HOST"] == f"https://oasis.example.org:{ports['service']}"
        assert server.extra_host_config["extra_hosts"] == {"oasis.example.org": "127.9.0.1"}
        assert server.extra_host_config["memswap_limit"] == server.mem_limit
        await server.run_post_stop_hook()
        assert server.doors == {}
        server.load_state({"object_id": "x", "ports": ports})
        assert await server.poll() is None  # as a hub that was started again asks
        assert {name: door.port for name, door in server.doors.items()} == ports
        await server.run_post_stop_hook()

    asyncio.run(lived())
    labels = {"oasis": "server"}
    server.docker.assert_any_await("create_network", "oasis-ann-main", driver="bridge", internal=True, labels=labels)
    server.docker.assert_any_await("remove_container", "x", v=True)
    server.docker.assert_any_await("remove_network", "oasis-ann-main")


def test_a_network_that_leads_out_is_refused(tmp_path: Path) -> None:
    c, _ = configured(tmp_path, spawner={"kind": "docker"})
    with pytest.raises(ValueError, match=r"oasis-ann-main must be internal, or it leads out\. Remove it"):
        asyncio.run(container_of(c, {**NETWORK, "Internal": False}).start())


def test_a_plain_address_of_the_service_is_named_to_its_clients(tmp_path: Path) -> None:
    _, settings = configured(tmp_path)
    assert data_access.environment_of_people(settings.service.url) == {"OASIS_HOST": "http://127.0.0.1:8765"}
    plain = "http://oasis.workbench.svc:8765"
    assert data_access.environment_of_people(plain) == {"OASIS_HOST": plain, "OASIS_INTERNAL_HOST": plain}


@pytest.mark.parametrize("profile", ["", "large"])
def test_pods_are_valid_and_restricted(tmp_path: Path, profile: str) -> None:
    validate = pytest.importorskip("kubernetes_validate").validate
    kubespawner = pytest.importorskip("kubespawner.spawner")
    from hub_config.kube import PodServer

    large = {"name": "large", "title": "Large", "memory_bytes": 8 * 2**30, "cpu": 4, "image": "big:1"}
    small = {"name": "small", "title": "Small"}
    c, _ = configured(tmp_path, spawner={"kind": "kube", "storage_class": "fast"}, profiles=[small, large])
    user = SimpleNamespace(name="ann@example.org", escaped_name="ann-40example.org", url="/user/ann", groups=[], id=1)
    user.settings = {}
    with patch.object(kubespawner, "load_config"), patch.object(kubespawner, "shared_client", Mock()):
        hub = Mock(public_host="", base_url="/hub/", api_url="http://hub:8081/hub/api")
        server = PodServer(config=c, user=user, hub=hub, orm_spawner=spawner_row(), _mock=True)
        server.apply_user_options(server, {"profile": profile})
        pod, claim = asyncio.run(manifests(server))
    validate(pod, "1.33", strict=True)
    validate(claim, "1.33", strict=True)
    container = pod["spec"]["containers"][0]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    for context in (container["securityContext"], pod["spec"]["securityContext"]):
        assert (context["runAsNonRoot"], context["runAsUser"], context["runAsGroup"]) == (True, 1000, 1000)
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & {name for name, value in pod["spec"].items() if value}
    assert {"PATH", "VIRTUAL_ENV", "HOME"}.isdisjoint(each["name"] for each in container["env"])  # they are the image's
    assert container["resources"]["limits"] == {
        **({"cpu": 4.0, "memory": 8 * 2**30} if profile else {"cpu": 2.0, "memory": 2 * 2**30}),
        "ephemeral-storage": "1Gi",
    }
    assert container["image"] == ("big:1" if profile else "oasis-workbench/user:0.1.0")
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


def test_pods_reach_the_hub_and_the_service_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    validate = pytest.importorskip("kubernetes_validate").validate
    pytest.importorskip("kubespawner")
    from hub_config.kube import LABELS, network_policy

    service = {"url": "http://oasis.workbench.svc:8765"}
    c, settings = configured(tmp_path, spawner={"kind": "kube"}, service=service, hub_port=9081)
    policy = network_policy(settings)
    validate(policy, "1.33", strict=True)
    assert c.PodServer.extra_labels.items() >= policy["spec"]["podSelector"]["matchLabels"].items() == LABELS.items()
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    ports = [[each["port"] for each in rule["ports"]] for rule in policy["spec"]["egress"]]
    assert ports == [[9081], [8765], [53, 53]]
    assert all(rule["to"] for rule in policy["spec"]["egress"])  # an empty one would be everybody
    assert main(["network-policy"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "NetworkPolicy"


async def manifests(server: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    from kubernetes_asyncio.client import ApiClient

    pod = await server.get_pod_manifest()
    async with ApiClient() as client:
        return client.sanitize_for_serialization(pod), client.sanitize_for_serialization(server.get_pvc_manifest())


SMALL = {"name": "small", "title": "Small <b>"}
FLOOD = {"name": "flood", "title": "Flood", "groups": ["flood"], "memory_bytes": 2**33}


def test_profiles_are_for_their_groups(tmp_path: Path) -> None:
    _, settings = configured(tmp_path, profiles=[SMALL, FLOOD])
    assert [each.name for each in profiles.offered(settings.profiles, {"wind"})] == ["small"]
    assert profiles.choose(settings.profiles, {"flood"}, {"profile": "flood"}).memory_bytes == 2**33
    assert profiles.choose(settings.profiles, set(), {}).name == "small"
    with pytest.raises(web.HTTPError, match="403") as error:
        profiles.choose(settings.profiles, {"wind"}, {"profile": "flood"})
    assert error.value.status_code == 403
    with pytest.raises(web.HTTPError) as error:
        profiles.choose(settings.profiles, {"wind"}, {"profile": ["x"]})
    assert error.value.status_code == 400


def test_the_form_escapes_what_operators_write(tmp_path: Path) -> None:
    _, settings = configured(tmp_path, profiles=[SMALL, FLOOD])
    form = profiles.form_of(settings.profiles)
    assert "Small &lt;b&gt;" in form
    assert form.count("checked") == 1


def test_only_our_server_is_ready() -> None:
    """A foreign answer does not count; an ended server is said to have ended."""

    async def server(header: bytes, status: bytes) -> tuple[asyncio.Server, str]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 " + status + b"\r\n" + header + b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            writer.close()

        started = await asyncio.start_server(answer, "127.0.0.1", 0)
        return started, f"http://127.0.0.1:{started.sockets[0].getsockname()[1]}"

    async def tried() -> None:
        foreign, foreign_address = await server(b"", b"403 Forbidden")
        stranger, stranger_address = await server(b"", b"200 OK")
        ours, ours_address = await server(b"X-JupyterHub-Version: 6.1.1\r\n", b"200 OK")
        assert not await readiness.is_ours(foreign_address)
        assert not await readiness.is_ours(stranger_address)
        assert await readiness.is_ours(ours_address)

        async def ended() -> int:
            return 7

        spawner = SimpleNamespace(server=SimpleNamespace(base_url="/user/ann/"), poll=ended)
        with pytest.raises(readiness.NotOurs, match="status 7"):
            await readiness.until_ours(spawner, foreign_address)
        for each in (foreign, stranger, ours):
            each.close()
            await each.wait_closed()
        assert not await readiness.is_ours(ours_address)

    asyncio.run(tried())


def test_addresses_of_started_servers() -> None:
    assert readiness.address_of(("::1", 80)) == "http://[::1]:80"
    assert readiness.address_of(("10.0.0.1", 80)) == "http://10.0.0.1:80"
    assert readiness.address_of("https://pod:8888/x") == "https://pod:8888"
