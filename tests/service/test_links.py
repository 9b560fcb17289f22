"""Only what an operator allows can be linked, and only as it was when it was."""

import json
import os
from pathlib import Path

import pytest

from oasis_kernel.errors import InvalidInput
from oasis_kernel.model.settings import parse_settings
from oasis_kernel.service.links import Linked, Links, confine, confined_path, fetched
from oasis_kernel.store.places import Place


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that may be linked from, with a secret beside it."""
    monkeypatch.setenv("OASIS_STORAGE_CACHE", str(tmp_path / "copies"))
    folder = tmp_path / "data"
    (folder / "deep").mkdir(parents=True)
    (folder / "location.csv").write_text("LocNumber\n1\n")
    (tmp_path / "data-secret").mkdir()
    (tmp_path / "data-secret" / "password.csv").write_text("secret\n")
    return folder


def links(shelf: Path) -> Links:
    return Links([f"{shelf}/", "s3://models/piwind"])


def test_what_lies_under_a_prefix_is_allowed(shelf: Path):
    assert links(shelf).checked(f"{shelf}/location.csv") == f"file://{shelf}/location.csv"
    assert links(shelf).checked(f"file://{shelf}/location.csv") == f"file://{shelf}/location.csv"
    assert links(shelf).checked("s3://models/piwind/a b.csv") == "s3://models/piwind/a b.csv"


@pytest.mark.parametrize(
    "url",
    [
        "{shelf}/../data-secret/password.csv",
        "{shelf}-secret/password.csv",
        "{shelf}/%2e%2e/data-secret/password.csv",
        "{shelf}/./location.csv",
        "{shelf}//location.csv",
        "{shelf}\\..\\data-secret\\password.csv",
        "{shelf}/location.csv\0.csv",
        "{shelf}/location.csv\n",
        "{shelf}",
        "file://localhost{shelf}/location.csv",
        "data/location.csv",
        "~/location.csv",
        "/etc/passwd",
        "/proc/self/environ",
        "s3://models/piwind2/a.csv",
        "s3://models/piwind",
        "s3://models/piwind/../other/a.csv",
        "s3://models@evil/piwind/a.csv",
        "s3://key:secret@models/piwind/a.csv",
        "s3://models/piwind/a.csv?versionId=1",
        "s3://models/piwind/a.csv#x",
        "s3://MODELS/piwind/a.csv",
        "s3:///piwind/a.csv",
        "s3://models:80/piwind/a.csv",
        "simplecache::s3://models/piwind/a.csv",
        "zip://x::s3://models/piwind/a.zip",
        "http://169.254.169.254/latest/meta-data",
        "https://example.org/location.csv",
        "http://[::1]:8765/v1",
        "ftp://host/a",
        "memory://models/piwind/a.csv",
        "http://[",
        "",
        "x" * 3000,
    ],
)
def test_everything_else_is_refused(shelf: Path, url: str):
    with pytest.raises(InvalidInput, match="Link a file under one of the storage_links prefixes, or upload it"):
        links(shelf).checked(url.replace("{shelf}", str(shelf)), "location")


def test_nothing_is_allowed_where_no_prefix_is(shelf: Path):
    with pytest.raises(InvalidInput, match="request: location must lie under a prefix that the operator allows"):
        Links([]).checked(f"{shelf}/location.csv", "location")


@pytest.mark.parametrize("prefix", ["https://example.org", "data", "s3://", "file:///a/../b"])
def test_a_prefix_that_is_no_storage_is_refused(prefix: str):
    with pytest.raises(InvalidInput, match="storage_links"):
        Links([prefix])


def test_a_symbolic_link_counts_where_it_leads(shelf: Path):
    (shelf / "inside.csv").symlink_to(shelf / "location.csv")
    (shelf / "outside.csv").symlink_to(shelf.parent / "data-secret" / "password.csv")
    (shelf / "away").symlink_to(shelf.parent / "data-secret")
    assert links(shelf).checked(f"{shelf}/inside.csv") == f"file://{shelf}/location.csv"
    for name in ("outside.csv", "away/password.csv"):
        with pytest.raises(InvalidInput, match="must lie under a prefix"):
            links(shelf).register(f"{shelf}/{name}")


def test_a_link_put_in_between_is_noticed(shelf: Path, monkeypatch: pytest.MonkeyPatch):
    """Between the check of a path and the opening, somebody who may write there puts a symbolic link."""
    (shelf / "outside.csv").symlink_to(shelf.parent / "data-secret" / "password.csv")
    found = links(shelf)
    monkeypatch.setattr(found, "checked", lambda url, field: f"file://{shelf}/outside.csv")
    with pytest.raises(InvalidInput, match="must be a file under a prefix that the operator allows"):
        found.register(f"{shelf}/outside.csv")


@pytest.mark.parametrize("name", ["nothing.csv", "deep", "pipe", "é.csv"])
def test_what_is_no_file_is_refused(shelf: Path, name: str):
    os.mkfifo(shelf / "pipe")
    (shelf / "é.csv").write_text("a\n")
    with pytest.raises(InvalidInput, match="must be a file"):
        links(shelf).register(f"{shelf}/{name}")


def test_a_file_may_be_too_large(shelf: Path):
    with pytest.raises(InvalidInput, match="must not be larger than 3 bytes"):
        links(shelf).register(f"{shelf}/location.csv", most_bytes=3)


def test_a_linked_file_is_compared_when_it_is_used(shelf: Path):
    linked = links(shelf).register(f"{shelf}/location.csv")
    assert (linked.name, linked.bytes) == ("location.csv", 12)
    assert Linked.of(linked.as_dict()) == linked
    assert links(shelf).local(linked).read_text() == "LocNumber\n1\n"
    os.utime(shelf / "location.csv", (1, 1))
    assert links(shelf).local(linked).read_text() == "LocNumber\n1\n", "touched, and still the same"
    (shelf / "location.csv").write_text("LocNumber\n2\n")
    with pytest.raises(InvalidInput, match="must be as it was when it was linked, and has changed or is gone"):
        links(shelf).local(linked, "location")
    (shelf / "location.csv").unlink()
    with pytest.raises(InvalidInput, match="has changed or is gone"):
        links(shelf).local(linked)
    with pytest.raises(InvalidInput, match="must lie under a prefix"):
        Links(["s3://models/piwind"]).local(linked)


def test_an_object_is_linked_with_its_tag(bucket: str):
    place = Place(f"{bucket}/shared")
    place.put_bytes(b"LocNumber\n1\n", "location.csv")
    found = Links([f"{bucket}/shared"])
    linked = found.register(f"{bucket}/shared/location.csv")
    assert "12" in linked.version
    assert found.local(linked).read_bytes() == b"LocNumber\n1\n"
    place.put_bytes(b"LocNumber\n2\n", "location.csv")
    with pytest.raises(InvalidInput, match="has changed or is gone"):
        found.local(linked)
    with pytest.raises(InvalidInput, match="must be a file that this service can read"):
        found.register(f"{bucket}/shared/other.csv")
    place.delete("location.csv")
    with pytest.raises(InvalidInput, match="has changed or is gone"):
        found.local(linked)


def test_a_version_has_stored_and_linked_files(shelf: Path, tmp_path: Path):
    artefacts = Place(tmp_path / "artefacts")
    stored = artefacts.put_bytes(b"AccNumber\n1\n", "uploads/1/account.csv")
    linked = links(shelf).register(f"{shelf}/location.csv")
    files = {"location": linked.as_dict(), "account": {"url": stored.url, "sha256": stored.sha256}}
    found = fetched(files, artefacts, [str(shelf)])
    assert {kind: path.read_text() for kind, path in found.items()} == {
        "location": "LocNumber\n1\n",
        "account": "AccNumber\n1\n",
    }


def test_files_named_in_settings_are_read_from_allowed_places_only(shelf: Path):
    file = f"{shelf}/new.csv"
    Path(file).write_text(
        "vulnerability_id,intensity_bin_id,damage_bin_id,probability\n7,1,1,0.1\n7,1,2,0.9\n9,1,1,1\n"
    )
    given = {"number_of_samples": 1, "vulnerability_adjustments": {"replace_file": file, "adjustments": {"7": 2.0}}}
    found = confine(given, links(shelf))
    adjustments = found["vulnerability_adjustments"]
    assert set(adjustments) == {"adjustments", "replace_data"}
    assert adjustments["replace_data"]["7"] == [[1, 1, pytest.approx(0.1)], [1, 2, pytest.approx(0.9)]]
    assert adjustments["replace_data"]["9"] == [[1, 1, 1.0]]
    assert parse_settings(json.dumps(found), "settings").vulnerability_adjustments.replace_file is None
    assert confine({"number_of_samples": 1}, Links([])) == {"number_of_samples": 1}
    for path in ("/etc/passwd", f"{shelf}/../data-secret/password.csv", "new.csv", 7):
        given["vulnerability_adjustments"] = {"replace_file": path}
        with pytest.raises(InvalidInput, match=r"vulnerability_adjustments\.replace_file must"):
            confine(given, links(shelf))
    given["vulnerability_adjustments"] = {"replace_file": "/etc/passwd", "replace_data": {"7": [[1, 1, 1.0]]}}
    assert confine(given, Links([]))["vulnerability_adjustments"] == {"replace_data": {"7": [[1, 1, 1.0]]}}


def test_a_configuration_file_is_confined(shelf: Path):
    (shelf / "oasislmf.json").write_text("{}")
    assert confined_path(f"{shelf}/oasislmf.json", links(shelf), "mdk") == shelf / "oasislmf.json"
    for path in ("s3://models/piwind/oasislmf.json", "/etc/passwd"):
        with pytest.raises(InvalidInput, match="mdk must"):
            confined_path(path, links(shelf), "mdk")
