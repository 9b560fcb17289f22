"""A container engine of the tests' own: podman or Docker, its API on a socket, its storage and networks in a folder.

Images need no registry: they are made of a few files, with this machine's programs and the environment that the tests
run in mounted read-only.
"""

import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import docker
import requests
from docker.errors import DockerException
from host_network import HostNetwork

REPOSITORY = Path(__file__).resolve().parents[2]
HOME = "home/analyst"
#: Links that merged systems have beside /usr.
LINKS = ("bin", "lib", "lib64", "sbin")
FOLDERS = ("dev", "etc", "home", "proc", "run", "sys", "usr", "var")

CONTAINERS = """
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{folder}/tmp"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
default_network = "oasis-test"
default_subnet = "10.91.0.0/24"
default_subnet_pools = [{{"base" = "10.92.0.0/16", "size" = 24}}]
"""
STORAGE = """
[storage]
driver = "overlay"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""
PODMAN = ("podman", "runc", "iptables")
NETAVARK = ("/usr/lib/podman/netavark", "/usr/libexec/podman/netavark")
DOCKER = ("dockerd", "containerd", "runc", "iptables")


class NoEngine(Exception):
    """Why no engine runs here."""


def kind() -> str:
    """Which engine can be started; ``NoEngine`` says what is missing."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise NoEngine("containers with networks of their own need Linux and root")
    wanted = os.environ.get("OASIS_TEST_ENGINE", "podman docker").split()
    if "podman" in wanted and all(map(shutil.which, PODMAN)) and any(Path(path).is_file() for path in NETAVARK):
        return "podman"
    if "docker" in wanted and all(map(shutil.which, DOCKER)):
        return "docker"
    raise NoEngine("needs podman, runc, netavark and iptables (apt-get install these), or docker.io")


@dataclass
class Engine:
    """An engine's processes, its socket and a client of its API."""

    folder: Path
    kind: str = field(default_factory=kind)

    def __post_init__(self) -> None:
        self.socket = self.folder / "api.sock"
        self.url = f"unix://{self.socket}"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.log = (self.folder / "engine.log").open("wb")

    def start(self) -> None:
        """Start it, and return when its API answers."""
        self.network = HostNetwork()
        if self.kind == "podman":
            self._start_podman()
        else:
            self._start_docker()
        end = time.monotonic() + 60
        while not self._answers():
            if self.processes[-1].poll() is not None or time.monotonic() > end:
                said = self.said()
                self.stop()
                raise NoEngine(f"{self.kind} does not start here: {said[-500:]}")
            time.sleep(0.1)
        self.client = docker.DockerClient(base_url=self.url, timeout=60)

    def _start_podman(self) -> None:
        configuration, storage = self.folder / "containers.conf", self.folder / "storage.conf"
        configuration.write_text(CONTAINERS.format(folder=self.folder))
        storage.write_text(STORAGE.format(folder=self.folder))
        (self.folder / "networks").mkdir()
        self.environment = {
            **os.environ,
            "CONTAINERS_CONF": str(configuration),
            "CONTAINERS_STORAGE_CONF": str(storage),
        }
        self._run("podman", "system", "service", "--time=0", self.url)

    def _start_docker(self) -> None:
        self.environment = dict(os.environ)
        containerd = self.folder / "containerd.sock"
        places = [f"--{name}={self.folder / 'cd' / name}" for name in ("root", "state")]
        self._run("containerd", *places, f"--address={containerd}")
        while not containerd.exists() and self.processes[0].poll() is None:
            time.sleep(0.1)
        places = [f"--{name}={self.folder / name}" for name in ("data-root", "exec-root", "pidfile")]
        self._run("dockerd", *places, f"--host={self.url}", f"--containerd={containerd}", "--bip=10.94.0.1/24")

    def _run(self, *command: str) -> None:
        self.processes.append(
            subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdout=self.log,
                stderr=self.log,
                start_new_session=True,
            )
        )

    def _answers(self) -> bool:
        client = docker.DockerClient(base_url=self.url, timeout=60, version="1.41")
        try:
            return bool(client.ping())
        except (DockerException, requests.RequestException):
            return False
        finally:
            client.close()

    def said(self) -> str:
        """What the engine said."""
        return (self.folder / "engine.log").read_text(errors="replace")

    def stop(self) -> None:
        """Remove containers and networks, end the engine, take its mounts and rules away."""
        if self._answers():
            for container in self.client.containers.list(all=True):
                container.remove(force=True, v=True)
            for network in self.client.networks.list():
                if network.name.startswith("oasis-") and network.name != "oasis-test":
                    network.remove()
            self.client.close()
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)
        self.log.close()
        self._end_watchers()
        self.network.restore()
        for mounted in reversed(Path("/proc/mounts").read_text().splitlines()):
            if (place := mounted.split()[1]).startswith(str(self.folder)):
                subprocess.run(["umount", place], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end_watchers(self) -> None:
        """End what watches each command run in a container: podman's stay for five minutes."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
                if command.startswith(b"/usr/bin/conmon\0") and str(self.folder).encode() in command:
                    os.kill(int(process.name), signal.SIGTERM)
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended

    def make_image(self, name: str, programs: Mapping[str, str]) -> str:
        """Make an image of a few files; ``programs`` lie first on its path. Returns its name."""
        path = f"/programs:{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
        changes = [f"ENV PATH={path}", f"ENV HOME=/{HOME}"]
        # No tag: podman takes none over this API.
        self.client.api.import_image_from_data(_files(programs), repository=f"localhost/{name}", changes=changes)
        return f"localhost/{name}:latest"


def mounted() -> list[str]:
    """The folders of this machine that a container needs to run what the tests run, none inside another."""
    places = {"/usr", sys.prefix, sys.base_prefix, str(REPOSITORY)}
    return sorted(
        place for place in places if not any(Path(place) != Path(o) and Path(place).is_relative_to(o) for o in places)
    )


def _files(programs: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        parents = {str(parent) for place in mounted() for parent in (Path(place), *Path(place).parents)}
        folders = {*FOLDERS, "programs", *(place.strip("/") for place in parents)}
        for name in sorted(folders - {"", "tmp", HOME}):  # each once: engines refuse an archive that has one twice
            _add(archive, name, 0o755)
        _add(archive, "tmp", 0o1777)
        _add(archive, HOME, 0o700, owner=1000)
        for link in LINKS:
            if (target := Path("/") / link).is_symlink():
                entry = tarfile.TarInfo(link)
                entry.type, entry.linkname = tarfile.SYMTYPE, str(target.readlink())
                archive.addfile(entry)
        _add(archive, "etc/passwd", 0o644, b"root:x:0:0::/:/bin/sh\nanalyst:x:1000:1000::/home/analyst:/bin/sh\n")
        for name, text in programs.items():
            _add(archive, f"programs/{name}", 0o755, text.encode())
    return packed.getvalue()


def _add(archive: tarfile.TarFile, name: str, mode: int, content: bytes | None = None, owner: int = 0) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.uid, entry.gid, entry.mtime = mode, owner, owner, 0
    if content is None:
        entry.type = tarfile.DIRTYPE
        archive.addfile(entry)
    else:
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
