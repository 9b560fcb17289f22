"""Results of a real run: tables by column and row, files, one archive, curves, headline, comparison, what-if."""

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.csv as csv
import pyarrow.parquet as parquet
import pytest
from rest_service import WHOLE, Rest, demonstration_files

import oasis_kernel as ok
from oasis_kernel.api import LocalRun
from oasis_kernel.engine.analysis import Resources

Finished = tuple[Rest, dict[str, Any]]


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> LocalRun:
    """The same analysis, run here."""
    root = tmp_path_factory.mktemp("local")
    portfolio = ok.read_portfolio(**{kind: str(path) for kind, path in demonstration_files().items()})
    resources = Resources.of_this_machine(store=root / "store")
    return ok.run("toy-wind", portfolio, settings=WHOLE, out=root / "out", resources=resources)


def _tables(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if "_S" in path.name}


def test_tables_are_listed_with_what_they_are(finished: Finished) -> None:
    rest, run = finished
    found = rest["ann"].get(run["links"]["results"]).json()
    by_name = {item["name"]: item for item in found["items"]}
    ept = by_name["gul_S1_ept"]
    assert (ept["perspective"], ept["level"], ept["table"]) == ("gul", 1, "EPT")
    assert ept["description"] == "exceedance curves"
    assert by_name["locations"]["description"]
    assert found["total"] == len(found["items"])


def test_files_have_the_bytes_of_a_local_run(finished: Finished, local: LocalRun) -> None:
    rest, run = finished
    expected = _tables(local.folder)
    for name, content in expected.items():
        assert rest["ann"].get(f"{run['url']}/files/{name}").content == content
    packed = rest["ann"].get(f"{run['url']}/results.zip")
    assert packed.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in expected} == expected
        assert "run.json" in archive.namelist()
    assert rest["ann"].get(f"{run['url']}/results.zip").content == packed.content


def test_rows_and_columns_are_those_of_the_table(finished: Finished, local: LocalRun) -> None:
    rest, run = finished
    url = f"{run['url']}/results/gul_S1_selt"
    whole = local.table("gul", "selt")
    where = {"where": "EventId>10 AND SampleId>=1 AND Loss>1000", "columns": "Loss,EventId"}
    expected = [
        {"Loss": row["Loss"], "EventId": row["EventId"]}
        for row in whole.to_pylist()
        if row["EventId"] > 10 and row["SampleId"] >= 1 and row["Loss"] > 1000
    ]
    assert len(expected) > 100
    seen: list[dict[str, Any]] = []
    page = rest["ann"].get(url, params={**where, "limit": 97}).json()
    while True:
        seen += page["items"]
        assert page["total"] == len(expected)
        if page["next"] is None:
            break
        page = rest["ann"].get(page["next"]).json()
    assert seen == expected
    assert page["columns"] == ["Loss", "EventId"]
    some = rest["ann"].get(url, params={**where, "offset": 5, "limit": 3}).json()["items"]
    assert some == expected[5:8]


def test_the_same_rows_as_csv_and_parquet(finished: Finished) -> None:
    rest, run = finished
    url = f"{run['url']}/results/gul_S1_ept"
    where = {"where": "EPType=1", "columns": "ReturnPeriod,Loss"}
    rows = rest["ann"].get(url, params={**where, "limit": 10_000}).json()["items"]
    text = rest["ann"].get(url, params={**where, "format": "csv"})
    assert text.headers["content-type"].startswith("text/csv")
    assert text.headers["content-disposition"] == 'attachment; filename="gul_S1_ept.csv"'
    columns = csv.ConvertOptions(column_types={"ReturnPeriod": "float32", "Loss": "float32"})
    assert csv.read_csv(io.BytesIO(text.content), convert_options=columns).to_pylist() == rows
    packed = rest["ann"].get(url, params={**where, "format": "parquet"})
    assert parquet.read_table(io.BytesIO(packed.content)).to_pylist() == rows
    few = rest["ann"].get(url, params={**where, "format": "parquet", "limit": 2, "offset": 1})
    assert parquet.read_table(io.BytesIO(few.content)).to_pylist() == rows[1:3]


@pytest.mark.parametrize(
    ("query", "field", "remedy"),
    [
        ({"columns": "Los"}, "Los", "Did you mean Loss?"),
        ({"where": "Event>1"}, "Event", "It has SummaryId"),
        ({"where": "Loss~1"}, None, "Write, for example"),
        ({"where": "Loss=many"}, "Loss", "Give a number"),
        ({"where": "Loss>1 Loss<2"}, None, "Write, for example"),
        ({"where": "Loss>1; DROP TABLE runs"}, None, "Write, for example"),
    ],
)
def test_a_selection_that_cannot_be_says_why(
    finished: Finished, query: dict[str, str], field: str | None, remedy: str
) -> None:
    rest, run = finished
    for form in ("json", "csv", "parquet"):
        refused = rest["ann"].get(f"{run['url']}/results/gul_S1_ept", params={**query, "format": form})
        assert refused.status_code == 422
        finding = refused.json()["findings"][0]
        assert finding["field"] == field
        assert remedy in finding["remedy"]


def test_what_is_not_there_names_what_is(finished: Finished) -> None:
    rest, run = finished
    refused = rest["ann"].get(f"{run['url']}/results/gul_S9_ept")
    assert refused.status_code == 404
    assert "gul_S1_ept" in refused.json()["remedy"]
    for name in ("..%2F..%2Fservice.db", "run.jso", ".etags"):
        assert rest["ann"].get(f"{run['url']}/files/{name}").status_code == 404
    assert rest["eve"].get(run["links"]["results"]).status_code == 404
    assert rest["ann"].get(f"{run['url']}/ep?perspective=ri").status_code == 404
    assert rest["ann"].get(f"{run['url']}/ep?summary=99").status_code == 404
    assert rest["ann"].get(f"{run['url']}/ep?perspective=xx").status_code == 422


def test_curves_as_points_and_picture(finished: Finished, local: LocalRun) -> None:
    rest, run = finished
    found = rest["ann"].get(f"{run['url']}/ep").json()
    curve = local.ep("gul")
    assert curve is not None
    points = curve.points()
    assert points is not None
    shown = next(
        one
        for one in found["curves"]
        if (one["calculation"], one["basis"]) == ("full uncertainty", "OEP") and not one["tail"]
    )
    assert shown["return_period"] == points.return_period.tolist()
    assert shown["loss"] == points.loss.tolist()
    picture = rest["ann"].get(f"{run['url']}/ep.png?perspective=il")
    assert picture.headers["content-type"] == "image/png"
    assert picture.content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">2I", picture.content[16:24])
    assert (width, height) == (960, 576)
    assert rest["ann"].get(f"{run['url']}/ep.png?perspective=il").content == picture.content


def test_answers_that_have_not_changed_are_not_sent_again(finished: Finished) -> None:
    rest, run = finished
    for part in ("/results/gul_S1_ept", "/files/gul_S1_ept.csv", "/results.zip", "/ep", "/ep.png"):
        first = rest["ann"].get(run["url"] + part)
        again = rest["ann"].get(run["url"] + part, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304, part
        assert not again.content
    other = rest["ann"].get(f"{run['url']}/ep?perspective=il", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_the_headline_is_that_of_a_local_run(finished: Finished, local: LocalRun) -> None:
    rest, run = finished
    found = rest["ann"].get(f"{run['url']}/summary").json()
    expected = json.loads(json.dumps(local.as_dict()))
    assert found["average_annual_loss"] == expected["average_annual_loss"]
    assert found["tables"] == expected["tables"]
    assert found["folder"] == run["links"]["results"]


def test_progress_chunks_and_findings_of_a_real_run(finished: Finished) -> None:
    rest, run = finished
    chunks = rest["ann"].get(run["links"]["chunks"]).json()
    assert set(chunks["states"]) == {"done"}
    assert chunks["items"][0]["seconds"] > 0
    assert rest["ann"].get(run["links"]["log"]).status_code == 200
    assert rest["ann"].get(run["links"]["findings"]).json()["passed"]
    assert run["progress"]["stage"] == "results"
    assert run["headline"]["average_annual_loss"]["gul"] > 0


def test_events_of_an_ended_run_are_told_and_end(finished: Finished) -> None:
    rest, run = finished
    told = rest["ann"].get(run["links"]["events"])
    assert told.headers["content-type"].startswith("text/event-stream")
    blocks = [block for block in told.text.split("\n\n") if block and not block.startswith(":")]
    events = [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]
    assert events[0]["event"] == "state"
    assert json.loads(events[0]["data"])["state"] == "queued"
    assert events[-1] == {"event": "end", "data": '{"state":"completed"}'}
    numbers = [int(event["id"]) for event in events[:-1]]
    assert numbers == sorted(set(numbers))
    rest_of_it = rest["ann"].get(run["links"]["events"], headers={"Last-Event-ID": str(numbers[-3])}).text
    assert [line for line in rest_of_it.splitlines() if line.startswith("id:")] == [f"id: {n}" for n in numbers[-2:]]
    assert rest["eve"].get(run["links"]["events"]).status_code == 404


def test_two_analyses_beside_each_other(finished: Finished) -> None:
    rest, run = finished
    same = rest["ann"].get("/v1/compare", params={"a": run["id"], "b": run["id"]}).json()
    assert same["same_inputs"]
    assert same["average_annual_loss"]["gul"]["ratio"] == 1.0
    assert rest["ann"].get("/v1/compare", params={"a": run["id"], "b": "nothing"}).status_code == 404
    assert rest["eve"].get("/v1/compare", params={"a": run["id"], "b": run["id"]}).status_code == 404


def _changed_account() -> str:
    """The demonstration's accounts with another deductible and limit on every layer."""
    header, *rows = demonstration_files()["account"].read_text().splitlines()
    limit = header.split(",").index("LayerLimit")
    changed = []
    for row in rows:
        cells = row.split(",")
        cells[limit] = "1000000"
        changed.append(",".join(cells))
    return "\n".join([header, *changed, ""])


def _upload(rest: Rest, content: bytes, kind: str) -> str:
    new = {"name": f"{kind}.csv", "kind": kind, "size": len(content)}
    upload = rest["ann"].post("/v1/uploads", json=new).json()
    headers = {"Upload-Offset": "0", "Content-Type": "application/octet-stream"}
    for at in range(0, len(content), 1000):
        headers["Upload-Offset"] = str(at)
        assert rest["ann"].patch(upload["url"], content=content[at : at + 1000], headers=headers).status_code == 200
    return str(upload["id"])


def test_what_if_equals_a_full_run_of_the_change(finished: Finished, tmp_path: Path) -> None:
    rest, run = finished
    account = _changed_account()
    body = {"uploads": {"account": _upload(rest, account.encode(), "account")}, "name": "Lower limits"}
    made = rest["ann"].post(f"{run['url']}/whatif", json=body)
    assert made.status_code == 201, made.text
    assert made.json()["name"] == "Lower limits"
    after = rest.run_next()
    assert after["id"] == made.json()["id"]
    changed = tmp_path / "account.csv"
    changed.write_text(account)
    files = {**demonstration_files(), "account": changed}
    portfolio = ok.read_portfolio(**{kind: str(path) for kind, path in files.items()})
    resources = Resources.of_this_machine(store=tmp_path / "store")
    full = ok.run("toy-wind", portfolio, settings=WHOLE, out=tmp_path / "out", resources=resources)
    for name, content in _tables(full.folder).items():
        assert rest["ann"].get(f"{after['url']}/files/{name}").content == content
    record = rest["ann"].get(f"{after['url']}/files/run.json").json()
    assert record["what_if_of"]
    assert record["reused_ground_up"] == record["chunks"]
    compared = rest["ann"].get("/v1/compare", params={"a": run["id"], "b": after["id"]}).json()
    assert "portfolio.account" in [change["what"] for change in compared["changes"]]
    assert compared["average_annual_loss"]["gul"]["difference"] == 0.0
    assert compared["average_annual_loss"]["il"]["difference"] < 0.0
    portfolio_of_run = rest["ann"].get(run["portfolio"]).json()
    assert portfolio_of_run["versions"] == 1


def test_a_what_if_that_cannot_be_is_refused_at_once(finished: Finished) -> None:
    rest, run = finished
    url = f"{run['url']}/whatif"
    assert rest["ann"].post(url, json={}).status_code == 422
    refused = rest["ann"].post(url, json={"settings": {**WHOLE, "number_of_samples": 5}})
    assert refused.status_code == 409
    assert "other ground-up losses" in refused.json()["detail"]
    unknown = rest["ann"].post(url, json={"without_account": "NOBODY"})
    assert unknown.status_code == 422
    assert unknown.json()["findings"]
    assert rest["vera"].post(url, json={"without_account": "HOMES"}).status_code in (403, 404)
