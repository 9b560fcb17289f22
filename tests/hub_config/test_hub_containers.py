"""Real containers of two people, started by a real hub: what holds inside, and who reaches whom."""

import contextlib
import json
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hub_stack import CONFIGURATION, Stack, follow, free_port, log_in, path_of, proxy_is_here, until

docker = pytest.importorskip("docker", reason="needs dockerspawner, of the extra hub")
from container_engine import Engine, NoEngine, mounted  # noqa: E402 - needs docker

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not proxy_is_here(), reason="needs configurable-http-proxy, of the extra hub"),
    # Docker's client leaves sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

MEMORY, CPU, PROCESSES = 512 * 2**20, 1, 150
# The shipped configuration, and this machine's programs in place of an image's.
HUB = """
exec(compile(open({shipped!r}).read(), {shipped!r}, "exec"))
c.JupyterHub.tornado_settings = {{**c.JupyterHub.tornado_settings, "slow_spawn_timeout": 1}}
c.ContainerServer.read_only_volumes = {{place: place for place in {places!r}}}
"""
DIES = "#!/bin/sh\necho no disk, no server\nexit 3\n"
# A stranger that answers whatever it is asked, as a proxy on the way would.
STRANGER = f"""#!{sys.executable}
from http.server import BaseHTTPRequestHandler, HTTPServer
class Refuse(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(403 if self.path.endswith("api") else 200)
        self.end_headers()
HTTPServer(("0.0.0.0", 8888), Refuse).serve_forever()
"""


@dataclass
class Person:
    """Somebody who is logged in, and their server."""

    name: str
    browser: httpx.Client
    script: httpx.Client
    engine: Engine

    def close(self) -> None:
        self.browser.close()
        self.script.close()

    @property
    def container(self) -> Any:
        return self.engine.client.containers.get(f"jupyter-{self.name}")

    @property
    def environment(self) -> dict[str, str]:
        return dict(line.partition("=")[::2] for line in self.container.attrs["Config"]["Env"])

    def inside(self, code: str, seconds: int = 60) -> tuple[int, str]:
        """Status and output of Python in the container, as its user."""
        command = ["timeout", str(seconds), sys.executable, "-c", code]
        done = self.container.exec_run(command, user="1000:1000")
        return done.exit_code, done.output.decode()

    def start(self, profile: str = "standard") -> httpx.Response:
        return self.script.post(f"/hub/api/users/{self.name}/server", json={"profile": profile})

    def is_ready(self) -> bool:
        return bool(self.server().get("ready"))

    def server(self) -> dict[str, Any]:
        return self.script.get(f"/hub/api/users/{self.name}").json()["servers"].get("", {})

    def stop(self) -> None:
        self.script.delete(f"/hub/api/users/{self.name}/server")
        until(lambda: not self.server(), 60)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    # A socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="oasis-"))
    try:
        engine = Engine(folder)
        engine.start()
    except NoEngine as reason:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"no container engine runs here: {reason}")
    try:
        yield engine
    finally:
        engine.stop()


@pytest.fixture(scope="module")
def stack(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    pytest.importorskip("jupyterlab")
    pytest.importorskip("nanoidp")
    images = {
        "standard": engine.make_image("oasis-test", {}),
        "dies": engine.make_image("oasis-dies", {"jupyterhub-singleuser": DIES}),
        "stranger": engine.make_image("oasis-stranger", {"jupyterhub-singleuser": STRANGER}),
    }
    _refuse_if_none_runs(engine, images["standard"])
    folder = tmp_path_factory.mktemp("hub")
    port = free_port()
    oasis = [
        str(Path(sys.executable).with_name("oasis")),
        "serve",
        "--port",
        str(port),
        "--root",
        str(folder / "service"),
    ]
    stack = Stack(
        folder,
        {
            "OASIS_HUB_SPAWNER__KIND": "docker",
            "OASIS_HUB_SPAWNER__DOCKER_URL": engine.url,
            "OASIS_HUB_SPAWNER__MEMORY_BYTES": str(MEMORY),
            "OASIS_HUB_SPAWNER__CPU": str(CPU),
            "OASIS_HUB_SPAWNER__PROCESSES": str(PROCESSES),
            "OASIS_HUB_PROFILES": json.dumps(
                [{"name": name, "title": name.title(), "image": image} for name, image in images.items()]
            ),
            "OASIS_HUB_SERVICE__URL": f"http://127.0.0.1:{port}",
            "OASIS_HUB_SERVICE__COMMAND": ",".join(oasis),
        },
    )
    stack.configuration = folder / "jupyterhub_config.py"
    stack.configuration.write_text(HUB.format(shipped=str(CONFIGURATION), places=mounted()))
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()


def _refuse_if_none_runs(engine: Engine, image: str) -> None:
    """Skip where the engine answers and can run nothing: a machine without cgroups, mounts or bridges."""
    network = engine.client.networks.create("oasis-probe", driver="bridge", internal=True)
    binds = {place: {"bind": place, "mode": "ro"} for place in mounted()}
    try:
        engine.client.containers.run(
            image, ["true"], network="oasis-probe", volumes=binds, remove=True, mem_limit=MEMORY
        )
    except docker.errors.DockerException as error:
        pytest.skip(f"no container runs here: {error}")
    finally:
        network.remove()


def person(stack: Stack, engine: Engine, name: str) -> Person:
    password = stack.people("add", name, "--group", "workbench-users")
    browser = stack.browser()
    assert path_of(log_in(browser, name, password)[-1]) == "/hub/home"
    xsrf = next(cookie.value for cookie in browser.cookies.jar if cookie.name == "_xsrf" and cookie.path == "/hub/")
    made = browser.post(f"/hub/api/users/{name}/tokens", json={"note": "script"}, headers={"X-XSRFToken": xsrf})
    script = httpx.Client(
        base_url=stack.url,
        headers={"Authorization": f"token {made.json()['token']}"},
        trust_env=False,
        timeout=60,
    )
    return Person(name, browser, script, engine)


@pytest.fixture(scope="module")
def both(stack: Stack, engine: Engine) -> Iterator[tuple[Person, Person]]:
    """Two people whose servers are ready."""
    ann, bob = people = person(stack, engine, "ann"), person(stack, engine, "bob")
    for each in people:
        assert each.start().status_code in (201, 202)
    for each in people:
        until(each.is_ready, 120)
    yield ann, bob
    for each in people:
        each.close()


def test_a_server_is_ready_and_its_owners(both: tuple[Person, Person]) -> None:
    ann, bob = both
    page = follow(ann.browser, ann.browser.get("/user/ann/lab"))[-1]
    assert (page.status_code, path_of(page)) == (200, "/user/ann/lab")
    assert "kernels" in ann.browser.get("/user/ann/api/status").json()
    assert follow(bob.browser, bob.browser.get("/user/ann/lab"))[-1].status_code == 403


STATUS = """
import json
print(json.dumps(dict(line.strip().split(":", 1) for line in open("/proc/1/status"))))
"""


def test_a_server_has_no_rights_to_gain(both: tuple[Person, Person]) -> None:
    status = json.loads(both[0].inside(STATUS)[1])
    assert status["Uid"].split() == ["1000"] * 4
    for sort in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[sort], 16) == 0, sort
    assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("1", "2")


WRITE = """
import errno, os
for place in ("/etc", "/usr", "/programs", "/"):
    try:
        open(os.path.join(place, "oasis-test"), "w")
    except OSError as error:
        assert error.errno in (errno.EROFS, errno.EACCES), error
    else:
        raise AssertionError(place)
assert os.statvfs("/").f_flag & os.ST_RDONLY
for place in ("/tmp", os.path.expanduser("~")):
    open(os.path.join(place, "oasis-test"), "w").write("kept")
print(sorted(name for name in os.environ if name in ("VIRTUAL_ENV", "OASIS_KERNEL_CACHE")))
"""


FILL = f"""
import os
try:
    with open("/tmp/large", "wb", buffering=0) as file:
        for _ in range({MEMORY >> 20}):
            file.write(bytes(2**20))
except OSError as error:
    print(error.errno)
finally:
    os.unlink("/tmp/large")
"""


def test_only_the_home_and_a_small_tmp_can_be_written(both: tuple[Person, Person]) -> None:
    assert both[0].inside(WRITE) == (0, "[]\n")  # and nothing of the hub's environment is in the container's
    assert both[0].inside(FILL) == (0, "28\n")
    assert both[0].browser.get("/user/ann/api/status").status_code == 200


def test_memory_is_limited_and_the_server_outlives_it(both: tuple[Person, Person]) -> None:
    ann = both[0]
    status, _ = ann.inside(f"print(len(bytearray({2 * MEMORY})))")
    assert status == 137  # killed
    assert ann.inside(f"print(len(bytearray({MEMORY // 8})))") == (0, f"{MEMORY // 8}\n")
    assert ann.browser.get("/user/ann/api/status").status_code == 200


FORK = """
import os, time
children = []
try:
    for _ in range(1000):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        children.append(child)
except BlockingIOError as error:
    print(error.errno)
finally:
    for child in children:
        os.kill(child, 9)
        os.waitpid(child, 0)
print(len(children))
"""


def test_processes_are_limited(both: tuple[Person, Person]) -> None:
    status, said = both[0].inside(FORK)
    error, children = said.split()
    assert (status, error) == (0, "11")
    assert int(children) < PROCESSES


SPIN = """
import os, time
for _ in range(2):
    if os.fork() == 0:
        end = time.monotonic() + 2
        while time.monotonic() < end:
            pass
        os._exit(0)
began = time.monotonic()
os.wait(), os.wait()
used = os.times()
print((used.children_user + used.children_system) / (time.monotonic() - began))
"""


def test_processors_are_limited(both: tuple[Person, Person]) -> None:
    status, said = both[0].inside(SPIN)
    assert status == 0
    assert float(said) < CPU * 1.3


# What podman says, and what Docker does.
NOWHERE = ("Network is unreachable", "timed out", "Cannot assign requested address")
REACH = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3) as there:
        there.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
        print("answered" if there.recv(1) else "closed")
except OSError as error:
    print(error.strerror or error)
"""


def reach(who: Person, host: str, port: int) -> str:
    return who.inside(f"import sys; sys.argv = ['', {host!r}, '{port}']{REACH}")[1].strip()


def test_nobody_reaches_a_neighbour_or_the_internet(both: tuple[Person, Person]) -> None:
    ann, bob = both
    networks = ann.container.attrs["NetworkSettings"]["Networks"]
    assert list(networks) == ["oasis-ann-main"]
    address = networks["oasis-ann-main"]["IPAddress"]
    door = urlsplit(ann.environment["OASIS_HOST"])
    assert reach(ann, address, 8888) == "answered"
    assert reach(ann, door.hostname, door.port) == "answered"
    for host, port in ((address, 8888), ("192.0.2.77", 80), ("2001:db8::1", 80)):
        assert reach(bob, host, port) in NOWHERE, host
    assert reach(bob, door.hostname, door.port) in ("Network is unreachable", "closed", "Connection reset by peer")
    assert "name" in reach(bob, "example.org", 80)  # no name is asked outside


ASK = """
import json, os, urllib.request
def ask(url, word):
    asked = urllib.request.Request(url, headers={"Authorization": word + " " + os.environ["JUPYTERHUB_API_TOKEN"]})
    return json.load(urllib.request.urlopen(asked, timeout=30))
print(ask(os.environ["JUPYTERHUB_API_URL"], "token")["version"])
print(ask(os.environ["OASIS_HOST"] + "/v1", "Bearer"))
"""
CLIENT = """
import os
import oasis_kernel as ok
with ok.connect(os.environ["OASIS_HOST"]) as service:
    print(service.models())
"""


def test_hub_and_service_are_reached_with_ones_own_token(both: tuple[Person, Person]) -> None:
    for me, other in (both, both[::-1]):
        status, said = me.inside(ASK)
        assert status == 0, said
        assert f"'{me.name}'" in said
        assert f"'{other.name}'" not in said
    status, said = both[0].inside(CLIENT)
    assert (status, "toy-wind" in said) == (0, True), said


def test_a_door_lets_in_its_own_network_only(both: tuple[Person, Person]) -> None:
    """This machine reaches the gateway's address, as its neighbours might; the door leads them nowhere."""
    door = urlsplit(both[0].environment["OASIS_HOST"])
    with socket.create_connection((door.hostname, door.port), 10, source_address=("127.0.0.1", 0)) as entered:
        entered.sendall(b"GET /v1 HTTP/1.1\r\nHost: x\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert entered.recv(1) == b""


def test_servers_go_on_while_the_hub_is_started_again(both: tuple[Person, Person], stack: Stack) -> None:
    ann = both[0]
    before = ann.container.id
    stack.stop()
    stack.start()
    until(ann.is_ready, 60)
    assert ann.container.id == before
    until(lambda: ann.inside(ASK)[0] == 0, 60)  # the hub's and the service's doors are open again


def test_a_home_stays_and_nothing_else_does(both: tuple[Person, Person]) -> None:
    ann = both[0]
    assert ann.inside(WRITE)[0] == 0
    volumes = len(ann.engine.client.volumes.list())
    ann.stop()
    api = ann.engine.client
    assert [each.name for each in api.containers.list(all=True)] == ["jupyter-bob"]
    assert "oasis-ann-main" not in [each.name for each in api.networks.list()]
    assert len(api.volumes.list()) == volumes
    ann.start()
    until(ann.is_ready, 120)
    assert ann.inside("import os; print(open(os.path.expanduser('~/oasis-test')).read())") == (0, "kept\n")
    assert ann.inside("import os; print(os.listdir('/tmp').count('oasis-test'))") == (0, "0\n")


def test_a_server_that_dies_is_not_ready_and_leaves_nothing(both: tuple[Person, Person], stack: Stack) -> None:
    bob = both[1]
    bob.stop()
    answer = bob.start("dies")
    if answer.status_code == 202:
        until(lambda: not bob.server().get("pending"), 60)
    assert not bob.server().get("ready")
    until(lambda: "no disk, no server" in stack.text(), 30)  # what it said last
    assert "The server ended while it started (status ExitCode=3" in stack.text()
    api = bob.engine.client
    until(lambda: "oasis-bob-main" not in [each.name for each in api.networks.list()], 30)
    assert [each.name for each in api.containers.list(all=True)] == ["jupyter-ann"]


def test_a_strangers_answer_is_not_taken_as_ready(both: tuple[Person, Person]) -> None:
    bob = both[1]
    assert bob.start("stranger").status_code in (201, 202)
    until(lambda: bob.container.logs().decode().count('/api HTTP/1.1" 403') > 3, 60)
    assert bob.server()["pending"] == "spawn"
    assert not bob.is_ready()
    bob.container.kill()
    until(lambda: not bob.server().get("pending"), 60)
    assert not bob.is_ready()
