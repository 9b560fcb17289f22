"""The token of a Ray cluster: a file that only its user can read."""

import os
import secrets
import stat
from pathlib import Path

import platformdirs

from oasis_kernel.errors import ClusterUnusable

TOKEN_MODE, TOKEN_PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"


def local_token(file: Path | None = None) -> Path:
    """The file of the local cluster's token, which only this user can read; made if it is not there."""
    path = file or platformdirs.user_state_path("oasis-workbench") / "ray-token"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        path.chmod(0o600)
        return path
    with os.fdopen(descriptor, "w") as token:
        token.write(secrets.token_hex(32))
    return path


def cluster_token(file: Path | None) -> Path:
    """The file of a cluster's token; ClusterUnusable when there is none, or when others can read it."""
    given = os.environ.get(TOKEN_PATH)
    path = file or (Path(given) if given else Path.home() / ".ray" / "auth_token")
    if not path.is_file():
        raise ClusterUnusable(
            f"the cluster's token must be in {path}, and is not. Ask the operator for it, put it into a file that only "
            f"you can read, and set {TOKEN_PATH} to the file"
        )
    if path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        raise ClusterUnusable(f"{path} holds the cluster's token and everybody can read it. Run: chmod 600 {path}")
    return path
