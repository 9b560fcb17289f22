"""The demo portfolio: what ships is what the script writes, reads as OED, and has something to say."""

from collections import Counter

import pytest

from model_plugins.toy_wind import demo_portfolio, demo_settings, lookup
from model_plugins.toy_wind.portfolio import make
from oasis_kernel.formats.oed import read_portfolio
from oasis_kernel.model.exposure import Portfolio
from oasis_kernel.model.settings import check_settings, parse_settings


@pytest.fixture(scope="module")
def portfolio() -> Portfolio:
    files = demo_portfolio()
    return read_portfolio(files.location, files.account, files.ri_info, files.ri_scope)


def test_the_shipped_files_are_what_the_script_writes(tmp_path):
    make.write_demo(tmp_path)
    for shipped in demo_portfolio():
        assert (tmp_path / shipped.name).read_bytes() == shipped.read_bytes(), shipped.name


def test_it_is_sound_oed(portfolio):
    assert portfolio.location is not None
    assert portfolio.location.num_rows == sum(book.locations for book in make.BOOKS) + len(make.MISFITS) == 300
    assert portfolio.account is not None
    assert portfolio.account.num_rows == len(make.LAYERS)
    assert portfolio.reinsurance_info is not None
    assert portfolio.reinsurance_scope is not None


def test_every_misfit_is_found_out_and_nothing_else(portfolio):
    keys = lookup.keys(portfolio.location)
    by_location = {row["loc_id"]: row["status"] for row in keys.to_pylist()}
    assert Counter(by_location.values()) == {
        "success": 293,
        "fail_ap": 3,
        "notatrisk": 1,
        "notmodelled": 1,
        "fail_v": 2,
    }
    numbers = dict(
        zip(portfolio.location["loc_id"].to_pylist(), portfolio.location["LocNumber"].to_pylist(), strict=True)
    )
    failed = {numbers[location] for location, status in by_location.items() if status != "success"}
    assert all("-X" in number for number in failed)


def test_the_settings_are_sound():
    settings = parse_settings(demo_settings().read_text(), "analysis_settings.json")
    assert check_settings(settings, "analysis_settings.json") == []
    assert settings.number_of_samples == 100
