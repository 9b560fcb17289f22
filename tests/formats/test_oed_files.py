"""Files of every kind, and files that are none."""

import bz2
import gzip
import io
import zipfile
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oasis_kernel.errors import InvalidInput
from oasis_kernel.formats import oed_file
from oasis_kernel.formats.oed import check_portfolio, read_portfolio

TEXT = "PortNumber,AccNumber,LocNumber,CountryCode,LocPerilsCovered,LocCurrency,BuildingTIV\n1,A,1,GB,WTC,GBP,5\n"


def zipped(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def zstd(data: bytes) -> bytes:
    return pa.compress(data, codec="zstd", asbytes=True)


PACKED = {
    "loc.csv": TEXT.encode(),
    "bom.csv": b"\xef\xbb\xbf" + TEXT.encode(),
    "crlf.csv": TEXT.replace("\n", "\r\n").encode(),
    "loc.csv.gz": gzip.compress(TEXT.encode()),
    "loc.csv.bz2": bz2.compress(TEXT.encode()),
    "loc.zip": zipped(("any/name.csv", TEXT.encode())),
    "loc.csv.zst": zstd(TEXT.encode()),
    "gzip_without_suffix.csv": gzip.compress(TEXT.encode()),
}


@pytest.mark.parametrize("name", PACKED)
def test_a_csv_plain_or_compressed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(PACKED[name])
    portfolio = read_portfolio(tmp_path / name)
    assert portfolio.location["BuildingTIV"].to_pylist() == [5.0]
    assert portfolio.sources == {"location": name}


def test_a_remote_file() -> None:
    with fsspec.open("memory://oed/loc.csv", "wb") as stream:
        stream.write(TEXT.encode())
    assert read_portfolio("memory://oed/loc.csv").location.num_rows == 1


def test_a_table_in_memory() -> None:
    columns = dict(zip(TEXT.split("\n")[0].split(","), TEXT.split("\n")[1].split(","), strict=True))
    table = pa.table({name: [value] for name, value in columns.items()})
    assert read_portfolio(table).location["BuildingTIV"].to_pylist() == [5.0]


def test_parquet_columns_of_other_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "PortNumber": pa.array([1], pa.int64()),
            "AccNumber": pa.array(["A"]).dictionary_encode(),
            "LocNumber": pa.array(["1"], pa.large_string()),
            "CountryCode": ["GB"],
            "LocPerilsCovered": ["WTC"],
            "LocCurrency": ["GBP"],
            "BuildingTIV": ["5"],
            "NumberOfBuildings": [2.0],
            "IsTenant": [True],
            "LocInceptionDate": pa.array([19000], pa.date32()),
            "FlexiLocScore": [1.0],
        }
    )
    pq.write_table(table, tmp_path / "loc.parquet")
    row = read_portfolio(tmp_path / "loc.parquet").location.to_pylist()[0]
    assert (row["PortNumber"], row["AccNumber"], row["BuildingTIV"]) == ("1", "A", 5.0)
    assert (row["NumberOfBuildings"], row["IsTenant"]) == (2, 1)
    assert (row["LocInceptionDate"], row["FlexiLocScore"]) == ("2022-01-08", "1.0")


REFUSED = [
    ("loc.csv", b"", "loc.csv: must hold a header and at least one record, and is empty"),
    ("loc.csv", TEXT.split("\n")[0].encode() + b"\n", "loc.csv: must hold a header and at least one record"),
    ("loc.csv", b"\n\n", "loc.csv: must hold a header and at least one record"),
    ("loc.parquet", TEXT.encode(), "loc.parquet: must be a csv or Parquet file, got 'a name for parquet on a file"),
    ("loc.parquet", b"PAR1 and then nothing", "loc.parquet: must be a csv or Parquet file"),
    ("loc.csv", b"\x7fELF\0\0\0\0", "loc.csv: must be a csv or Parquet file, got 'binary data'"),
    ("loc.csv", TEXT.encode("utf-16"), "loc.csv: must be UTF-8 text, got 'UTF-16'. Save the file with encoding UTF-8"),
    (
        "loc.csv",
        TEXT.replace("A,1", "Z\xfcrich,1").encode("latin-1"),
        "loc.csv row 2: must be UTF-8 text, got 'byte 0xFC'",
    ),
    ("loc.csv", TEXT.replace("PortNumber", "P\xf6rt").encode("latin-1"), "loc.csv row 1: must be UTF-8 text"),
    (
        "loc.csv",
        TEXT.replace(",", ";").encode(),
        "must be a csv or Parquet file, got 'a header not separated by commas",
    ),
    ("loc.csv.gz", TEXT.encode(), "got 'a name for gzip on a file that is not gzip'"),
    ("loc.csv.gz", gzip.compress(TEXT.encode())[:-9], "loc.csv.gz: must be a sound compressed file"),
    ("loc.csv.bz2", bz2.compress(TEXT.encode())[:-9], "loc.csv.bz2: must be a sound compressed file"),
    (
        "loc.zip",
        zipped(("a.csv", TEXT.encode()), ("b.csv", b"x")),
        "must hold exactly one file, got ['a.csv', 'b.csv']",
    ),
    ("loc.zip", zipped(), "loc.zip: must hold exactly one file, got []"),
    ("loc.zip", zipped(("a.csv", TEXT.encode()))[:-30], "loc.zip: must be a sound compressed file"),
    ("loc.csv", TEXT.replace("CountryCode", "accnumber").encode(), "accnumber must appear once in the header"),
]


@pytest.mark.parametrize(("name", "data", "message"), REFUSED, ids=[f"{k}_{row[0]}" for k, row in enumerate(REFUSED)])
def test_what_cannot_be_read_is_one_finding(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    findings = check_portfolio(tmp_path / name)
    assert len(findings) == 1
    assert message in str(findings[0])


def test_a_missing_file_and_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nowhere\.csv: must be a file that can be opened"):
        read_portfolio(tmp_path / "nowhere.csv")
    with pytest.raises(InvalidInput, match="needs a location file, or an account file for cyber and liability"):
        read_portfolio()


@pytest.mark.parametrize("name", ["bomb.csv.gz", "bomb.zip", "bomb.csv.bz2", "bomb.csv.zst"])
def test_a_bomb_is_stopped_at_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(oed_file, "FREE_BYTES", 2**21)
    data = TEXT.encode() + b"1,A,2,GB,WTC,GBP,5\n" * 400_000
    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".zst": zstd, ".zip": lambda raw: zipped(("a.csv", raw))}
    packed = pack[Path(name).suffix](data)
    (tmp_path / name).write_bytes(packed)
    assert len(data) > 200 * len(packed)
    findings = check_portfolio(tmp_path / name)
    assert [finding.rule for finding in findings] == ["file_size"]
    assert "expands to more than is allowed" in str(findings[0])


def test_rows_are_those_of_the_spreadsheet(tmp_path: Path) -> None:
    header, record = TEXT.strip().split("\n")
    good = [record.replace("A,1", f"A,{number}") for number in range(6)]
    quoted = good[1].replace("WTC", '"WTC"').replace("GBP", '"GBP"')
    text = "\n".join(
        [header, good[0], "", quoted, good[2] + ",surplus", ",,,,,,", good[3], good[4].replace("5", "five")]
    )
    (tmp_path / "loc.csv").write_text(text)
    told = [(finding.rule, finding.row, finding.value) for finding in check_portfolio(tmp_path / "loc.csv")]
    assert told == [
        ("record_length", 5, "8 values for 7 columns"),
        ("blank_records", 3, 2),
        ("number", 8, "five"),
    ]


def test_row_numbers_hold_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oed_file, "_BLOCK", 2**10)  # csv blocks of 16 kB
    header = TEXT.split("\n")[0]
    records = [f"1,A,{number},GB,WTC,GBP,5" for number in range(5000)]
    records[3000] += ",surplus"
    records[4000] = records[4000].replace(",5", ",x")
    (tmp_path / "loc.csv").write_text("\n".join([header, *records]))
    told = [(finding.rule, finding.row) for finding in check_portfolio(tmp_path / "loc.csv")]
    assert told == [("record_length", 3002), ("number", 4002)]
