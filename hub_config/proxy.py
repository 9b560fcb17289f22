"""The proxy in front of the hub, from PyPI, with what it leaves out.

Answers go on as they come, so that a page is shown before its kernel is ready; sockets keep the protocol that both
ends speak; a portfolio may be larger than 10 MiB; and no address is logged: those of log-ins have codes in them.
"""

import logging

from configurable_http_proxy import configproxy
from configurable_http_proxy.cli import main
from configurable_http_proxy.handlers import ProxyHandler, apply_timeout
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.httputil import HTTPHeaders, parse_response_start_line
from tornado.iostream import StreamClosedError
from tornado.websocket import websocket_connect

LARGEST_BYTES = 2**30  # of a message, or of an answer
AT_ONCE = 1000  # requests on their way
#: What one connection is told and not the next.
OF_A_CONNECTION = ("connection", "keep-alive", "transfer-encoding", "upgrade")


class Streaming(ProxyHandler):
    """Passes answers and messages on as they come."""

    async def call_proxy(self, path: str | None = None) -> None:
        """Pass a request on to whose it is, and the answer back, piece by piece and as it is."""
        url = await self.get_target_url(path)
        if url is None:
            return
        asked = self._get_proxy_request(url)
        asked.decompress_response = False
        asked.request_timeout = 0  # an answer may go on for as long as there is something to tell
        self._gone = False
        told = HTTPHeaders()
        asked.header_callback = lambda line: self._header(line, told)
        asked.streaming_callback = self._piece
        try:
            await AsyncHTTPClient().fetch(asked, raise_error=False)
        except (OSError, HTTPClientError) as error:
            if self._headers_written:
                self.detach().close()  # what came so far is not the whole answer
            else:
                await self.handle_proxy_error(503, error)
            return
        if not self._gone:
            await self.flush()
            await self.finish()

    def _header(self, line: str, told: HTTPHeaders) -> None:
        """Take in one line of the answer's head; what it says counts once it is whole."""
        if line.startswith("HTTP/"):
            told.clear()
            self.set_status(parse_response_start_line(line.rstrip()).code)
        elif line.strip():
            told.parse_line(line)
        else:
            for name in ("Server", "Content-Type", "Date", *told):
                self.clear_header(name)
            for name, value in told.get_all():
                if name.lower() not in OF_A_CONNECTION:
                    self.add_header(name, value)

    async def _piece(self, piece: bytes) -> None:
        """Pass a piece on, and read no more until the browser has taken it; when the browser is gone, drop it."""
        if self._gone:
            return
        try:
            self.write(piece)
            await self.flush()
        except StreamClosedError:
            self._gone = True

    async def start_ws_client(self, path: str | None = None) -> None:
        """Open a socket to whose it is, before the browser is told that its own is open."""
        self.closed = False
        self._early: list[str | bytes] = []
        url = await self.get_target_url(path)
        if url is None:
            return
        asked = self._get_proxy_request("ws" + url.removeprefix("http"))
        asked.headers.pop("Sec-Websocket-Extensions", None)  # compression is agreed on for each end by itself
        opening = websocket_connect(asked, on_message_callback=self._message, max_message_size=LARGEST_BYTES)
        try:
            self.ws_client = await apply_timeout(self.proxy.timeout, opening)
        except HTTPClientError as error:
            self.set_status(error.code)
            await self.finish(error.message)
        except OSError as error:
            await self.handle_proxy_error(503, error)

    def _message(self, message: str | bytes | None) -> None:
        """Pass on a message from the other end; None: it has closed."""
        if message is None:
            self.close()
        elif self.ws_connection is None:
            self._early.append(message)
        elif not self.ws_connection.is_closing():
            self.proxy.update_last_activity(self.target["prefix"])
            self.write_message(message, binary=isinstance(message, bytes))

    def open(self, *args: str, **kwargs: str) -> None:
        """Pass on what came before the browser's end was open."""
        for message in self._early:
            self._message(message)

    def on_message(self, message: str | bytes) -> None:
        """Pass on a message from the browser, bytes as bytes."""
        if self.ws_client:
            self.proxy.update_last_activity(self.target["prefix"])
            self.ws_client.write_message(message, binary=isinstance(message, bytes))

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """The protocol that the other end has chosen."""
        return self.ws_client.selected_subprotocol if self.ws_client else None

    @property
    def max_message_size(self) -> int:
        """How large a message may be, such as a portfolio's files."""
        return LARGEST_BYTES


if __name__ == "__main__":
    logging.getLogger("tornado.access").disabled = True
    AsyncHTTPClient.configure(None, max_clients=AT_ONCE, max_body_size=LARGEST_BYTES)
    configproxy.ProxyHandler = Streaming
    main()
