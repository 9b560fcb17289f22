"""The proxy passes answers and messages on as they come and as they are."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from hub_stack import free_port, proxy_is_here, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not proxy_is_here(), reason="needs configurable-http-proxy, of the extra hub"),
]
LARGE = 12 * 2**20  # more than a message may have unless somebody says so


class Behind(BaseHTTPRequestHandler):
    """A server behind the proxy. It goes on with an answer only when it is told to."""

    protocol_version = "HTTP/1.1"
    go_on = threading.Event()

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/cut":
            self.begin(200, ("Content-Length", "100"))
            self.wfile.write(b"short")
            self.connection.shutdown(2)
        elif self.path == "/pieces":
            self.begin(200, ("Transfer-Encoding", "chunked"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))
            self.wfile.write(b"5\r\nfirst\r\n")
            self.wfile.flush()
            self.go_on.wait(30)
            self.wfile.write(b"4\r\nlast\r\n0\r\n\r\n")
        else:
            self.begin(302, ("Location", "/elsewhere"), ("Content-Length", "0"))

    def begin(self, status: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        self.end_headers()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The proxy's, with a web server at /, an echo of messages at /socket and nobody at /gone."""
    serve = pytest.importorskip("websockets.sync.server").serve
    port, steering, web, socket = (free_port() for _ in range(4))
    with ExitStack() as stack:
        pages = ThreadingHTTPServer(("127.0.0.1", web), Behind)
        stack.callback(pages.server_close)
        echo = stack.enter_context(serve(answer, "127.0.0.1", socket, subprotocols=["second", "first"], max_size=2**26))
        for server in (pages, echo):
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
        at = [f"--{name}={value}" for name, value in (("port", port), ("api-port", steering))]
        command = [sys.executable, "-m", "hub_config.proxy", "--ip=127.0.0.1", "--api-ip=127.0.0.1", *at]
        proxy = subprocess.Popen(command, env={**os.environ, "CONFIGPROXY_AUTH_TOKEN": "t"})
        stack.callback(lambda: (proxy.terminate(), proxy.wait(20)))
        steer = httpx.Client(base_url=f"http://127.0.0.1:{steering}/api/routes", headers={"Authorization": "token t"})
        stack.enter_context(steer)
        for path, target in {"/": web, "/socket": socket, "/gone": free_port()}.items():
            until(lambda path=path, target=target: added(steer, path, target), 30)
        yield f"127.0.0.1:{port}"


def added(steer: httpx.Client, path: str, port: int) -> bool:
    try:
        return steer.post(path, json={"target": f"http://127.0.0.1:{port}"}).status_code == 201
    except httpx.TransportError:
        return False


def answer(socket: Any) -> None:
    socket.send("before anything was asked")
    for message in socket:
        socket.send(message)


def test_an_answer_goes_on_piece_by_piece(address: str) -> None:
    Behind.go_on.clear()
    with httpx.stream("GET", f"http://{address}/pieces", trust_env=False) as found:
        pieces = found.iter_raw()
        assert next(pieces) == b"first"  # while the server has not said the rest
        Behind.go_on.set()
        assert b"".join(pieces) == b"last"
        assert found.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_an_answer_without_a_body(address: str) -> None:
    found = httpx.get(f"http://{address}/there", trust_env=False)
    assert (found.status_code, found.headers["location"], found.content) == (302, "/elsewhere", b"")


def test_an_answer_that_is_cut_short_is_not_whole(address: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"http://{address}/cut", trust_env=False)


def test_nobody_there(address: str) -> None:
    assert httpx.get(f"http://{address}/gone/away", trust_env=False).status_code == 503


def test_a_socket_keeps_its_protocol_and_its_messages(address: str) -> None:
    connect = pytest.importorskip("websockets.sync.client").connect
    with connect(f"ws://{address}/socket", subprotocols=["first", "second"], max_size=2**26, proxy=None) as socket:
        assert socket.subprotocol in ("first", "second")
        assert socket.recv() == "before anything was asked"
        for message in ("x" * LARGE, b"bytes"):
            socket.send(message)
            assert socket.recv() == message
