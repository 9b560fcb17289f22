"""Ports that are kept from one start to the next."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from oasis_kernel.cli.up_ports import FILE, FREE, chosen_ports, is_free, kept_ports
from oasis_kernel.errors import OasisError

NAMES = ("public", "hub", "pages")


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        opened.listen(1)
        yield opened.getsockname()[1]


def test_ports_stay_from_start_to_start(tmp_path: Path) -> None:
    first = chosen_ports(tmp_path, dict.fromkeys(NAMES))
    assert len(set(first.values())) == len(NAMES)
    assert all(is_free(port) for port in first.values())
    assert chosen_ports(tmp_path, dict.fromkeys(NAMES)) == first == kept_ports(tmp_path)
    assert chosen_ports(tmp_path, {"public": FREE, "hub": None, "pages": None}) == first


def test_a_kept_port_that_is_taken_is_another_one(tmp_path: Path, listening: int) -> None:
    (tmp_path / FILE).write_text(f'{{"public": {listening}, "hub": 0, "pages": "x"}}')
    chosen = chosen_ports(tmp_path, dict.fromkeys(NAMES))
    assert listening not in chosen.values()
    assert kept_ports(tmp_path) == chosen


def test_a_port_that_was_asked_for_is_had_or_refused(tmp_path: Path, listening: int) -> None:
    with pytest.raises(OasisError, match=f"cannot listen on 127.0.0.1 port {listening}: .* Give --port 0"):
        chosen_ports(tmp_path, {"public": listening, "hub": None})
    assert kept_ports(tmp_path) == {}
    assert not is_free(listening)


def test_a_file_cut_short_is_a_first_start(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"public": 80')
    assert kept_ports(tmp_path) == {}
    assert chosen_ports(tmp_path, {"public": None})["public"] > 0
