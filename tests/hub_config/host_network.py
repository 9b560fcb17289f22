"""What a container engine changes of a machine's network, taken back: its bridges, its rules, and that it forwards."""

import re
import subprocess
from pathlib import Path

FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
INTERFACES = Path("/sys/class/net")
TABLES = ("filter", "nat", "mangle", "raw")
# The chains of podman's and Docker's, and what Docker puts into the machine's own.
THEIRS = re.compile(r"NETAVARK|CNI-|DOCKER|docker0|br-[0-9a-f]{12}")


class HostNetwork:
    """The network as it is now; ``restore`` takes away what engines have added since."""

    def __init__(self) -> None:
        self.interfaces = _interfaces()
        self.forward = FORWARD.read_text()
        self.rules = {table: _rules(table) for table in TABLES}

    def restore(self) -> None:
        """Take away the engines' new interfaces, rules and chains."""
        for name in sorted(_interfaces() - self.interfaces):
            if THEIRS.search(name) or name.startswith("podman"):
                subprocess.run(["ip", "link", "delete", name], check=False, capture_output=True)
        for table in TABLES:
            for line in self.rules[table]:
                if line.startswith("-P "):  # Docker forwards nothing but its own
                    _change(table, *line.split())
            added = [line for line in _rules(table) if line not in self.rules[table] and THEIRS.search(line)]
            for line in added:
                if line.startswith("-A "):
                    _change(table, "-D", *line.split()[1:])
            for line in added:
                if line.startswith("-N "):
                    _change(table, "-F", line.split()[1])
                    _change(table, "-X", line.split()[1])
        FORWARD.write_text(self.forward)


def _interfaces() -> set[str]:
    return {path.name for path in INTERFACES.iterdir()}


def _rules(table: str) -> list[str]:
    done = subprocess.run(["iptables", "-t", table, "-S"], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def _change(table: str, *what: str) -> None:
    subprocess.run(["iptables", "-t", table, *what], check=False, capture_output=True)
