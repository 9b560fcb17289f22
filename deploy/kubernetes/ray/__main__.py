"""``python -m deploy.kubernetes.ray team.toml``: a team's manifests as YAML, for ``kubectl apply -f -``."""

import sys
from pathlib import Path

import yaml

from deploy.kubernetes.ray.manifests import manifests
from deploy.kubernetes.ray.settings import TeamSettings
from oasis_kernel.errors import OasisError


def main(arguments: list[str]) -> int:
    """Print the manifests of the settings' file that is named; the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m deploy.kubernetes.ray team.toml\n")
        return 2
    try:
        team = TeamSettings.load(Path(arguments[0]))
    except OasisError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    yaml.safe_dump_all(manifests(team), sys.stdout, sort_keys=False, width=120)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
