"""Whether an image may join a cluster."""

import json
import platform
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from oasis_kernel import __version__
from oasis_kernel.cli import app
from oasis_kernel.engine.versions import base_versions, unlike_base
from oasis_kernel.errors import OasisError


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["worker", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_an_image_says_what_it_computes_with():
    found = json.loads(said("versions"))
    assert (found["engine"], found["python"]) == (__version__, platform.python_version())
    assert found["numba"] == version("numba")
    assert "toy-wind" in found["models"]
    assert base_versions().items() <= found.items()


def test_an_image_that_fits_is_let_in():
    wanted = base_versions()
    given = [f"--{name}={wanted[name]}" for name in ("engine", "python", "ray") if wanted[name]]
    assert "fits the cluster" in said("check", *given, "--model=toy-wind")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--python=3.12.1", rf"refused: it has python {platform.python_version()}, not 3\.12\.1\. Build its image on"),
        ("--ray=2.59.0", r"refused: it has ray \S+, not 2\.59\.0\. Build its image on the base image"),
        ("--engine=0.0.9", rf"refused: it has engine {__version__}, not 0\.0\.9\."),
        ("--model=acme", r"refused: it has no model acme; it has .*toy-wind"),
    ],
)
def test_another_version_or_a_missing_model_is_named(option, message):
    with pytest.raises(OasisError, match=message):
        said("check", option)


def test_every_difference_is_named_and_what_is_not_said_is_not_compared():
    wanted = {"engine": "0.1.0", "ray": "2.60.0", "numpy": "2.4.6"}
    unlike = unlike_base({"engine": "0.1.0", "ray": "", "numpy": "2.3.0", "models": {}}, wanted)
    assert unlike.startswith("it has ray none, not 2.60.0; numpy 2.3.0, not 2.4.6. Build its image on the base image")
    assert unlike_base({"engine": "0.1.0", "models": {}}, wanted) == ""
