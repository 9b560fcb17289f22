"""Parts in object storage are whole, shared, and the same bytes as on a disk."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from oasis_kernel.engine.analysis import Resources
from oasis_kernel.engine.execute import execute
from oasis_kernel.engine.inputs import load_analysis
from oasis_kernel.errors import DamagedPart, StorageFailed
from oasis_kernel.plugins import load_plugins
from oasis_kernel.store.parts import PartStore
from oasis_kernel.store.places import Place
from oasis_kernel.store.remote_parts import RECEIPT, RemotePartStore, part_store

ADDRESS = "ab" * 32
NAME = f"ab/{ADDRESS}.part"


def publish(store: PartStore, data: bytes, address: str = ADDRESS) -> None:
    store.publish(address, lambda path: path.write_bytes(data) and None)


def another_machine(bucket: str, tmp_path: Path) -> RemotePartStore:
    return RemotePartStore(Place(bucket), cache=tmp_path / "another")


def test_a_folder_is_used_in_place_and_a_bucket_is_not(tmp_path: Path, bucket: str):
    assert type(part_store(tmp_path)) is PartStore
    assert part_store(tmp_path.as_uri()).path(ADDRESS) == tmp_path / NAME
    assert isinstance(part_store(f"{bucket}/parts"), RemotePartStore)


def test_what_one_machine_publishes_another_reads(bucket: str, tmp_path: Path):
    here, there = part_store(bucket), another_machine(bucket, tmp_path)
    assert not there.has(ADDRESS)
    publish(here, b"losses")
    assert there.has(ADDRESS)
    assert here.local(ADDRESS).read_bytes() == there.local(ADDRESS).read_bytes() == b"losses"
    assert here.local(ADDRESS) != there.local(ADDRESS)
    there.discard(ADDRESS)
    assert not here.has(ADDRESS)
    assert Place(bucket).entries() == []


@pytest.mark.parametrize("damage", [b"losse", b"lossez", b""])
def test_a_damaged_part_is_never_read(bucket: str, tmp_path: Path, damage: bytes):
    publish(part_store(bucket), b"losses")
    Place(bucket).put_bytes(damage, NAME)
    there = another_machine(bucket, tmp_path)
    with pytest.raises(DamagedPart, match=r"must be what was stored, and is not: its checksum differs\. Resume"):
        there.local(ADDRESS)
    assert not there.has(ADDRESS), "it is made again"
    assert [path for path in (tmp_path / "another").rglob("*") if path.is_file()] == []
    publish(there, b"losses")
    assert Place(bucket).read(NAME) == b"losses", "the damaged one is replaced"


def test_a_part_that_vanished_or_has_no_receipt_is_damaged(bucket: str, tmp_path: Path):
    publish(part_store(bucket), b"losses")
    there, place = another_machine(bucket, tmp_path), Place(bucket)
    place.delete(NAME)
    with pytest.raises(DamagedPart, match="and is gone"):
        there.local(ADDRESS)
    publish(there, b"losses")
    place.put_bytes(b"{}", NAME + RECEIPT)
    with pytest.raises(DamagedPart, match="must be the receipt of a part"):
        there.local(ADDRESS)
    publish(there, b"losses")
    assert there.local(ADDRESS).read_bytes() == b"losses"


def test_the_same_part_is_written_once(bucket: str, tmp_path: Path):
    publish(part_store(bucket), b"losses")
    before = Place(bucket).entries()
    publish(another_machine(bucket, tmp_path), b"losses")
    assert Place(bucket).entries() == before
    assert json.loads(Place(bucket).read(NAME + RECEIPT))["bytes"] == 6


def test_a_part_that_could_not_be_stored_leaves_no_copy(bucket: str, tmp_path: Path):
    nowhere = RemotePartStore(Place("s3://no-such-bucket-anywhere/parts"), cache=tmp_path / "here")
    with pytest.raises(StorageFailed):
        publish(nowhere, b"losses")
    assert [path for path in (tmp_path / "here").rglob("*") if path.is_file()] == []


def test_many_threads_publish_and_read_the_same_parts(bucket: str, tmp_path: Path):
    stores = [RemotePartStore(Place(bucket), cache=tmp_path / name) for name in ("one", "two")]
    addresses = [f"{number:02d}" * 32 for number in range(12)]
    wrong: list[str] = []

    def work(store: PartStore) -> None:
        for address in addresses:
            publish(store, address.encode(), address)
            if store.local(address).read_bytes() != address.encode():
                wrong.append(address)

    threads = [threading.Thread(target=work, args=(store,)) for store in stores * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert all(store.has(address) for store in stores for address in addresses)


def test_pruning_removes_copies_and_nothing_stored(bucket: str):
    store = part_store(bucket)
    publish(store, b"losses")
    assert store.prune(frozenset({ADDRESS}), limit_bytes=0) == 6
    assert store.has(ADDRESS)
    assert store.local(ADDRESS).read_bytes() == b"losses"


def result_bytes(out: Path, resources: Resources) -> tuple[dict[str, bytes], int]:
    """Every result file of the demonstration but the record of the run, which holds times; and the chunks reused."""
    files = replace(load_plugins().demonstration("toy-wind"), samples=5)
    analysis, _ = load_analysis(files, load_plugins())
    record = execute(analysis, out, resources, lambda progress: None)
    tables = {path.name: path.read_bytes() for path in out.iterdir() if path.name != "run.json"}
    return tables, record.reused_chunks


def test_parts_in_object_storage_give_the_same_bytes(bucket: str, tmp_path: Path):
    here = Resources(workers=2, memory_bytes=2**32, store=tmp_path / "here", chunks=6, keep_ground_up=True)
    expected, _ = result_bytes(tmp_path / "a", here)
    there = replace(here, store=tmp_path / "there", parts_url=f"{bucket}/parts")
    found, reused = result_bytes(tmp_path / "b", there)
    assert (found, reused) == (expected, 0)
    assert not (tmp_path / "there" / "parts").exists()

    elsewhere = replace(there, store=tmp_path / "elsewhere")
    assert result_bytes(tmp_path / "c", elsewhere) == (expected, 6), "another run finds them"

    place = Place(f"{bucket}/parts")
    names = [entry.name for entry in place.entries() if entry.name.endswith(".part")]
    local = {path.name: path.read_bytes() for path in (tmp_path / "here").rglob("*.part")}
    assert {name.split("/")[1]: place.read(name) for name in names} == local, "the same bytes on a disk"
    place.put_bytes(place.read(names[0])[:-9], names[0])
    place.put_bytes(b"", names[1])
    place.delete(names[2])
    for copy in (tmp_path / "copies").rglob("*.part"):
        copy.unlink()
    assert result_bytes(tmp_path / "d", elsewhere) == (expected, 3), "and makes again those that are damaged"
    assert {name.split("/")[1]: place.read(name) for name in names} == local
