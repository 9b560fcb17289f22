"""A model's folder, on a disk or behind any fsspec address: which files it has, and their bytes."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from oasis_kernel.errors import Finding, InvalidInput
from oasis_kernel.formats.model_data.tables import Records
from oasis_kernel.model.exposure import Int64

Bytes = npt.NDArray[np.uint8]

#: Missing names are listed with what is there instead, but not with thousands of it.
_NAMES_SHOWN = 12


class ModelFolder:
    """The files of one model. Local files are memory-mapped, others are read; safe to use from several threads.

    Raises ``InvalidInput`` when the folder is not there.
    """

    def __init__(self, directory: str | Path):
        self.file_system, root = fsspec.core.url_to_fs(str(directory))
        self.root: str = root.rstrip("/")
        self.is_local = isinstance(self.file_system, LocalFileSystem)
        if not self.file_system.isdir(self.root):
            raise InvalidInput(
                Finding(
                    file=str(directory),
                    message="is not a folder",
                    rule="model data folder",
                    remedy="Give the folder that holds the model's files (footprint, vulnerability, ...)",
                )
            )
        self.names = frozenset(self.list_names(""))

    def list_names(self, folder: str) -> list[str]:
        """The names directly inside a sub-folder, sorted; '' is the model folder itself."""
        path = self.path(folder) if folder else self.root
        return sorted(str(entry).rstrip("/").rsplit("/", 1)[-1] for entry in self.file_system.ls(path, detail=False))

    def path(self, name: str) -> str:
        """The full path of a name, for the folder's file system."""
        return f"{self.root}/{name}"

    def is_folder(self, name: str) -> bool:
        """Whether the name is a sub-folder."""
        return bool(self.file_system.isdir(self.path(name)))

    def find(self, name: str, variant: str = "") -> str | None:
        """The name under which a file (or sub-folder) is here, in the wanted variant; None when it is not."""
        return next((candidate for candidate in spellings(name, variant) if candidate in self.names), None)

    def missing(self, what: str, wanted: Iterable[str], rule: str, remedy: str = "") -> InvalidInput:
        """The error that says which files were looked for, and what is here under a similar name."""
        names = list(wanted)
        stems = {name.split(".", 1)[0].split("_", 1)[0] for name in names}
        similar = [name for name in sorted(self.names) if name.split(".", 1)[0].split("_", 1)[0] in stems]
        here = f"Found {', '.join(similar[:_NAMES_SHOWN])}" if similar else "Found nothing of that name"
        return InvalidInput(
            Finding(
                file=names[0],
                message=f"is missing: the {what} was looked for as {', '.join(names)} in {self.root}",
                rule=rule,
                remedy=f"{here}; {remedy or 'add the file, or choose another variant'}",
            )
        )

    def read(self, name: str) -> Bytes:
        """All bytes of a file: mapped when local, read when remote. An empty file is refused."""
        if self.is_local:
            path = Path(self.path(name))
            size = path.stat().st_size
            content: Bytes = np.asarray(np.memmap(path, dtype=np.uint8, mode="r")) if size else np.empty(0, np.uint8)
        else:
            content = np.frombuffer(self.file_system.cat_file(self.path(name)), dtype=np.uint8)
        if len(content) == 0:
            raise InvalidInput(
                Finding(file=name, message="is empty", rule="not empty", remedy="Copy the file again, or remove it")
            )
        return content

    def size(self, name: str) -> int:
        """The size of a file, bytes."""
        return int(self.file_system.size(self.path(name)))

    def ranges(self, name: str) -> "ByteRanges":
        """Access to pieces of a file that may be too large to read whole."""
        return ByteRanges(self, name)

    def records(self, name: str, dtype: np.dtype[np.void]) -> Records:
        """A headerless file of records."""
        return as_records(self.read(name), dtype, name)

    def json(self, name: str) -> dict[str, Any]:
        """A JSON object."""
        try:
            content = json.loads(self.read(name).tobytes())
        except ValueError as error:
            raise InvalidInput(
                Finding(file=name, message=f"is not JSON: {error}", rule="JSON", remedy="Write the file again")
            ) from error
        if not isinstance(content, dict):
            raise InvalidInput(Finding(file=name, message="must be a JSON object", rule="JSON"))
        return content

    def parquet(self, name: str, columns: Sequence[str], filters: Any = None) -> pa.Table:
        """Columns of a Parquet file, or of a folder of them (``key=value`` folders become columns)."""
        try:
            return pq.read_table(
                self.path(name),
                columns=list(columns),
                filters=filters,
                filesystem=self.file_system,
                partitioning="hive",
            )
        except (pa.ArrowException, OSError) as error:
            raise InvalidInput(
                Finding(
                    file=name,
                    message=f"cannot be read as Parquet with columns {', '.join(columns)}: {error}",
                    rule="Parquet",
                    remedy="Write the file again with these columns",
                )
            ) from error


class ByteRanges:
    """Pieces of one file: views of the map when it is local, requests for just those bytes when it is remote."""

    def __init__(self, folder: ModelFolder, name: str):
        self._folder = folder
        self._mapped = folder.read(name) if folder.is_local else None
        self.name = name
        self.size = len(self._mapped) if self._mapped is not None else folder.size(name)

    def read(self, starts: Int64, stops: Int64) -> list[Bytes]:
        """The bytes of each range, which must lie inside the file."""
        if self._mapped is not None:
            return [self._mapped[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
        path = self._folder.path(self.name)
        pieces = self._folder.file_system.cat_ranges(
            [path] * len(starts), starts.tolist(), stops.tolist(), on_error="raise"
        )
        return [np.frombuffer(piece, dtype=np.uint8) for piece in pieces]


def spellings(name: str, variant: str) -> list[str]:
    """The names a variant may have: as written first, then in lower case with underscores for spaces."""
    if not variant:
        return [name]
    stem, dot, extension = name.partition(".")
    written = f"{stem}_{variant}{dot}{extension}"
    plain = f"{stem}_{variant.replace(' ', '_').lower()}{dot}{extension}"
    return [written] if written == plain else [written, plain]


def as_records(content: Bytes, dtype: np.dtype[np.void], name: str, header: int = 0) -> Records:
    """The records after ``header`` bytes; a size that is not whole records is refused as truncated."""
    if len(content) < header or (len(content) - header) % dtype.itemsize:
        after = f" after its header of {header} bytes" if header else ""
        raise InvalidInput(
            Finding(
                file=name,
                message=f"must hold whole records of {dtype.itemsize} bytes{after}; the file is truncated",
                field="size",
                value=len(content),
                rule="whole records",
                remedy=f"Copy the file again; its records are {', '.join(dtype.names or ())}",
            )
        )
    return content[header:].view(dtype)
