"""A PostgreSQL server of the tests' own: on a free port, under a user without rights, gone when they end."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def programs() -> Path | None:
    """The folder of the newest installed server's programs; None when there is none."""
    beside = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else (Path(beside).parent if beside else None)


#: Makes a command one that runs on another machine; root's.
Inside = Callable[..., list[str]]


@contextmanager
def running(
    folder: Path, host: str = "127.0.0.1", inside: Inside | None = None, trusted: str = "127.0.0.1/32"
) -> Iterator[str]:
    """The address (without a database) of a server that runs meanwhile, its data in a temporary folder.

    ``inside`` makes a command one of another machine, whose address is ``host``; only ``trusted`` may connect.
    """
    home = Path(tempfile.mkdtemp(prefix="oasis-postgresql-"))
    user = _unprivileged()
    if user is not None:
        shutil.chown(home, user)
    data, port = home / "data", _free_port()
    options = f"-p {port} -k {home} -c listen_addresses={host} -c fsync=off -c max_connections=100"
    try:
        _call(user, home, folder / "initdb", "-D", data, "-U", "oasis", "-A", "trust", "-E", "UTF8", "--no-sync")
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {trusted} trust\n")
        start = [folder / "pg_ctl", "-D", data, "-l", home / "log", "-w", "-o", options, "start"]
        _call(user, home, *start, inside=inside)
        try:
            yield f"postgresql+psycopg://oasis@{host}:{port}"
        finally:
            _call(user, home, folder / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _unprivileged() -> str | None:
    """Whom to run the server as: the server refuses root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _call(user: str | None, home: Path, *command: object, inside: Inside | None = None) -> None:
    words = [str(part) for part in command]
    if inside is not None:
        words, user = inside(*(["runuser", "-u", user, "--"] if user else []), *words), None
    done = subprocess.run(
        words,
        user=user,
        cwd=home,
        env={"HOME": str(home), "PATH": os.environ["PATH"], "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
