"""A file of replaced vulnerability functions takes effect, and losses kept of it are not those of another content."""

import csv
from pathlib import Path

import what_if_cases as cases

import oasis_kernel as ok
from model_plugins.toy_wind import demo_portfolio
from model_plugins.toy_wind.damage import vulnerability
from oasis_kernel import api
from oasis_kernel.service.links import Links, confine


def write_functions(path: Path, damage_bin: int) -> Path:
    """Every function of toy-wind replaced: whatever the gust, the damage lies in one bin."""
    functions = vulnerability()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["vulnerability_id", "intensity_bin_id", "damage_bin_id", "probability"])
        for identity in functions.vulnerability_id.tolist():
            writer.writerows([identity, gust, damage_bin, 1.0] for gust in range(1, functions.probability.shape[1] + 1))
    return path


def run(folder: Path, name: str, settings: object) -> tuple[dict[str, bytes], int, str]:
    """The tables, how many chunks were found in the store, and the content hash of the ground-up losses."""
    made = api.run(
        "toy-wind",
        ok.read_portfolio(**demo_portfolio()._asdict()),
        settings=settings,  # type: ignore[arg-type]
        out=folder / name,
        resources=cases.resources(folder),
    )
    return cases.tables(made), made.record.reused_chunks, made.record.hashes["ground_up"]


def test_another_content_of_the_same_file_is_another_run(tmp_path: Path):
    file = tmp_path / "functions.csv"
    plain = run(tmp_path, "plain", cases.settings(tmp_path))
    settings = cases.settings(tmp_path, vulnerability_adjustments={"replace_file": str(write_functions(file, 9))})
    high = run(tmp_path, "high", settings)
    assert high[0] != plain[0]
    assert run(tmp_path, "again", settings) == (high[0], 3, high[2])
    write_functions(file, 3)
    low = run(tmp_path, "low", settings)
    assert low[0] != high[0]
    assert low[1] == 0
    assert len({plain[2], high[2], low[2]}) == 3


def test_a_service_runs_on_the_rows_of_the_file(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("OASIS_STORAGE_CACHE", str(tmp_path / "copies"))
    file = write_functions(tmp_path / "functions.csv", 9)
    adjustments = {"vulnerability_adjustments": {"replace_file": str(file)}}
    from_file, _, _ = run(tmp_path, "file", cases.settings(tmp_path, **adjustments))
    confined = confine(adjustments, Links([str(tmp_path)]))
    file.unlink()
    assert run(tmp_path, "rows", cases.settings(tmp_path, **confined))[0] == from_file
