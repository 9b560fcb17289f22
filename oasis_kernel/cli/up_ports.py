"""The ports of a workbench on one machine: chosen at the first start on a root, and the same at the next ones.

Cookies and the addresses that log-in comes back to hold a port, so a kept one is another one only when it is taken.
"""

import json
import socket
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from oasis_kernel.errors import OasisError

FILE = "ports.json"
HOST = "127.0.0.1"
FREE = 0


def chosen_ports(root: Path, wanted: Mapping[str, int | None]) -> dict[str, int]:
    """A port that nothing listens on for each name, written down under ``root``.

    ``wanted`` gives each name's port: that one and no other, ``FREE`` for any, or None for the kept one or any.
    OasisError for one that is taken.
    """
    kept = kept_ports(root)
    with ExitStack() as held:  # all of them at once, so that none is given twice
        chosen = {name: _held(held, [port]) for name, port in wanted.items() if port}
        for name, port in wanted.items():
            if not port:
                chosen[name] = _held(held, [kept[name], FREE] if name in kept else [FREE])
    (root / FILE).write_text(json.dumps(kept | chosen, indent=2) + "\n", encoding="utf-8")
    return chosen


def kept_ports(root: Path) -> dict[str, int]:
    """The ports of the last start on a root; none where there was none."""
    try:
        found = json.loads((root / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # a first start, or a file that was cut short: ports are chosen again
        return {}
    return {name: port for name, port in found.items() if isinstance(port, int) and 0 < port < 2**16}


def is_free(port: int) -> bool:
    """Whether nothing listens on a port of this machine."""
    with ExitStack() as held:
        try:
            _held(held, [port])
        except OasisError:
            return False
    return True


def _held(held: ExitStack, ports: Iterable[int]) -> int:
    """The first of these ports that can be had, taken for as long as ``held`` lasts."""
    refused: OSError | None = None
    for port in ports:
        opened = held.enter_context(socket.socket())
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that ended lately do not count
        try:
            opened.bind((HOST, port))
            opened.listen(1)  # with SO_REUSEADDR two may bind, but only one may listen
        except OSError as error:
            refused = error
            continue
        number: int = opened.getsockname()[1]
        return number
    raise OasisError(
        f"cannot listen on {HOST} port {port}: {refused.strerror if refused else 'no port was named'}. "
        f"Give --port 0 for a free one, or stop what listens there"
    )
