"""Another machine: a network namespace whose link can be cut. Needs root and the kernel's help; skipped elsewhere."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest


class Link:
    """A machine's link to this one."""

    def __init__(self, name: str, number: int):
        self.name, self._here = name, f"o{name}"
        self.here, self.there = f"10.213.{number}.1", f"10.213.{number}.2"

    def inside(self, *command: str) -> list[str]:
        """A command as it is run on the other machine."""
        return ["ip", "netns", "exec", self.name, *command]

    def cut(self) -> None:
        """Nothing gets through any more, and nobody is told."""
        _ip("link", "set", self._here, "down")

    def mend(self) -> None:
        """Packets pass again."""
        _ip("link", "set", self._here, "up")

    def lay(self) -> None:
        """Make the machine, and join it to this one."""
        _ip("netns", "add", self.name)
        _ip("link", "add", self._here, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        _ip("address", "add", f"{self.here}/24", "dev", self._here)
        for command in (("address", "add", f"{self.there}/24", "dev", "eth0"), ("link", "set", "eth0", "up")):
            _ip("-n", self.name, *command)
        _ip("-n", self.name, "link", "set", "lo", "up")
        self.mend()

    def remove(self) -> None:
        """Take the machine away; its end of the link goes with it."""
        subprocess.run(["ip", "netns", "delete", self.name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", self._here], check=False, capture_output=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=30)


@contextmanager
def another_machine() -> Iterator[Link]:
    """A machine that is there meanwhile."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("needs root and iproute2 (Debian: apt-get install iproute2) to make a network namespace")
    token = uuid4().int
    link = Link(f"oas{token % 16**6:06x}", token % 250 + 1)
    try:
        link.lay()
    except (OSError, subprocess.CalledProcessError) as error:
        link.remove()
        pytest.skip(f"network namespaces cannot be made here: {error}")
    try:
        yield link
    finally:
        link.remove()
