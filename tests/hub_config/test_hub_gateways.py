"""Doors in a gateway: whom they let in, where they lead, and what those behind them see."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable

import pytest

from hub_config.gateways import Door, Gateway, target_of, through

HERE = Gateway("127.8.0.1", ipaddress.ip_network("127.8.0.0/24"))


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say who asks, then what they said, once they have said all."""
    said = await reader.read()
    writer.write(writer.get_extra_info("peername")[0].encode() + b" " + said)
    await writer.drain()
    writer.close()


def with_door(what: Callable[[Door], Awaitable[None]]) -> None:
    """Do something while a door leads to a server on loopback."""

    async def run() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        door = Door(HERE, "127.0.0.1", server.sockets[0].getsockname()[1])
        await door.open()
        try:
            await what(door)
        finally:
            door.close()
            server.close()

    asyncio.run(run())


async def said(door: Door, source: str, text: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HERE.address, door.port, local_addr=(source, 0))
    try:
        writer.write(text)
        writer.write_eof()
        return await reader.read()
    except OSError:
        return b""
    finally:
        writer.close()


def test_a_door_leads_its_own_network_and_nobody_else() -> None:
    async def tried(door: Door) -> None:
        large = b"x" * 2**20
        assert await said(door, "127.8.0.2", large) == b"127.8.0.1 " + large  # seen as the gateway, not as loopback
        assert await said(door, "127.7.0.2", b"hello") == b""

    with_door(tried)


def test_a_door_takes_only_so_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub_config.gateways.AT_ONCE", 1)

    async def tried(door: Door) -> None:
        _, waiting = await asyncio.open_connection(HERE.address, door.port, local_addr=("127.8.0.2", 0))
        assert await said(door, "127.8.0.2", b"too many") == b""
        waiting.close()
        for _ in range(100):
            if answer := await said(door, "127.8.0.2", b"again"):
                break
            await asyncio.sleep(0.05)
        assert answer == b"127.8.0.1 again"

    with_door(tried)


def test_a_closed_door_sends_everybody_out() -> None:
    async def tried(door: Door) -> None:
        reader, writer = await asyncio.open_connection(HERE.address, door.port, local_addr=("127.8.0.2", 0))
        writer.write(b"hel")
        await writer.drain()
        await asyncio.sleep(0.05)
        door.close()
        assert await reader.read() == b""
        writer.close()
        with pytest.raises(OSError, match="Connect call failed"):
            await said(door, "127.8.0.2", b"hello")

    with_door(tried)


def test_a_door_whose_target_is_away_closes_again() -> None:
    async def tried() -> None:
        door = Door(HERE, "127.0.0.1", 1)
        await door.open()
        assert await said(door, "127.8.0.2", b"hello") == b""
        door.close()

    asyncio.run(tried())


def test_addresses_as_a_container_sees_them() -> None:
    door = Door(HERE, "127.0.0.1", 1)
    door.port = 4000
    assert through("http://127.0.0.1:8765", door) == "http://127.8.0.1:4000"
    assert through("http://10.2.3.4/x", door) == "http://127.8.0.1:4000/x"
    assert through("https://oasis.example.org", door) == "https://oasis.example.org:4000"
    assert target_of("https://oasis.example.org") == ("oasis.example.org", 443)
    assert target_of("http://127.0.0.1:8765") == ("127.0.0.1", 8765)
