"""Files from outside are what their names say, and archives hold no tricks."""

import bz2
import gzip
import io
import stat
import struct
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oasis_kernel.errors import InvalidInput
from oasis_kernel.service.archives import ArchiveLimits, check_archive, check_table, portfolio_tables, table_of, unpack

CSV = b"LocNumber,BuildingTIV\n1,1000\n"
LIMITS = ArchiveLimits(entries=20, expanded_bytes=2_000_000, free_bytes=100_000, ratio=100)


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"LocNumber": ["1"]}), sink)
    return sink.getvalue()


def zipped(*files: tuple[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", compression) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return sink.getvalue()


def saved(folder: Path, name: str, data: bytes) -> Path:
    path = folder / "sent"
    path.write_bytes(data)
    return path


GOOD = {
    "a.csv": (CSV, "csv"),
    "A.CSV": (CSV, "csv"),
    "a.csv.gz": (gzip.compress(CSV), "gzip"),
    "a.csv.bz2": (bz2.compress(CSV), "bzip2"),
    "a.zst": (pa.compress(CSV, "zstd", asbytes=True), "zstd"),
    "a.zip": (zipped(("folder/location.csv", CSV)), "zip"),
    "a.parquet": (parquet(), "parquet"),
    "b.zip": (zipped(("location.parquet", parquet())), "zip"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_file_is_what_its_name_says(tmp_path: Path, name: str):
    data, kind = GOOD[name]
    assert check_table(saved(tmp_path, name, data), name, LIMITS) == kind


BAD = {
    "a.xlsx": (zipped(("xl/workbook.xml", CSV)), "must end in one of .csv"),
    "a.exe": (b"MZ\x90\x00", "must end in one of .csv"),
    "a": (CSV, "must end in one of .csv"),
    "a.csv": (gzip.compress(CSV), "must be csv text, as its name says, got 'gzip'"),
    "b.csv": (b"\x7fELF\x02\x01\0\0", "must be a table in csv, got 'binary data'"),
    "c.csv": (b"", "is empty"),
    "d.csv": ("LocNumber\n1\n".encode("utf-16"), "must be UTF-8 text"),
    "a.gz": (CSV, "must be gzip, as its name says, got 'no known type'"),
    "a.zip": (parquet(), "must be zip, as its name says, got 'parquet'"),
    "a.parquet": (CSV, "must be parquet, as its name says"),
    "b.gz": (gzip.compress(CSV)[:-9], "must be a sound compressed file"),
    "c.gz": (gzip.compress(gzip.compress(CSV)), "must not hold another archive, got 'gzip'"),
    "d.gz": (gzip.compress(parquet()), "must not hold another archive, got 'parquet'"),
    "e.gz": (gzip.compress(b"0" * 3_000_000), "must not expand to more than 294,200 bytes"),
    "b.bz2": (bz2.compress(b"0" * 3_000_000), "must not expand to more than 100,000 bytes"),
    "b.zst": (pa.compress(b"0" * 3_000_000, "zstd", asbytes=True), "must not expand to more than 100,000 bytes"),
    "b.zip": (zipped(("a.csv", b"0" * 3_000_000)), "must not expand to more than"),
    "c.zip": (zipped(("a.csv", CSV), ("b.csv", CSV)), "must hold exactly one file"),
    "d.zip": (zipped(("a.csv", zipped(("a.csv", CSV)))), "must not hold another archive"),
    "e.zip": (zipped(("a.csv", CSV))[:-30], "must be a sound"),
    "f.zip": (zipped(), "must hold a file"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_it_is_not_is_refused(tmp_path: Path, name: str):
    data, message = BAD[name]
    with pytest.raises(InvalidInput, match=message) as refused:
        check_table(saved(tmp_path, name, data), name, LIMITS)
    assert all(finding.remedy and finding.file.startswith(name) for finding in refused.value.findings)


def test_a_zip_is_unpacked_flat_under_plain_names(tmp_path: Path):
    data = zipped(
        ("my files/", b""),
        ("my files/location v2.csv", CSV),
        ("my files/é.csv", b"x"),
        ("__MACOSX/._location.csv", b"\0"),
        ("my files/.DS_Store", b"\0"),
    )
    found = unpack(saved(tmp_path, "p.zip", data), tmp_path / "out", "p.zip", LIMITS)
    assert [path.name for path in found] == ["location v2.csv", "_.csv"]
    assert found[0].read_bytes() == CSV


def entry(name: str, **values: object) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    for field, value in values.items():
        setattr(info, field, value)
    return info


def encrypted(data: bytes) -> bytes:
    """The archive with the flag of encryption set, in both of its headers."""
    changed = bytearray(data)
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        changed[changed.index(magic) + at] |= 1
    return bytes(changed)


def overlapping(copies: int) -> bytes:
    """Many entries that share one body: a table of contents that lists the same bytes again and again."""
    data = zipped(("a.csv", b"0" * 50_000))
    start = data.index(b"PK\x01\x02")
    header, end = data[start : data.index(b"PK\x05\x06")], data[data.index(b"PK\x05\x06") :]
    headers = b"".join(header.replace(b"a.csv", b"%05d" % number) for number in range(copies))
    tail = end[:8] + struct.pack("<2H2L", copies, copies, len(headers), start) + end[20:]
    return data[:start] + headers + tail


def named(name: bytes) -> bytes:
    """An archive with a name that zipfile would not write: the same number of bytes instead of ``NAME``."""
    assert len(name) == 12
    return zipped(("NAME_OF_FILE", CSV)).replace(b"NAME_OF_FILE", name)


def many(count: int) -> bytes:
    return zipped(*((f"{number}.csv", b"") for number in range(count)), compression=zipfile.ZIP_STORED)


TRICKS = {
    "parent": (zipped(("../location.csv", CSV)), "must have a relative name without .. or control characters"),
    "deep parent": (zipped(("a/../../location.csv", CSV)), "must have a relative name"),
    "absolute": (zipped(("/etc/cron.d/location.csv", CSV)), "must have a relative name"),
    "drive": (named(b"C:/x/loc.csv"), "must have a relative name"),
    "backslash": (named(b"..\\x\\loc.csv"), "must have a relative name"),
    "network": (named(b"\\\\h\\loc.csv."), "must have a relative name"),
    "nul": (named(b"loc.csv\0.exe"), "must have a relative name"),
    "control": (named(b"locs\x1b[2J.csv"), "must have a relative name"),
    "link": (
        zipped((entry("location.csv", external_attr=(stat.S_IFLNK | 0o777) << 16), b"/etc/passwd")),
        "must be a file, not a link or device",
    ),
    "device": (zipped((entry("location.csv", external_attr=stat.S_IFCHR << 16), b"")), "must be a file, not a link"),
    "encrypted": (encrypted(zipped(("location.csv", CSV))), "must not be encrypted"),
    "nested": (zipped(("location.csv", zipped(("a.csv", CSV)))), "must not be an archive itself"),
    "nested gz": (zipped(("location.csv.gz", gzip.compress(CSV))), "must not be an archive itself"),
    "bomb": (zipped(("location.csv", b"0" * 3_000_000)), "must not expand to more than"),
    "small bombs": (zipped(*((f"{n}.csv", b"0" * 90_000) for n in range(9))), "must not expand to more than"),
    "overlap": (overlapping(9), "must be a zip whose files do not overlap"),
    "many": (many(21), "must hold at most 20 files"),
    "very many": (many(3000), "must hold at most 20 files"),
    "twice": (zipped(("a/location.csv", CSV), ("b/LOCATION.CSV", CSV)), "must not hold two files of the same name"),
    "torn": (zipped(("location.csv", CSV))[:-40], "must be a sound"),
    "headless": (zipped(("location.csv", CSV))[20:], "must be a zip whose files do not overlap"),
    "no zip": (b"PK\x03\x04" + b"x" * 100, "must be a sound zip file"),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_gets_through(tmp_path: Path, trick: str):
    data, message = TRICKS[trick]
    with pytest.raises(InvalidInput, match=message):
        unpack(saved(tmp_path, "p.zip", data), tmp_path / "out" / "deep", "p.zip", LIMITS)
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "sent"]
    assert sum(path.stat().st_size for path in written) <= LIMITS.free_bytes
    assert all(path.is_relative_to(tmp_path / "out" / "deep") for path in written)


def test_a_lie_about_the_size_of_an_entry_does_not_help(tmp_path: Path):
    data = bytearray(zipped(("location.csv", b"0" * 3_000_000)))
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<L", 10)
    with pytest.raises(InvalidInput, match="must be a sound compressed file"):
        unpack(saved(tmp_path, "p.zip", bytes(data)), tmp_path / "out", "p.zip", LIMITS)


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("location.csv", "location"),
        ("SourceLocOEDPiWind10.csv", "location"),
        ("OEDLocation_2026.parquet", "location"),
        ("portfolio-locations.csv", "location"),
        ("account.csv", "account"),
        ("SourceAccOEDPiWind.csv", "account"),
        ("my_acc_v2.csv", "account"),
        ("ri_info.csv", "ri_info"),
        ("SourceReinsInfoOEDPiWind.csv", "ri_info"),
        ("SourceReinsuranceScope.csv", "ri_scope"),
        ("RIScope.csv", "ri_scope"),
        ("folder/location.csv.gz", "location"),
        ("readme.txt", None),
        ("allocation.csv", None),
        ("location_account.csv", None),
    ],
)
def test_a_table_is_known_by_its_name(name: str, table: str | None):
    assert table_of(name) == table


def test_each_file_of_a_portfolio_is_one_of_its_tables(tmp_path: Path):
    named = [Path("location.csv"), Path("account.csv"), Path("ri_info.csv"), Path("ri_scope.csv")]
    assert list(portfolio_tables(named, "p.zip")) == ["location", "account", "ri_info", "ri_scope"]
    with pytest.raises(InvalidInput) as refused:
        portfolio_tables([*named, Path("loc.csv"), Path("readme.md")], "p.zip")
    assert [str(finding) for finding in refused.value.findings] == [
        "p.zip/loc.csv: must be the only location file, beside location.csv. "
        "Name the files location, account, ri_info and ri_scope, and leave out others",
        "p.zip/readme.md: must say by its name which table it is. "
        "Name the files location, account, ri_info and ri_scope, and leave out others",
    ]


def test_a_whole_portfolio_is_tried_and_leaves_nothing(tmp_path: Path):
    sent = saved(tmp_path, "p.zip", zipped(("x/location.csv", CSV), ("x/account.csv", b"AccNumber\n1\n")))
    assert check_archive(sent, "p.zip", LIMITS) == ("location", "account")
    assert list(tmp_path.iterdir()) == [sent]
    with pytest.raises(InvalidInput, match="must be a table in csv"):
        check_archive(saved(tmp_path, "p.zip", zipped(("location.csv", b"\0\1"))), "p.zip", LIMITS)
    with pytest.raises(InvalidInput, match="must be a zip of a portfolio's tables"):
        check_archive(saved(tmp_path, "p.csv", CSV), "p.csv", LIMITS)
    assert list(tmp_path.iterdir()) == [sent]
