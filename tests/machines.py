"""Another machine: a network namespace whose link can be cut. Needs root and the kernel's help; skipped elsewhere."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import psutil
import pytest

#: Makes a command one that is run on another machine.
Inside = Callable[..., list[str]]


class Link:
    """A machine, and its link to this one or to a ``peer``: another machine's name."""

    def __init__(self, name: str, number: int, peer: str = ""):
        self.name, self._here = name, f"o{name}"
        self._at_peer = ("-n", peer) if peer else ()
        self.here, self.there = f"10.213.{number}.1", f"10.213.{number}.2"

    def inside(self, *command: str) -> list[str]:
        """A command as it is run on the machine, among this one's processes."""
        return ["ip", "netns", "exec", self.name, *command]

    def cut(self) -> None:
        """Nothing gets through any more, and nobody is told."""
        self._near("link", "set", self._here, "down")

    def mend(self) -> None:
        """Packets pass again."""
        self._near("link", "set", self._here, "up")

    def lay(self) -> None:
        """Make the machine, and join it to the other end."""
        _ip("netns", "add", self.name)
        _ip("-n", self.name, "link", "set", "lo", "up")
        self._near("link", "add", self._here, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        self._near("address", "add", f"{self.here}/24", "dev", self._here)
        for command in (("address", "add", f"{self.there}/24", "dev", "eth0"), ("link", "set", "eth0", "up")):
            _ip("-n", self.name, *command)
        self.mend()

    def remove(self) -> None:
        """Take the machine away; its end of the link goes with it."""
        subprocess.run(["ip", "netns", "delete", self.name], check=False, capture_output=True)
        subprocess.run(["ip", *self._at_peer, "link", "delete", self._here], check=False, capture_output=True)

    def _near(self, *arguments: str) -> None:
        _ip(*self._at_peer, *arguments)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=30)


@contextmanager
def another_machine(peer: str = "") -> Iterator[Link]:
    """A machine that is there meanwhile, joined to this one, or to a ``peer``."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("needs root and iproute2 (Debian: apt-get install iproute2) to make a network namespace")
    token = uuid4().int
    link = Link(f"oas{token % 16**6:06x}", token % 250 + 1, peer)
    try:
        link.lay()
    except (OSError, subprocess.CalledProcessError) as error:
        link.remove()
        pytest.skip(f"network namespaces cannot be made here: {error}")
    try:
        yield link
    finally:
        link.remove()


@contextmanager
def processes_of(link: Link) -> Iterator[Inside]:
    """Makes commands a machine's that has a host name and processes of its own, which end with it."""
    own = ["unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
    first = link.inside(*own, "sh", "-c", f"hostname {link.name} && echo there && sleep infinity & wait")
    with subprocess.Popen(first, stdout=subprocess.PIPE) as outer:
        try:
            if outer.stdout is None or not outer.stdout.readline():
                pytest.skip("namespaces of processes cannot be made here")
            [inner] = psutil.Process(outer.pid).children()
            yield lambda *command: ["nsenter", "--target", str(inner.pid), "--all", *command]
        finally:
            outer.kill()
