"""Which part of a portfolio a file is: the toy portfolio's files, and the ones of reinsurance and rates."""

import gzip
import io
from importlib import resources

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from widgets.recognised import columns_of, part_of


@pytest.mark.parametrize(
    ("part", "columns"),
    [
        ("location", "PortNumber,AccNumber,LocNumber,BuildingTIV"),
        ("account", "PortNumber,AccNumber,PolNumber,LayerLimit"),
        ("ri_info", "ReinsNumber,ReinsPeril,ReinsType,CededPercent"),
        ("ri_scope", "ReinsNumber,PortNumber,AccNumber,PolNumber,LocNumber,CededPercent"),
        ("rates", "cur_from,cur_to,roe"),
        (None, "a,b"),
        (None, ""),
    ],
)
def test_a_part_is_known_by_its_columns(part, columns):
    assert part_of(columns_of("x.csv", columns.encode() + b"\n1,2\n")) == part


def test_the_toy_portfolio_is_recognised():
    folder = resources.files("model_plugins.toy_wind.portfolio")
    for part in ("location", "account"):
        assert part_of(columns_of(f"{part}.csv", (folder / f"{part}.csv").read_bytes())) == part


def test_packed_and_columnar_files_are_read_too():
    written = io.BytesIO()
    parquet.write_table(pa.table({"LocNumber": ["1"]}), written)
    assert columns_of("a.PARQUET", written.getvalue()) == ["LocNumber"]
    assert columns_of("a.csv.gz", gzip.compress(b"\xef\xbb\xbfPolNumber,x\n")) == ["PolNumber", "x"]


@pytest.mark.parametrize("name", ["a.parquet", "a.csv.gz", "a.csv"])
def test_what_cannot_be_read_has_no_columns(name):
    assert columns_of(name, b"\xff\xfe\x00 no file") == []
