"""A cluster on this machine for a module's tests."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from oasis_kernel.dispatch.ray_cluster import RayCluster

CPUS = 2
#: Ray warns of what it leaves behind when a start takes too long on a busy machine; the cluster then starts again.
STARTED_AGAIN = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")


@contextmanager
def local_ray(folder: Path, cpus: int = CPUS) -> Iterator[RayCluster]:
    """Two workers unless told otherwise, and these tests' own modules in their reach."""
    if find_spec("ray") is None:  # not imported: it reads its environment then
        pytest.skip("needs Ray: pip install 'oasis-workbench[ray]'")
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    token, environment = folder / "token", {"PYTHONPATH": paths}
    with RayCluster(cpus=cpus, token_file=token, environment=environment) as cluster:
        yield cluster
