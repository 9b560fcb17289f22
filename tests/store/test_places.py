"""Files by name: the same on a folder and in object storage, whole or not at all, and never elsewhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from oasis_kernel.errors import DamagedFile, OasisError, StorageFailed, StorageFull
from oasis_kernel.store.copies import LocalCopies
from oasis_kernel.store.folders import whole_file
from oasis_kernel.store.names import plain_name, safe_name
from oasis_kernel.store.places import MANIFEST, Place

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return Place(tmp_path / "place")
    return Place(f"{request.getfixturevalue('bucket')}/some/prefix")


def file(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_file_is_found_again_with_its_checksum(place: Place, tmp_path: Path):
    stored = place.put_file(file(tmp_path, "in.csv", b"a,b\n1,2\n"), "portfolios/1/location.csv")
    assert stored.bytes == 8
    assert stored.url == place.url_of("portfolios/1/location.csv")
    assert place.name_of(stored.url) == "portfolios/1/location.csv"
    assert place.exists("portfolios/1/location.csv")
    assert not place.exists("portfolios/1")
    assert place.read("portfolios/1/location.csv") == b"a,b\n1,2\n"
    copy = place.local("portfolios/1/location.csv", stored.sha256)
    assert copy.name == "location.csv"
    assert copy.read_bytes() == b"a,b\n1,2\n"
    with place.open("portfolios/1/location.csv") as stream:
        stream.seek(4)
        assert stream.read() == b"1,2\n"


def test_another_file_of_the_same_name_is_seen_at_once(place: Place):
    place.put_bytes(b"one", "name")
    assert place.local("name").read_bytes() == b"one"
    before = place.version("name")
    place.put_bytes(b"another", "name")
    assert place.version("name") != before
    assert place.local("name").read_bytes() == b"another"


def test_what_is_not_there_is_said_so(place: Place):
    for ask in (place.read, place.local, place.open, place.size, place.version, place.manifest, place.local_folder):
        with pytest.raises(FileNotFoundError):
            ask("nothing/here")
    assert place.entries("nothing") == []
    assert place.delete("nothing") == 0


def test_listing_and_removing_go_by_whole_names(place: Place):
    for name in ("a/1", "a/2/3", "ab/1", "b"):
        place.put_bytes(name.encode(), name)
    assert [(entry.name, entry.bytes) for entry in place.entries("a")] == [("a/1", 3), ("a/2/3", 5)]
    assert all(entry.modified > 1.7e9 for entry in place.entries())
    assert place.delete("a") == 2
    assert [entry.name for entry in place.entries()] == ["ab/1", "b"]
    assert place.delete("b") == 1


def test_a_folder_is_whole_once_its_manifest_is_there(place: Place, tmp_path: Path):
    folder = tmp_path / "results"
    file(folder, "gul_S1_palt.csv", b"x" * 10)
    file(folder, "more/run.json", b"{}")
    stored = place.put_folder(folder, "results/7")
    assert set(stored) == {"gul_S1_palt.csv", "more/run.json"}
    assert place.manifest("results/7") == stored
    found = place.local_folder("results/7")
    assert {path.relative_to(found).as_posix() for path in found.rglob("*") if path.is_file()} == {
        "gul_S1_palt.csv",
        "more/run.json",
        MANIFEST,
    }
    assert (found / "gul_S1_palt.csv").read_bytes() == b"x" * 10
    place.delete(f"results/7/{MANIFEST}")
    with pytest.raises(FileNotFoundError):
        place.local_folder("results/7")


def test_a_file_that_is_not_what_was_stored_is_refused_and_no_copy_stays(bucket: str, tmp_path: Path):
    place = Place(bucket)
    stored = place.put_bytes(b"right", "a")
    for wrong in (b"wrong", b"righ", b""):
        place.put_bytes(wrong, "a")
        with pytest.raises(DamagedFile, match="must be what was stored, and is not: its checksum differs"):
            place.local("a", stored.sha256)
    assert [path for path in (tmp_path / "copies").rglob("*") if path.is_file()] == []
    place.put_bytes(b"{", f"folder/{MANIFEST}")
    with pytest.raises(DamagedFile, match="must hold a sound manifest"):
        place.manifest("folder")


ELSEWHERE = ["/etc/passwd", "../a", "a/../b", "a/..", ".hidden", "~/a", "C:/a", "s3://b/c", "a\\b", "-rf", "a/./b"]
NOT_EVERYWHERE = ["", "a//b", "a/", "a\0b", "a\nb", "%2e", "con", "NUL.csv", "a.", "a ", "é", "*", "a?b", "a|b"]


@pytest.mark.parametrize("name", [*ELSEWHERE, *NOT_EVERYWHERE, "x" * 201, "a/" * 500 + "a"])
def test_no_name_leads_elsewhere(tmp_path: Path, name: str):
    place = Place(tmp_path)
    for ask in (place.read, place.local, place.open, place.exists, place.delete, place.url_of):
        with pytest.raises(OasisError, match="the name of a stored file must be relative"):
            ask(name)
    with pytest.raises(OasisError, match="must be relative"):
        safe_name(name)


@pytest.mark.parametrize("given", [*ELSEWHERE, *NOT_EVERYWHERE, "../../a b.csv", "...", ".csv", "x" * 300])
def test_a_name_from_outside_is_made_plain(given: str):
    assert safe_name(plain_name(given))


def test_plain_names_stay_as_they_are():
    assert plain_name("location_2026 v2.csv") == "location_2026 v2.csv"


@pytest.mark.parametrize("url", ["", "simplecache::s3://a/b", "zip://x::file:///a", "nosuch://a/b"])
def test_a_place_is_one_folder_or_one_address(url: str):
    with pytest.raises(OasisError, match="storage"):
        Place(url)


def test_the_address_of_a_folder_leads_to_that_folder(tmp_path: Path):
    folder = tmp_path / "with space, 100% and #"
    place = Place(folder.as_uri())
    assert (place.root, place.url) == (folder, folder.as_uri())
    stored = place.put_bytes(b"x", "a b")
    assert (folder / "a b").read_bytes() == b"x"
    assert place.name_of(stored.url) == "a b"


def test_an_address_elsewhere_is_refused(tmp_path: Path):
    place = Place(tmp_path / "here")
    for url in ("file:///etc/passwd", f"{place.url}er/a", f"{place.url}/../a", place.url):
        with pytest.raises(OasisError, match="must"):
            place.name_of(url)


def test_a_full_disk_is_named_and_nothing_half_written_stays(tmp_path: Path):
    def too_much(path: Path) -> None:
        path.write_bytes(b"half")
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")

    full = "must have room for what is written, and is full: No space left on device"
    with pytest.raises(StorageFull, match=full), whole_file(tmp_path / "a" / "b") as temporary:
        too_much(temporary)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    copies = LocalCopies(tmp_path / "copies")
    with pytest.raises(StorageFull):
        copies.copy("ab" * 32, "name", too_much)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_longest_unused_copies_go_first(tmp_path: Path):
    copies = LocalCopies(tmp_path, limit_bytes=250)
    keys = [digit * 64 for digit in "abc"]
    for age, key in enumerate(keys):
        path = copies.copy(key, "x", lambda path: path.write_bytes(b"x" * 100) and None)
        os.utime(path.parent, (age, age))
    copies.copy(keys[0], "x", pytest.fail)  # used again
    assert copies.prune() == 100
    assert [(tmp_path / "files" / key[:2] / key / "x").exists() for key in keys] == [True, False, True]


def test_storage_that_cannot_be_used_is_named(bucket: str, tmp_path: Path):
    with pytest.raises(StorageFailed, match="s3://no-such-bucket-anywhere/x cannot be used: The specified bucket does"):
        Place("s3://no-such-bucket-anywhere/x").put_bytes(b"", "a")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="cannot be used"):
        Place(tmp_path / "file" / "under").put_bytes(b"", "a")


@pytest.mark.slow
def test_storage_that_cannot_be_reached_does_not_look_empty(tmp_path: Path):
    """In a process of its own: the client of this one is bound to the emulated server."""
    ask = "from oasis_kernel.store.places import Place; Place('s3://bucket/prefix').exists('name')"
    environment = {**os.environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", **dict.fromkeys(KEYS, "test")}
    answer = subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, text=True)
    assert "StorageFailed: s3://bucket/prefix cannot be reached: Could not connect to the endpoint" in answer.stderr
