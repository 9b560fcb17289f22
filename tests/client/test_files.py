"""Result files and portfolios on the way: private, whole, unchanged, sent once and taken up where they broke off."""

import io
import stat
import zipfile

import httpx
import pyarrow as pa
import pytest
from service_double import RUN, Double, json_answer, view

import oasis_kernel as ok
from oasis_kernel.client import sending
from oasis_kernel.client.portfolios import PortfolioFiles, contents, files_of
from oasis_kernel.client.run import RemoteRun
from oasis_kernel.errors import InvalidInput, OasisError

URL = f"/v1/analyses/{RUN}"
LOCATIONS = (
    "PortNumber,AccNumber,LocNumber,CountryCode,LocPerilsCovered,BuildingTIV,OtherTIV,ContentsTIV,BITIV,LocCurrency\n"
)
LOCATIONS += "P,A,1,GB,WTC,1000,0,0,0,GBP\n"


def archive(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as found:
        for name, data in files.items():
            found.writestr(name.replace("__", "/"), data)
    return packed.getvalue()


def test_a_file_is_fetched_once_and_only_compared_in_a_later_session(tmp_path):
    fetched, same = httpx.Response(200, content=b"a,b\n", headers={"ETag": '"t1"'}), httpx.Response(304)
    double = Double().on(f"GET {URL}/files/gul_S1_ept.csv", fetched, same)
    for _ in range(2):
        run = RemoteRun(double.workbench(tmp_path), view())
        assert run.file("gul_S1_ept.csv").read_bytes() == b"a,b\n"
        assert run.file("gul_S1_ept.csv").read_bytes() == b"a,b\n"
    assert [request.headers.get("if-none-match") for request in double.asked] == [None, '"t1"']
    assert stat.S_IMODE(run.folder.stat().st_mode) == 0o700


def test_a_file_whose_connection_breaks_is_fetched_again_and_never_half_there(tmp_path):
    double = Double().on(f"GET {URL}/files/x.csv", httpx.ReadError("gone"))
    run = RemoteRun(double.workbench(tmp_path), view())
    with pytest.raises(OasisError, match="does not answer"):
        run.file("x.csv")
    assert list(run.folder.glob("x*")) == []
    double.on(f"GET {URL}/files/x.csv", httpx.ReadError("gone"), httpx.Response(200, content=b"whole"))
    assert run.file("x.csv").read_bytes() == b"whole"


def test_a_download_is_whole_or_absent_and_replaces_only_results(tmp_path):
    out = tmp_path / "out"
    double = Double().on(f"GET {URL}/results.zip", httpx.Response(200, content=archive(**{"run.json": b"{}"})))
    run = RemoteRun(double.workbench(tmp_path / "cache"), view())
    assert run.download(out) == out
    assert [path.name for path in out.iterdir()] == ["run.json"]
    run.download(out)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    with pytest.raises(OasisError, match="holds no earlier run"):
        run.download(tmp_path / "mine")


@pytest.mark.parametrize("name", ["..__evil", "__etc__evil", "a__b", "C:\\evil"])
def test_an_archive_cannot_write_elsewhere(name, tmp_path):
    double = Double().on(f"GET {URL}/results.zip", httpx.Response(200, content=archive(**{name: b"x"})))
    run = RemoteRun(double.workbench(tmp_path / "cache"), view())
    with pytest.raises(OasisError, match="no plain name"):
        run.download(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.rglob("evil"))


def test_what_is_no_archive_is_said(tmp_path):
    double = Double().on(f"GET {URL}/results.zip", httpx.Response(200, content=b"<html>"))
    with pytest.raises(OasisError, match="no archive"):
        RemoteRun(double.workbench(tmp_path / "cache"), view()).download(tmp_path / "out")


def portfolio_view(files: dict[str, object]) -> dict[str, object]:
    latest = {"number": 1, "files": files, "reporting_currency": None, "findings": {"findings": []}}
    return {"id": "P1", "name": "loc", "owner": "me", "latest": latest}


@pytest.fixture
def location(tmp_path):
    path = tmp_path / "loc.csv"
    path.write_text(LOCATIONS)
    return path


def test_the_same_content_is_sent_once(location, tmp_path):
    double = Double().on("GET /v1/portfolios", json_answer({"items": []}))
    double.on("POST /v1/portfolios", json_answer(portfolio_view({}), 201))
    bench = double.workbench(tmp_path)
    files = PortfolioFiles({"location": location})
    assert bench.there(files).id == bench.there(ok.read_portfolio(location=location)).id == "P1"
    assert double.calls() == ["GET /v1/portfolios", "POST /v1/portfolios"]
    assert LOCATIONS.encode() in double.asked[1].content
    there = {"location": {"name": "loc.csv", "sha256": contents({"location": location})["location"]}}
    double.on("GET /v1/portfolios", json_answer({"items": [portfolio_view(there)]}))
    assert double.workbench(tmp_path).there(files).id == "P1"
    assert double.calls()[2:] == ["GET /v1/portfolios"]


def test_other_content_is_another_portfolio(location, tmp_path):
    there = {"location": {"name": "loc.csv", "sha256": "0" * 64}}
    double = Double().on("GET /v1/portfolios", json_answer({"items": [portfolio_view(there)]}))
    double.on("POST /v1/portfolios", json_answer(portfolio_view({}), 201))
    double.workbench(tmp_path).there(PortfolioFiles({"location": location}))
    assert double.calls()[-1] == "POST /v1/portfolios"


def test_a_file_that_is_not_there_is_a_finding(tmp_path):
    with pytest.raises(InvalidInput, match=r"nowhere\.csv: must be a file that can be opened"):
        PortfolioFiles({"location": tmp_path / "nowhere.csv"}).local()


def test_a_table_in_memory_is_read_again_as_it_was(location):
    table = pa.table(
        {name: [value] for name, value in zip(*(r.split(",") for r in LOCATIONS.split("\n")[:2]), strict=True)}
    )
    portfolio = ok.read_portfolio(location=table)
    with files_of(portfolio) as files:
        again = ok.read_portfolio(location=files.local()["location"])
    assert again.location.equals(portfolio.location)


def test_large_files_go_in_pieces_and_a_broken_one_is_taken_up(location, tmp_path, monkeypatch):
    monkeypatch.setattr(sending, "FORM_BYTES", 10)
    monkeypatch.setattr(sending, "PIECE_BYTES", 50)
    received = bytearray()
    breaks = iter([False, True, False, True])

    def upload(_: httpx.Request) -> httpx.Response:
        state = "complete" if len(received) == len(LOCATIONS) else "receiving"
        return json_answer({"id": "U1", "received": len(received), "state": state})

    def take(request: httpx.Request) -> httpx.Response:
        assert int(request.headers["upload-offset"]) == len(received)
        if next(breaks, False):
            received.extend(request.content[:20])  # so much arrived
            raise httpx.ReadError("gone")
        received.extend(request.content)
        return upload(request)

    double = Double().on("POST /v1/uploads", upload).on("PATCH /v1/uploads/U1", take)
    double.on("GET /v1/uploads/U1", upload)
    double.on("POST /v1/portfolios", json_answer(portfolio_view({}), 201))
    told = []
    double.workbench(tmp_path).upload(
        PortfolioFiles({"location": location}), "Homes", progress=lambda done, total: told.append((done, total))
    )
    assert bytes(received) == LOCATIONS.encode()
    assert told[-1] == (len(LOCATIONS), len(LOCATIONS))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert double.asked[-1].content == b'{"name":"Homes","uploads":{"location":"U1"}}'
