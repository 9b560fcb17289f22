"""What the images are made of, as far as no engine is needed to see it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECIPE = (ROOT / "images" / "Containerfile").read_text(encoding="utf-8")
STAGES = re.findall(r"^FROM (\S+) AS (\w+)$", RECIPE, re.MULTILINE)


def stage(name: str) -> str:
    """The instructions of one stage."""
    return re.search(rf"^FROM \S+ AS {name}$(.*?)(?=^FROM |\Z)", RECIPE, re.MULTILINE | re.DOTALL)[1]


def requirements(folder: Path, *extras: str) -> subprocess.CompletedProcess[str]:
    (folder / "requirements.py").write_bytes((ROOT / "images" / "requirements.py").read_bytes())
    (folder / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    return subprocess.run(
        [sys.executable, "requirements.py", *extras], cwd=folder, capture_output=True, text=True, check=False
    )


def test_each_image_is_a_target_and_the_users_is_the_default() -> None:
    built = re.search(r"TARGETS:-([^}]+)\}", (ROOT / "images" / "build").read_text(encoding="utf-8"))[1].split()
    names = [name for _, name in STAGES]
    assert set(built) <= set(names)
    assert names[-1] == "user"
    documented = (ROOT / "docs" / "operator" / "images.md").read_text(encoding="utf-8")
    assert all(f"`oasis-workbench/{name}`" in documented for name in built)


@pytest.mark.parametrize("name", ["base", "worker", "service", "hub", "user"])
def test_images_run_as_nobody_in_particular(name: str) -> None:
    lineage = ""
    parents = {child: parent for parent, child in STAGES}
    while name in parents:
        lineage, name = stage(name) + lineage, parents[name]
    assert re.findall(r"^USER (.*)$", lineage, re.MULTILINE)[-1] == "1000:1000"
    assert 'ENTRYPOINT ["tini", "-g", "--"]' in lineage  # somebody waits for children that nobody waits for


def test_an_images_packages_are_those_of_its_extras_and_the_lock_has_them(tmp_path: Path) -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").lower()
    for asked in re.findall(r"requirements\.py ([\w ]+) >wanted", RECIPE):
        done = requirements(tmp_path, *asked.split())
        assert done.returncode == 0, done.stderr
        for requirement in done.stdout.split():
            name = re.split(r"[\[<>=]", requirement)[0].replace("_", "-")
            assert re.search(rf"^{re.escape(name)}(\[[\w,-]+\])?==", lock, re.MULTILINE), name
    assert "numba" not in requirements(tmp_path, "hub").stdout
    assert requirements(tmp_path, "none").returncode != 0


def test_what_is_copied_goes_to_the_engine() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        path for words in re.findall(r"^COPY (?!--from)(.+)$", RECIPE, re.MULTILINE) for path in words.split()[:-1]
    }
    assert copied <= let_in
    assert all((ROOT / path).exists() for path in copied)
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(packages["packages"]) <= copied
