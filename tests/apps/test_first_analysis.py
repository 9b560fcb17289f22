"""From the log-in page to an exceedance curve: what the page shows is what the command line says."""

import csv
import json
import re
import subprocess
from pathlib import Path

import pytest

from apps.conftest import piwind_folder
from apps.toy import toy_paths
from apps.workbench_stack import OASIS

MOST_CLICKS = 8
RUN_SECONDS = 600.0  # the first run of a machine compiles the engine
COLD_SECONDS, WARM_SECONDS = 4.0, 2.0  # on a quiet machine
PIWIND = {
    "location": "SourceLocOEDPiWind10.csv",
    "account": "SourceAccOEDPiWind.csv",
    "ri_info": "SourceReinsInfoOEDPiWind.csv",
    "ri_scope": "SourceReinsScopeOEDPiWind.csv",
}


@pytest.fixture
def portfolio() -> tuple[str, dict[str, Path]]:
    """A model, and the files of a portfolio for it: PiWind's where its data are here."""
    folder = piwind_folder()
    if folder is None:
        return "toy-wind", toy_paths()
    return "piwind", {part: folder / "inputs" / name for part, name in PIWIND.items()}


def curve_shown(person) -> dict[float, list[float]]:
    """The return-period table of the page: losses by return period."""
    table = person.page.get_by_role("table").filter(has_text="losses at return periods").first
    table.wait_for()
    rows = [[cell.strip() for cell in row.locator("td").all_inner_texts()] for row in table.locator("tbody tr").all()]
    assert rows
    return {amount(row[0]): [amount(text) for text in row[1:]] for row in rows}


def amount(text: str) -> float:
    return float(text.replace(",", "")) if text not in ("", "—") else float("nan")


def curve_of_command_line(workbench, portfolio, asked: dict, folder: Path) -> dict[tuple[float, int], float]:
    """Loss by (return period, kind of curve) of ``oasis run``, computed anew, with the settings the page asked for."""
    model, files = portfolio
    settings = folder / "settings.json"
    settings.write_text(json.dumps(asked["settings"]))
    command = [*OASIS, "run", "--model", model, "--settings", str(settings), "--out", str(folder / "out")]
    for part, path in files.items():
        command += [f"--{part.replace('_', '-')}", str(path)]
    if asked.get("samples") is not None:
        command += ["--samples", str(asked["samples"])]
    environment = {**workbench.environment, "OASIS_STORE": str(folder / "store")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with (folder / "out" / "gul_S1_ept.csv").open(newline="") as opened:
        rows = [row for row in csv.DictReader(opened) if row["SummaryId"] == "1" and row["EPCalc"] == "2"]
    return {(float(row["ReturnPeriod"]), int(row["EPType"])): float(row["Loss"]) for row in rows}


def test_a_person_uploads_runs_watches_and_sees_the_numbers_of_the_command_line(workbench, person, portfolio, tmp_path):
    ann = person("ann", "flood")
    ann.log_in()
    ann.page.get_by_role("link", name="Run an analysis").first.click()
    ann.ready("Run an analysis")
    model, files = portfolio
    ann.upload(*files.values())
    ann.page.get_by_role("heading", name="Findings").wait_for()
    assert ann.sees(re.compile(r"is in the service as version 1"))
    ann.choose("Model", model)
    assert ann.sees("About the model")
    ann.button("Check").click()
    assert ann.sees("Nothing stops a run.", RUN_SECONDS)
    ann.button("Run").click()
    assert ann.sees(re.compile("is queued"))
    progress, ended = ann.page.get_by_role("progressbar"), ann.page.get_by_text("The run is completed")
    progress.or_(ended).first.wait_for()
    assert ann.sees("The run is completed", RUN_SECONDS), ann.page.inner_text("body")[-3000:]
    shown = curve_shown(ann)
    runs = workbench.ask("/analyses?q=").json()["items"]
    run = next(found for found in runs if found["owner"] == "ann")
    asked = workbench.ask(f"/analyses/{run['id']}").json()["request"]
    told = curve_of_command_line(workbench, portfolio, asked, tmp_path)
    compared = 0
    for years, losses in shown.items():
        for kind, loss in zip((1, 2, 3, 4), losses, strict=True):
            if (years, kind) in told:
                assert loss == round(told[years, kind]), (years, kind)
                compared += 1
    assert compared >= 2 * len(shown)


def test_a_first_run_takes_eight_clicks_at_most(workbench, person):
    """By somebody who writes no code."""
    joe = person("joe", "flood")
    joe.log_in()
    joe.click(joe.page.get_by_role("link", name="Run an analysis").first)
    joe.ready("Run an analysis")
    joe.upload(*toy_paths().values())
    assert joe.sees(re.compile(r"is in the service as version 1"))
    joe.choose("Model", "toy-wind")
    assert joe.sees("About the model")
    joe.click(joe.button("Run"))
    assert joe.sees(re.compile("is queued|completed"))
    assert workbench.run_of("joe")["model"] == "toy-wind"
    assert joe.clicks <= MOST_CLICKS


def test_pages_can_be_used_soon(person, report):
    kim = person("kim", "flood")
    kim.log_in()
    report("first page", kim.open("Run an analysis"), COLD_SECONDS)
    for title in ("Run an analysis", "Results", "Portfolio check"):
        report(f"{title} again", kim.open(title), WARM_SECONDS)
