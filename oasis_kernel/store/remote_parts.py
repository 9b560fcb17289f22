"""Parts in object storage: shared by every machine of a cluster, and copied to the one that reads them."""

import hashlib
import json
import math
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oasis_kernel.errors import DamagedFile, DamagedPart
from oasis_kernel.store.copies import default_cache
from oasis_kernel.store.parts import DEFAULT_LIMIT_BYTES, PartStore
from oasis_kernel.store.places import Place, Stored

#: Ends the name of a part's receipt: the checksum and size of the part, written after it.
RECEIPT = ".receipt"
_PART_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}\.")


class RemotePartStore(PartStore):
    """Parts under an address such as ``s3://bucket/parts``; the folder of a PartStore holds the copies of them.

    A part is there when its receipt is. Publishing the same bytes twice writes nothing the second time, so that two
    workers with the same chunk do not disturb each other's readers.
    """

    def __init__(self, place: Place, suffix: str = ".part", cache: Path | None = None):
        folder = hashlib.sha256(place.url.encode()).hexdigest()[:16]
        super().__init__((cache or default_cache()) / "parts" / folder, suffix)
        self.place = place

    def has(self, address: str) -> bool:
        """Whether the part is there."""
        return self.place.exists(self._receipt_name(address))

    def local(self, address: str) -> Path:
        """A copy of the part on this machine, compared with its receipt.

        DamagedPart when it is another, and then it is discarded, or gone.
        """
        copy = self.path(address)
        try:
            receipt = self._receipt(address)
            if not copy.is_file() or copy.stat().st_size != receipt.bytes:
                with super().publishing(address) as temporary:
                    self.place.fetch(self._name(address), temporary, receipt.sha256)
        except FileNotFoundError as error:
            raise DamagedPart(f"part {address} must be in {self.place.url}, and is gone. Resume the run") from error
        except DamagedFile as error:
            self.discard(address)
            raise DamagedPart(f"{error}. Resume the run") from error
        return copy

    @contextmanager
    def publishing(self, address: str) -> Iterator[Path]:
        """A temporary file that is stored under its address when the block ends well, and vanishes otherwise."""
        with super().publishing(address) as temporary:
            yield temporary
            self._store(temporary, address)

    def discard(self, address: str) -> None:
        """Forget a part and the copy of it."""
        self.place.delete(self._receipt_name(address))
        self.place.delete(self._name(address))
        super().discard(address)

    def prune(
        self, keep: frozenset[str], limit_bytes: int = DEFAULT_LIMIT_BYTES, unused_seconds: float = math.inf
    ) -> int:
        """Remove the longest unused copies from this machine; what is stored belongs to others too, and stays."""
        return super().prune(frozenset(), limit_bytes, unused_seconds)

    def _store(self, file: Path, address: str) -> None:
        """The part, then its receipt; nothing when both are there already and say the same."""
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = file.stat().st_size
        if self._stored_already(address, digest, size):
            return
        self.place.put_file(file, self._name(address))
        self.place.put_bytes(json.dumps({"sha256": digest, "bytes": size}).encode(), self._receipt_name(address))

    def _stored_already(self, address: str, digest: str, size: int) -> bool:
        try:
            receipt = self._receipt(address)
            return (receipt.sha256, receipt.bytes) == (digest, size) == (digest, self.place.size(self._name(address)))
        except (FileNotFoundError, DamagedFile):
            return False

    def _receipt(self, address: str) -> Stored:
        name = self._receipt_name(address)
        try:
            found = json.loads(self.place.read(name))
            return Stored(self.place.url_of(self._name(address)), str(found["sha256"]), int(found["bytes"]))
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedFile(f"{self.place.url_of(name)} must be the receipt of a part: {error}") from error

    def _name(self, address: str) -> str:
        return f"{address[:2]}/{address}{self.suffix}"

    def _receipt_name(self, address: str) -> str:
        return self._name(address) + RECEIPT


def part_store(url: str | Path, suffix: str = ".part", cache: Path | None = None) -> PartStore:
    """The parts under a folder or an address: used in place on this machine, copied from anywhere else."""
    place = Place(url)
    return PartStore(place.root, suffix) if place.root is not None else RemotePartStore(place, suffix, cache)


def collect_parts(place: Place, limit_bytes: int, young_seconds: float = 24 * 3600.0) -> int:
    """Remove the parts that were written longest ago from object storage until the others fit; returns bytes freed.

    Those of the last day stay, whatever they take: runs that are under way may be about to read them.
    """
    entries = [entry for entry in place.entries() if _PART_NAME.match(entry.name)]
    excess, freed = sum(entry.bytes for entry in entries) - limit_bytes, 0
    before = time.time() - young_seconds
    for entry in sorted(entries, key=lambda entry: entry.modified):
        if freed >= excess or entry.modified > before:
            break
        if not entry.name.endswith(RECEIPT):
            place.delete(entry.name + RECEIPT)  # first: a part without one is not there
            place.delete(entry.name)
            freed += entry.bytes
    return freed
