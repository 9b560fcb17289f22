"""A service for tests of its routes: the real application, some users, a portfolio, and runs made by real processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from oasis_kernel.plugins import load_plugins
from oasis_kernel.service import runs
from oasis_kernel.service.app import create_app
from oasis_kernel.service.database import Database
from oasis_kernel.service.identity import Role
from oasis_kernel.service.migrations import upgrade
from oasis_kernel.service.settings import ServiceSettings
from oasis_kernel.service.tables import Group, now
from oasis_kernel.service.tokens import create_token
from oasis_kernel.service.users import create_user

USERS = {
    "root": (Role.ADMIN, ()),
    "mona": (Role.MODEL_ADMIN, ()),
    "ann": (Role.ANALYST, ("quants",)),
    "bob": (Role.ANALYST, ("quants",)),
    "eve": (Role.ANALYST, ("others",)),
    "vera": (Role.VIEWER, ("quants",)),
}
WHOLE = {
    "number_of_samples": 4,
    "gul_output": True,
    "gul_summaries": [
        {
            "id": 1,
            "ord_output": {
                "elt_sample": True,
                "plt_moment": True,
                "alt_period": True,
                "ept_full_uncertainty_oep": True,
                "ept_full_uncertainty_aep": True,
            },
        }
    ],
    "il_output": True,
    "il_summaries": [{"id": 1, "ord_output": {"alt_period": True, "ept_full_uncertainty_oep": True}}],
    "event_ranges": "1-400",
}


@dataclass
class Rest:
    """The application and a client for each user."""

    settings: ServiceSettings
    database: Database
    app: Any
    secrets: dict[str, str]
    clients: dict[str, TestClient] = field(default_factory=dict)

    def __getitem__(self, user: str) -> TestClient:
        """The client of a user; of nobody for ``""``."""
        if user not in self.clients:
            headers = {"Authorization": f"Bearer {self.secrets[user]}"} if user else {}
            client = TestClient(self.app, headers=headers, client=("127.0.0.1", 50_000), raise_server_exceptions=False)
            self.clients[user] = client
        return self.clients[user]

    def portfolio(self, user: str = "ann", **fields: Any) -> dict[str, Any]:
        """A portfolio of the toy model's demonstration, sent as a form."""
        files = demonstration_files()
        sent = {"name": "Demo", **fields}
        parts = {kind: (path.name, path.read_bytes()) for kind, path in files.items()}
        answer = self[user].post("/v1/portfolios", data=sent, files=parts)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def complete(self, user: str = "ann", **asked: Any) -> dict[str, Any]:
        """An analysis of the toy model, made over REST and run by a process of its own."""
        answer = self[user].post("/v1/analyses", json=asked)
        assert answer.status_code == 201, answer.text
        return self.run_next(user)

    def run_next(self, user: str = "ann") -> dict[str, Any]:
        """The analysis that is due, run by a process of its own until it is completed."""
        with self.database.write() as session:
            claimed = runs.claim(session, "test")
            assert claimed is not None
            run_id, attempt = claimed.id, claimed.attempt
        command = [sys.executable, "-m", "oasis_kernel.service.run_process", run_id, str(attempt)]
        environment = {**os.environ, **self.settings.environment()}
        made = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        found = self[user].get(f"/v1/analyses/{run_id}").json()
        assert found["state"] == "completed", (found["error"], made.stderr[-3000:])
        return found


def demonstration_files() -> dict[str, Path]:
    """The toy model's own portfolio, by table."""
    files = load_plugins().demonstration("toy-wind")
    found = {kind: getattr(files, kind) for kind in ("location", "account", "ri_info", "ri_scope")}
    return {kind: Path(path) for kind, path in found.items() if path is not None}


@contextmanager
def rest_service(settings: ServiceSettings) -> Iterator[Rest]:
    """The application over an empty database, with the users above."""
    database = Database(settings.database_url)
    upgrade(database)
    secrets = {}
    with database.write() as session:
        session.add_all(Group(name=name) for name in ("quants", "others"))
        session.flush()
        for name, (role, groups) in USERS.items():
            user = create_user(session, name, role, groups)
            secrets[name] = create_token(session, user, "test", now() + timedelta(days=1)).secret
    app = create_app(settings)
    rest = Rest(settings, database, app, secrets)
    try:
        yield rest
    finally:
        for client in rest.clients.values():
            client.close()
        app.state.context.close()
        database.close()
