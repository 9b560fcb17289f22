"""Print what the extras of pyproject.toml need, one requirement a line: the versions come from the lock.

``kernel`` stands for the dependencies of the package itself. Third-party packages so have a layer of an image of
their own, which a change of the sources leaves alone.
"""

import sys
import tomllib
from pathlib import Path


def requirements(project: dict, names: list[str]) -> list[str]:
    """The requirements of these extras, sorted, each once. ``KeyError`` for an extra that there is not."""
    known = {**project["optional-dependencies"], "kernel": project["dependencies"]}
    return sorted({requirement for name in names for requirement in known[name]})


if __name__ == "__main__":
    project = tomllib.loads(Path(__file__).with_name("pyproject.toml").read_text(encoding="utf-8"))["project"]
    sys.stdout.write("\n".join(requirements(project, sys.argv[1:])) + "\n")
