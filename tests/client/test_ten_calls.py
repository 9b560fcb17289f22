"""The ten calls against a real service, three ways: the same numbers as a local run, to the byte."""

from collections.abc import Callable
from pathlib import Path

import pytest
import ten_calls
from conftest import Served
from ten_calls import Given, Seen

import oasis_kernel as ok
from oasis_kernel.engine.analysis import Resources
from oasis_kernel.plugins import load_plugins
from oasis_kernel.questions.result import Run

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="session")
def given(served: Served, piwind: Path, tmp_path_factory: pytest.TempPathFactory) -> Given:
    inputs = piwind / "inputs"
    demo = load_plugins().demonstration("toy-wind")
    return Given(
        served.url,
        served.token,
        served.environment,
        {
            "location": inputs / "SourceLocOEDPiWind10.csv",
            "account": inputs / "SourceAccOEDPiWind.csv",
            "ri_info": inputs / "SourceReinsInfoOEDPiWind.csv",
            "ri_scope": inputs / "SourceReinsScopeOEDPiWind.csv",
        },
        piwind / "settings" / "RI_analysis_settings.json",
        {"location": Path(demo.location or ""), "account": Path(demo.account or "")},
        tmp_path_factory.mktemp("ten-calls"),
    )


@pytest.fixture(scope="session")
def local(given: Given, piwind: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same analysis on this machine."""
    folder = tmp_path_factory.mktemp("local")
    model = load_plugins(piwind.parent).models()[ten_calls.MODEL]
    portfolio = ok.read_portfolio(**given.portfolio)
    resources = Resources.of_this_machine(store=folder / "store")
    samples = ten_calls.SAMPLES
    return ok.run(model, portfolio, settings=given.settings, samples=samples, resources=resources, out=folder / "out")


@pytest.mark.parametrize("script", [ten_calls.with_httpx, ten_calls.with_python, ten_calls.with_terminal])
def test_ten_calls_see_what_a_local_run_shows(script: Callable[[Given], Seen], given: Given, local):
    seen = script(given)
    assert seen.passed
    assert seen.seconds > 0
    assert seen.states[0] == "queued"
    assert seen.states[-1] == "completed"
    assert seen.average == local.aal("gul")
    assert seen.picture.startswith(PNG)
    here = {name: local.file(name).read_bytes() for name in local.files}
    assert seen.files.keys() == here.keys()
    differing = [name for name, data in here.items() if seen.files[name] != data]
    assert differing == ["run.json"]  # when, where and how long
    assert seen.cancelled < ten_calls.CANCEL_SECONDS
    assert seen.left == []
