"""A PostgreSQL server of the tests' own: on a free port, under a user without rights, gone when they end."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def programs() -> Path | None:
    """The folder of the newest installed server's programs; None when there is none."""
    beside = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else (Path(beside).parent if beside else None)


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address (without a database) of a server that runs meanwhile, its data in a temporary folder."""
    home = Path(tempfile.mkdtemp(prefix="oasis-postgresql-"))
    user = _unprivileged()
    if user is not None:
        shutil.chown(home, user)
    data, port = home / "data", _free_port()
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=100"
    try:
        _call(user, home, folder / "initdb", "-D", data, "-U", "oasis", "-A", "trust", "-E", "UTF8", "--no-sync")
        _call(user, home, folder / "pg_ctl", "-D", data, "-l", home / "log", "-w", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://oasis@127.0.0.1:{port}"
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


def _call(user: str | None, home: Path, *command: object) -> None:
    done = subprocess.run(
        [str(part) for part in command],
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
