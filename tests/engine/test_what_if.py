"""A what-if is a full run with the change, byte for byte, without sampling again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner
from what_if_cases import Row, demo_files, differing, edited, full_run, resources, settings

import oasis_kernel as ok
from oasis_kernel import api
from oasis_kernel.api import LocalRun, open_run
from oasis_kernel.cli import app
from oasis_kernel.errors import InvalidInput, OasisError
from oasis_kernel.store.runs import RunRecord


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("what_if")


@pytest.fixture(scope="module")
def files(folder: Path) -> dict[str, Path]:
    return demo_files(folder)


@pytest.fixture(scope="module")
def base(folder: Path, files: dict[str, Path]) -> LocalRun:
    """The run that is asked about."""
    return full_run(files, settings(folder), folder, keep=True)


def dearer(rows: list[Row]) -> list[Row]:
    """Half the limits, and twice the attachments."""
    return [
        row
        | {"LayerLimit": str(float(row["LayerLimit"]) / 2), "LayerAttachment": str(float(row["LayerAttachment"]) * 2)}
        for row in rows
    ]


def kept_files(folder: Path) -> list[Path]:
    return sorted((folder / "store" / "parts").glob("??/*.parquet"), key=lambda path: path.stat().st_size)


def test_keeping_changes_no_table(base, files, tmp_path):
    assert base.record.keeps_ground_up
    assert differing(base, full_run(files, settings(tmp_path), tmp_path)) == []


def test_other_accounts(base, files, tmp_path):
    account = edited(files["account"], tmp_path / "dearer.csv", dearer)
    asked = base.what_if(account=str(account), out=tmp_path / "asked")
    full = full_run(files | {"account": account}, settings(tmp_path), tmp_path)
    assert differing(asked, full) == []
    assert "il_S1_palt.csv" in differing(asked, base)
    assert asked.aal("gul") == base.aal("gul")
    record = asked.record
    assert (record.reused_chunks, record.reused_ground_up, record.what_if_of) == (0, record.chunks, base.record.id)
    assert record.change == {"account": str(account)}


def test_other_reinsurance(base, files, tmp_path):
    half = edited(
        files["ri_info"], tmp_path / "info.csv", lambda rows: [row | {"PlacedPercent": "0.5"} for row in rows]
    )
    asked = base.what_if(ri_info=half, out=tmp_path / "asked")
    assert differing(asked, full_run(files | {"ri_info": half}, settings(tmp_path), tmp_path)) == []
    assert base.aal("ri") < asked.aal("ri") < base.aal("il")


def test_other_deductibles_of_locations(base, files, tmp_path):
    location = edited(
        files["location"],
        tmp_path / "loc.csv",
        lambda rows: [row | {"LocDedType6All": "2", "LocDed6All": "0.1"} for row in rows],
    )
    asked = base.what_if(location=location, out=tmp_path / "asked")
    assert differing(asked, full_run(files | {"location": location}, settings(tmp_path), tmp_path)) == []
    assert asked.aal("il") < base.aal("il")


def test_other_summaries(base, files, tmp_path):
    by_location = [{"id": 7, "oed_fields": ["LocNumber"], "ord_output": {"alt_period": True, "elt_sample": True}}]
    chosen = settings(tmp_path, gul_summaries=by_location, ri_output=False)
    asked = base.what_if(settings=chosen, out=tmp_path / "asked")
    assert differing(asked, full_run(files, chosen, tmp_path)) == []
    assert asked.record.reused_ground_up == asked.record.chunks


def test_a_run_with_other_terms_takes_the_kept_losses_by_itself(base, files, folder, tmp_path):
    account = edited(files["account"], tmp_path / "dearer.csv", dearer)
    used = replace(resources(folder), keep_ground_up=True, chunks=None, memory_bytes=2**30)
    portfolio = ok.read_portfolio(**files | {"account": account})
    run = api.run("toy-wind", portfolio, settings=settings(tmp_path), out=tmp_path / "out", resources=used)
    assert run.record.chunks == base.record.chunks
    assert run.record.reused_ground_up == run.record.chunks


def test_without_an_account(base, files, tmp_path):
    def others(rows: list[Row]) -> list[Row]:
        return [row for row in rows if row["AccNumber"] != "RETAIL"]

    rest = {name: edited(files[name], tmp_path / f"{name}.csv", others) for name in ("location", "account")}
    asked = base.what_if(without_account="RETAIL", out=tmp_path / "asked")
    full = full_run(files | rest, settings(tmp_path), tmp_path)
    assert differing(asked, full) == []
    assert asked.record.reused_ground_up == asked.record.chunks
    assert asked.aal("gul") < base.aal("gul")
    with pytest.raises(OasisError, match=f"ask {base.record.id}"):
        asked.what_if(account=files["account"])


@pytest.mark.parametrize("name", ["RETIAL", "OTHER/RETAIL"])
def test_an_account_that_is_none_is_named(base, name, tmp_path):
    with pytest.raises(InvalidInput, match="must be an account of the portfolio") as refused:
        base.what_if(without_account=name, out=tmp_path / "asked")
    assert "RETAIL" in refused.value.findings[0].remedy


def test_damaged_losses_are_sampled_again(base, files, folder, tmp_path):
    damaged = kept_files(folder)[-1]
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:5000] + b"damage" + whole[5006:])
    account = edited(files["account"], tmp_path / "other.csv", lambda rows: dearer(dearer(rows)))
    asked = base.what_if(account=account, out=tmp_path / "asked")
    assert differing(asked, full_run(files | {"account": account}, settings(tmp_path), tmp_path)) == []
    assert asked.record.reused_ground_up == asked.record.chunks - 1
    assert "those of 1 of 3 chunks were sampled again" in str(asked.findings[-1])
    assert damaged.stat().st_size == len(whole), "and kept again"


def test_a_run_that_kept_nothing_says_how(base, files, tmp_path):
    record = replace(base.record, keeps_ground_up=False)
    (tmp_path / "out").mkdir()
    record.write(tmp_path / "out" / "run.json")
    with pytest.raises(OasisError, match="run it once more with --keep-ground-up"):
        open_run(tmp_path / "out").what_if(account=files["account"])


def test_a_record_of_an_older_version_still_reads(base, tmp_path):
    content = json.loads((base.folder / "run.json").read_text())
    for name in ("inputs", "keeps_ground_up", "reused_ground_up", "what_if_of", "change"):
        del content[name]
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert not RunRecord.read(tmp_path / "run.json").keeps_ground_up


@pytest.mark.parametrize("changes", [{"number_of_samples": 9}, {"event_ranges": "1-301"}, {"gul_threshold": 5}])
def test_settings_that_need_other_ground_up_losses_are_refused(base, changes, tmp_path):
    with pytest.raises(OasisError, match="changed settings asks for other ground-up losses"):
        base.what_if(settings=settings(tmp_path, **changes), out=tmp_path / "asked")
    assert not (tmp_path / "asked").exists()


def test_values_of_locations_are_not_terms(base, files, tmp_path):
    location = edited(
        files["location"], tmp_path / "loc.csv", lambda rows: [row | {"BuildingTIV": "1"} for row in rows]
    )
    with pytest.raises(OasisError, match="changed location asks for other ground-up losses"):
        base.what_if(location=location, out=tmp_path / "asked")


def test_a_file_that_has_changed_since_is_not_taken_for_the_runs_own(tmp_path):
    files = demo_files(tmp_path)
    base = full_run(files, settings(tmp_path, event_ranges="1-5"), tmp_path, keep=True)
    edited(files["account"], files["account"], dearer)
    with pytest.raises(InvalidInput, match="must hold what it held when run") as refused:
        base.what_if(ri_info=files["ri_info"])
    assert "--account FILE" in refused.value.findings[0].remedy
    files["location"].unlink()
    with pytest.raises(InvalidInput, match="must be a file that can be opened"):
        base.what_if(account=files["account"])


def test_tables_in_memory_must_be_given_again(files, tmp_path):
    import pyarrow.csv as pa_csv

    location = pa_csv.read_csv(files["location"])
    portfolio = ok.read_portfolio(location=location, account=files["account"])
    chosen = settings(tmp_path, event_ranges="1-5", ri_output=False)
    base = api.run(
        "toy-wind", portfolio, settings=chosen, out=tmp_path / "out", keep_ground_up=True, resources=resources(tmp_path)
    )
    with pytest.raises(OasisError, match="had its location as a table in memory"):
        base.what_if(account=files["account"])
    asked = base.what_if(location=location, account=files["account"], out=tmp_path / "asked")
    assert asked.record.reused_ground_up == asked.record.chunks


def test_the_verb(base, files, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("OASIS_STORE", str(folder / "store"))
    account = edited(files["account"], tmp_path / "dearer.csv", dearer)
    command = ["whatif", str(base.folder), "--account", str(account), "--out", str(tmp_path / "asked")]
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0, shown.output
    assert "change" in shown.output
    machine = CliRunner().invoke(app, [*command, "--json"])
    result = json.loads(machine.stdout)
    assert result["average_annual_loss"]["il"] < result["before"]["average_annual_loss"]["il"]


def test_ctrl_c_says_what_is_kept(base, tmp_path, monkeypatch):
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalRun, "what_if", stopped)
    ended = CliRunner().invoke(app, ["whatif", str(base.folder), "--out", str(tmp_path / "out")])
    assert ended.exit_code == 130
    assert "Finished chunks are kept" in ended.stderr
