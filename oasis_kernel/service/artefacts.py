"""What the service keeps: portfolios, work orders and results, on a disk or in object storage, by address."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from oasis_kernel.store.places import Entry, Place


@dataclass(frozen=True)
class Group:
    """Files that live and go together: those of one run, upload or portfolio."""

    name: str
    bytes: int
    modified: float  # of the youngest of them


class Artefacts(Place):
    """The service's place for files (``ServiceSettings.storage_url``), asked by the addresses that the database keeps.

    An address that does not lie in this place is refused: OasisError.
    """

    def open_url(self, url: str) -> IO[bytes]:
        """The file at an address, opened for reading; FileNotFoundError when it is not there."""
        return self.open(self.name_of(url))

    def local_url(self, url: str, sha256: str = "") -> Path:
        """The file at an address as one on this machine, compared with its checksum when it had to be copied."""
        return self.local(self.name_of(url), sha256)

    def folder_of(self, url: str) -> Path:
        """The stored folder at an address as one on this machine, compared with its manifest when copied."""
        return self.local_folder(self.name_of(url))

    def delete_url(self, url: str) -> int:
        """Remove the file or folder at an address; returns how many files went."""
        return self.delete(self.name_of(url))

    def groups(self, kinds: Iterable[str]) -> list[Group]:
        """The groups of some kinds, oldest first: ``results/01J...`` is a group of the kind ``results``."""
        found: dict[str, list[Entry]] = {}
        for kind in kinds:
            for entry in self.entries(kind):
                found.setdefault("/".join(entry.name.split("/")[:2]), []).append(entry)
        groups = [
            Group(name, sum(entry.bytes for entry in entries), max(entry.modified for entry in entries))
            for name, entries in found.items()
        ]
        return sorted(groups, key=lambda group: (group.modified, group.name))

    def collect(
        self,
        kinds: Iterable[str],
        keep: Collection[str],
        now: datetime,
        *,
        unused_for: timedelta,
        limit_bytes: int | None = None,
    ) -> list[Group]:
        """Remove groups that are not to ``keep`` (by name): those unused for so long, then the oldest of the others.

        The oldest go until everything of these kinds fits ``limit_bytes``; what is younger than an hour stays, since
        its row may not be in the database yet. Returns what went. Copies on this machine are pruned as well.
        """
        groups = self.groups(kinds)
        excess = 0 if limit_bytes is None else sum(group.bytes for group in groups) - limit_bytes
        gone = []
        for group in groups:
            age = now.timestamp() - group.modified
            if group.name in keep or age < _YOUNG.total_seconds():
                continue
            if age > unused_for.total_seconds() or excess > 0:
                self.delete(group.name)
                excess -= group.bytes
                gone.append(group)
        self.copies.prune()
        return gone


_YOUNG = timedelta(hours=1)
