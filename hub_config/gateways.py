"""Doors in a network's gateway: what a container on an internal network reaches beside itself, and nothing else.

Hub and service stay on loopback. Each door listens at the gateway of one person's network, lets in that network's
machines only, and leads to one address.
"""

import asyncio
import contextlib
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from hub_config.settings import LOOPBACK

# A bridge may exist only while a container is on it: this lets a door be there before. Linux; Python 3.11 has no name.
IP_FREEBIND = 15
AT_ONCE = 128
BLOCK = 2**16

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Gateway:
    """A network's own address on this machine, and who is on that network."""

    address: str
    network: Network

    @staticmethod
    def of(found: dict) -> "Gateway":
        """The gateway of a network as the Docker API describes it; ``ValueError`` when it cannot shut people in."""
        if not found.get("Internal"):
            raise ValueError(
                f"the network {found['Name']} must be internal, or it leads out. Remove it, and start again"
            )
        pool = found["IPAM"]["Config"][0]
        return Gateway(pool["Gateway"].partition("/")[0], ipaddress.ip_network(pool["Subnet"]))


class Door:
    """A port of a gateway that leads to one address."""

    def __init__(self, gateway: Gateway, host: str, port: int) -> None:
        self.gateway, self.host, self.target = gateway, host, port
        self.port = 0
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()

    async def open(self, port: int = 0) -> int:
        """Listen at this port, or a free one; returns the port."""
        listening = socket.socket(socket.AF_INET6 if ":" in self.gateway.address else socket.AF_INET)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
            listening.bind((self.gateway.address, port))
            self._server = await asyncio.start_server(self._enter, sock=listening)
        except OSError:
            listening.close()
            raise
        self.port = listening.getsockname()[1]
        return self.port

    def close(self) -> None:
        """Let nobody in any more, and send out who is inside."""
        if self._server is not None:
            self._server.close()
        for each in self._passing:
            each.cancel()

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here = asyncio.current_task()
        assert here is not None  # a task serves each connection
        self._passing.add(here)
        try:
            peer = ipaddress.ip_address(writer.get_extra_info("peername")[0])
            if peer in self.gateway.network and len(self._passing) <= AT_ONCE:
                await self._lead(reader, writer)
        except (OSError, asyncio.CancelledError):
            return  # one side has gone, or the door was closed
        finally:
            self._passing.discard(here)
            writer.close()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Who listens on loopback sees the gateway, not loopback: no right of this machine's own, and a person's
        # failed attempts count for that person alone.
        source = (self.gateway.address, 0) if self.host in LOOPBACK else None
        there, back = await asyncio.open_connection(self.host, self.target, local_addr=source)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pass(reader, back))
                both.create_task(_pass(there, writer))
        except* OSError:
            pass  # one side has gone
        finally:
            back.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes until no more does."""
    while block := await reader.read(BLOCK):
        writer.write(block)
        await writer.drain()
    with contextlib.suppress(OSError):  # the other side has gone first
        writer.write_eof()


def target_of(address: str) -> tuple[str, int]:
    """Host and port of an address."""
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def through(address: str, door: Door) -> str:
    """An address as a container sees it that reaches it through a door: a name stays, for the certificate's sake."""
    parts = urlsplit(address)
    host = door.gateway.address if is_bare(parts.hostname or "") else parts.hostname
    return urlunsplit(parts._replace(netloc=f"[{host}]:{door.port}" if ":" in str(host) else f"{host}:{door.port}"))


def is_bare(host: str) -> bool:
    """Whether a host is loopback or a plain address: nothing that a name server or a certificate names."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host in LOOPBACK
    return True
