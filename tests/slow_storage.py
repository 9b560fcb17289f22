"""Storage that is slow, or hangs for a while: a folder as processes see it, and object storage behind a proxy."""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

needs_compiler = pytest.mark.skipif(
    shutil.which("cc") is None, reason="needs a C compiler (Debian: apt-get install gcc libc6-dev)"
)
STUCK = "stuck"


class SlowFolder:
    """A folder where every open, read, write, fsync, rename and removal takes longer, in what has the environment."""

    def __init__(self, folder: Path, scratch: Path):
        library, source = scratch / "slow_storage.so", Path(__file__).with_name("slow_storage.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
        self._pace = scratch / "pace"
        self.take(0)
        self.environment = {
            "LD_PRELOAD": str(library),
            "SLOW_STORAGE": str(self._pace),
            "SLOW_FOLDER": str(folder.resolve()),
        }

    def take(self, milliseconds: int) -> None:
        """Let each call take so much longer from now on, and let go of those that hang."""
        self._say(str(milliseconds))

    def hang(self) -> None:
        """Let every call from now on wait, until told otherwise."""
        self._say(STUCK)

    def _say(self, text: str) -> None:
        new = self._pace.with_suffix(".new")
        new.write_text(text)
        new.replace(self._pace)


class SlowProxy:
    """In front of a server: whatever a client sends arrives later by ``delay`` seconds, or not while ``stuck``."""

    def __init__(self, server: str):
        self._server = (urlsplit(server).hostname, urlsplit(server).port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.delay = 0.0
        self.stuck = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(self._server)
                threading.Thread(target=self._pass_on, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(server, client, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, slowly: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if slowly:
                    time.sleep(self.delay)
                    while self.stuck.is_set():
                        time.sleep(0.02)
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()


@contextmanager
def slow_proxy(server: str) -> Iterator[SlowProxy]:
    """A proxy in front of a server for as long as the block lasts."""
    proxy = SlowProxy(server)
    try:
        yield proxy
    finally:
        proxy.stuck.clear()
        proxy.close()
