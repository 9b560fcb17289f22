"""A new package runs at once: as it lies, and built, installed and found in an environment of its own."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pyarrow as pa
import pytest

from oasis_kernel.errors import InvalidInput
from oasis_kernel.formats.oed import read_portfolio
from oasis_kernel.plugins.conformance import run_conformance
from oasis_kernel.plugins.scaffold import scaffold

ROOT = Path(__file__).resolve().parents[2]


def read_location(file: str) -> pa.Table:
    portfolio = read_portfolio(location=file)
    assert portfolio.location is not None
    return portfolio.location


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffold("coastal-wind", tmp_path_factory.mktemp("new"))


def test_a_new_package_passes_the_suite_as_it_lies(package: Path) -> None:
    report = run_conformance(package, read_location)
    assert list(report.models) == ["coastal-wind"]
    assert report.passed, [result for result in report.models["coastal-wind"] if not result.passed]


def test_its_demonstration_is_oed_with_an_account(package: Path) -> None:
    folder = package / "src" / "coastal_wind" / "data" / "demonstration"
    portfolio = read_portfolio(location=str(folder / "location.csv"), account=str(folder / "account.csv"))
    assert portfolio.location is not None
    assert portfolio.location.num_rows == 40
    assert portfolio.findings == ()


def test_nothing_is_left_to_fill_in(package: Path) -> None:
    for file in package.rglob("*"):
        if file.suffix in (".py", ".toml", ".md", ".json"):
            text = file.read_text()
            assert "$" not in text, file


@pytest.mark.parametrize("name", ["Coastal", "9th", "a b", "class", ""])
def test_names_that_cannot_be(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="NAME must be a lower-case name that starts with a letter"):
        scaffold(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "coastal-wind").mkdir()
    with pytest.raises(InvalidInput, match="is there already"):
        scaffold("coastal-wind", tmp_path)


def test_packages_that_are_no_plugins(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"has no pyproject\.toml"):
        run_conformance(tmp_path, read_location)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    with pytest.raises(InvalidInput, match="declares no plugin"):
        run_conformance(tmp_path, read_location)


def test_a_package_that_breaks_is_reported(tmp_path: Path) -> None:
    entry = '[project.entry-points."oasis_kernel.plugins"]\nbroken = "no_such_module_here"\n'
    (tmp_path / "pyproject.toml").write_text(entry)
    report = run_conformance(tmp_path, read_location)
    assert not report.passed
    assert "cannot be loaded: ModuleNotFoundError" in str(report.findings[0])


#: Runs in the new environment: which models the plugins give, and whether ours passes.
LOOK = """
import json, sys
from oasis_kernel.formats.oed import read_portfolio
from oasis_kernel.plugins import load_plugins
from oasis_kernel.plugins.conformance import conformance
plugins = load_plugins()
model = plugins.model("coastal-wind")
location = read_portfolio(location=model.demonstration().location).location
failed = [result.name for result in conformance(model, location) if not result.passed]
print(json.dumps({"models": list(plugins.models()), "failed": failed, "file": model.demonstration().location}))
"""


@pytest.mark.slow
def test_a_new_package_builds_installs_and_is_found(package: Path, tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(package)]
    run(build)
    (wheel,) = tmp_path.glob("*.whl")
    environment = tmp_path / "environment"
    run([sys.executable, "-m", "venv", str(environment)])
    python = environment / "bin" / "python"
    run([str(python), "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", str(wheel)])
    # The workbench and what it stands on are lent by path: the new package alone is installed.
    lent = os.pathsep.join([str(ROOT), sysconfig.get_paths()["purelib"]])
    answer = run([str(python), "-c", LOOK], {**os.environ, "PYTHONPATH": lent}, tmp_path)
    found = json.loads(answer.splitlines()[-1])
    assert "coastal-wind" in found["models"]
    assert found["failed"] == []
    assert str(environment) in found["file"]
    own = run([str(python), "-m", "pytest", "-q", "-W", "error"], {**os.environ, "PYTHONPATH": lent}, package)
    assert "16 passed" in own


def run(command: list[str], environment: dict[str, str] | None = None, folder: Path | None = None) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env=environment, cwd=folder
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
