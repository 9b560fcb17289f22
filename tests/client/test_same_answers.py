"""A service answers as this machine does: findings, refusals, what-ifs, runs that are left and found again."""

import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import OASIS, Served
from ten_calls import Given, Terminal

import oasis_kernel as ok
from oasis_kernel.client.portfolios import PortfolioFiles
from oasis_kernel.client.workbench import Workbench
from oasis_kernel.engine.analysis import Resources
from oasis_kernel.errors import InvalidInput, OasisError
from oasis_kernel.plugins import load_plugins

SAMPLES = 5
EVENTS = "1-60"
PATIENCE = 300.0


@pytest.fixture
def bench(served: Served, tmp_path: Path) -> Iterator[Workbench]:
    with ok.connect(served.url, served.token) as workbench:
        workbench.cache = tmp_path / "cache"
        yield workbench


@pytest.fixture(scope="module")
def demonstration() -> dict[str, Path]:
    files = load_plugins().demonstration("toy-wind")
    return {"location": Path(files.location or ""), "account": Path(files.account or "")}


@pytest.fixture
def settings() -> dict[str, object]:
    levels = [{"id": 1, "ord_output": {"alt_period": True, "elt_moment": True, "ept_full_uncertainty_oep": True}}]
    outputs = {
        f"{name}_{what}": value for name in ("gul", "il") for what, value in (("output", True), ("summaries", levels))
    }
    return {"event_ranges": EVENTS, "number_of_samples": SAMPLES, **outputs}


@pytest.fixture
def broken(demonstration: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    """The demonstration with a location whose value is no number."""
    lines = demonstration["location"].read_text().splitlines()
    column = lines[0].split(",").index("BuildingTIV")
    cells = lines[3].split(",")
    cells[column] = "-1"
    path = tmp_path / "broken.csv"
    path.write_text("\n".join([*lines[:3], ",".join(cells), *lines[4:]]) + "\n")
    return {**demonstration, "location": path}


def refusal(ask: object) -> str:
    with pytest.raises(InvalidInput) as refused:
        ask()  # type: ignore[operator]
    return str(refused.value)


def test_findings_are_the_same_in_the_same_words(bench, demonstration, settings):
    portfolio = ok.read_portfolio(**demonstration)
    here = ok.check("toy-wind", portfolio, settings=settings)
    there = bench.check("toy-wind", portfolio, settings=settings)
    assert {str(finding) for finding in there} == {str(finding) for finding in here}
    assert here


def test_a_portfolio_that_cannot_be_used_is_refused_in_the_same_words(bench, broken, settings):
    here = refusal(lambda: ok.read_portfolio(**broken))
    assert "broken.csv row 4: BuildingTIV" in here
    report = bench.check("toy-wind", PortfolioFiles(broken), settings=settings)
    assert {str(finding) for finding in report} == set(here.splitlines())
    assert set(refusal(lambda: bench.run("toy-wind", PortfolioFiles(broken), settings=settings)).splitlines()) == set(
        here.splitlines()
    )


def test_settings_that_cannot_be_used_are_refused_in_the_same_words(bench, demonstration):
    portfolio = ok.read_portfolio(**demonstration)
    wrong = {"gul_output": True, "gul_sumaries": []}
    here = refusal(lambda: ok.check("toy-wind", portfolio, settings=wrong))
    assert refusal(lambda: bench.check("toy-wind", portfolio, settings=wrong)) == here


def test_a_what_if_there_is_a_what_if_here(bench, demonstration, settings, tmp_path):
    accounts = demonstration["account"].read_text().splitlines()
    account = next(line.split(",")[accounts[0].split(",").index("AccNumber")] for line in accounts[1:])
    resources = Resources.of_this_machine(store=tmp_path / "store")
    portfolio = ok.read_portfolio(**demonstration)
    here = ok.run("toy-wind", portfolio, settings=settings, resources=resources, keep_ground_up=True)
    there = bench.run("toy-wind", portfolio, settings=settings, keep_ground_up=True)
    changed = {"here": here.what_if(without_account=account), "there": there.what_if(without_account=account)}
    for name in changed["here"].tables:
        assert changed["there"].file(name).read_bytes() == changed["here"].file(name).read_bytes(), name
    assert changed["there"].aal("il") < there.aal("il")
    with pytest.raises(OasisError, match="kept no ground-up"):
        bench.run("toy-wind", portfolio, settings=settings).what_if(without_account=account)


def test_a_run_that_is_left_is_found_again_and_its_portfolio_sent_once(served, bench, demonstration, settings):
    portfolio = ok.read_portfolio(**demonstration)
    run = bench.submit("toy-wind", portfolio, settings=settings, name="Left alone", tags=["left"])
    with ok.connect(served.url, served.token) as later:
        found = later.open_run("Left alone").wait()
        assert (found.id, later.open_run(run.id[-8:]).id, later.open_run(run.url).id) == (run.id,) * 3
        assert [there.id for there in later.runs(tag="left")] == [run.id]
        assert {chunk["state"] for chunk in found.chunks()} == {"done"}
        again = later.submit("toy-wind", portfolio, settings=settings)
        assert again.view["portfolio"] == run.view["portfolio"]
        assert again.wait().aal() == found.aal()
    with pytest.raises(OasisError, match="has no run 'nobody'"):
        bench.open_run("nobody")


def test_a_token_made_here_opens_and_once_revoked_no_more(served, bench):
    made = bench.tokens.create("tests", days=1, role="viewer")
    with ok.connect(served.url, made["token"]) as theirs:
        assert theirs.about()["user"]["role"] == "viewer"
        bench.tokens.revoke(made["id"])
        with pytest.raises(OasisError, match="revoked"):
            theirs.models()


def test_a_login_is_kept_for_the_next_command_and_seen_by_nobody_else(served, bench, tmp_path):
    made = bench.tokens.create("login", days=1)
    environment = {**served.environment, "OASIS_CONFIG": str(tmp_path / "config"), "OASIS_SERVICE_ROOT": str(tmp_path)}
    login = [*OASIS, "login", "--host", served.url]
    done = subprocess.run(
        login, env=environment, input=made["token"] + "\n", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert made["token"] not in done.stdout + done.stderr
    listed = subprocess.run([*OASIS, "--host", served.url, "models"], env=environment, capture_output=True, check=False)
    assert listed.returncode == 0, listed.stderr
    assert b"toy-wind" in listed.stdout


def test_ctrl_c_asks_and_leaves_the_run_going(served, bench, demonstration, tmp_path):
    """In a terminal, as a person meets it: Ctrl-C, Enter, and the run is still there."""
    given = Given(served.url, served.token, served.environment, {}, tmp_path, {}, tmp_path)
    bench.upload(ok.read_portfolio(**demonstration))
    # Long enough to be left, and never the same: what another try has left of it would make it short.
    samples = str(12_000 + time.time_ns() % 1_000)
    command = [*OASIS, "--host", served.url, "run", "--model", "toy-wind", "--samples", samples, "--chunks", "100"]
    inputs = [word for part, path in demonstration.items() for word in (f"--{part}", str(path))]
    before = {run.id for run in bench.runs(None)}
    ours, theirs = pty.openpty()
    environment = {**served.environment, "OASIS_TOKEN": served.token}
    process = subprocess.Popen(
        [*command, *inputs], env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        end = time.monotonic() + PATIENCE
        while not (busy := [run for run in bench.runs(5, state="running") if run.id not in before]):
            assert time.monotonic() < end
            time.sleep(0.2)
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        said = _until(ours, "[y/N]")
        os.write(ours, b"\n")
        said += _until(ours, "--out DIR")
        assert process.wait(PATIENCE) == 130
    finally:
        os.close(ours)
        if process.poll() is None:
            process.kill()
            process.wait()
    run = busy[0]
    assert f"oasis show {run.id} --host {served.url} --out DIR" in said.replace("\r\n", "\n")
    assert not run.refresh().ended
    Terminal(given).says("cancel", run.id)
    while not run.ended:
        time.sleep(0.2)
    run.delete()


def _until(terminal: int, text: str) -> str:
    """What a terminal shows until a text is in it."""
    end, said = time.monotonic() + PATIENCE, ""
    while text not in said:
        assert time.monotonic() < end, said
        try:
            said += os.read(terminal, 65536).decode(errors="replace")
        except OSError:  # nobody writes to it any more
            pytest.fail(f"the command ended, and {text!r} was not said: {said}")
    return said
