"""Which footprint format a folder holds: the first complete one in the standard's order."""

from collections.abc import Callable
from typing import NamedTuple

from oasis_kernel.errors import InvalidInput
from oasis_kernel.formats.model_data.folder import ModelFolder, spellings
from oasis_kernel.formats.model_data.footprint_binary import BinaryHazard, ZippedHazard
from oasis_kernel.formats.model_data.footprint_dynamic import DynamicHazard
from oasis_kernel.formats.model_data.footprint_rows import StaticHazard
from oasis_kernel.formats.model_data.footprint_table import ChunkedParquetHazard, CsvHazard, EventParquetHazard
from oasis_kernel.model.vendor import ModelChoice

META = "footprint_parquet_meta.json"


class _Format(NamedTuple):
    files: tuple[str, ...]
    opened: Callable[[ModelFolder, list[str], bool | None], StaticHazard]


_STATIC = (
    _Format(
        ("footprint_chunk", "footprint_lookup.parquet", META),
        lambda folder, names, _: ChunkedParquetHazard(folder, *names),
    ),
    _Format(("footprint.parquet", META), lambda folder, names, _: EventParquetHazard(folder, *names)),
    _Format(
        ("footprint.bin.z", "footprint.idx.z"),
        lambda folder, names, wide: ZippedHazard(folder, names[0], names[1], wide),
    ),
    _Format(
        ("footprint.bin", "footprint.idx"), lambda folder, names, wide: BinaryHazard(folder, names[0], names[1], wide)
    ),
    _Format(("footprint.csv",), lambda folder, names, _: CsvHazard(folder, *names)),
)


def open_hazard(folder: ModelFolder, choice: ModelChoice, wide: bool | None = None) -> StaticHazard | DynamicHazard:
    """The folder's footprint: chunked Parquet, Parquet by event, zipped, binary, csv, dynamic, in this order.

    A format counts when all its files are there and none of their last suffixes is in ``ignore_file_type``.
    ``choice.dynamic_footprint`` asks for the dynamic one. ``wide`` states that area perils have 8 bytes; None: told
    by the files. Raises ``InvalidInput`` when no format is complete, or the files cannot be used.
    """
    found = None if choice.dynamic_footprint else _static(folder, choice, wide)
    return found or _dynamic(folder, choice)


def _static(folder: ModelFolder, choice: ModelChoice, wide: bool | None) -> StaticHazard | None:
    for form in _STATIC:
        names = _names(folder, choice, form.files)
        if len(names) == len(form.files):
            return form.opened(folder, names, wide)
    return None


def _names(folder: ModelFolder, choice: ModelChoice, files: tuple[str, ...]) -> list[str]:
    """Those of the files that are there and not to be ignored, all in the same spelling of the footprint set."""
    found: list[str] = []
    for names in zip(*(spellings(name, choice.footprint_set) for name in files), strict=True):
        there = [n for n in names if n in folder.names and n.rsplit(".", 1)[-1] not in choice.ignore_file_type]
        found = max(found, there, key=len)
    return found


def _dynamic(folder: ModelFolder, choice: ModelChoice) -> DynamicHazard:
    definition = folder.find("event_definition.parquet", choice.footprint_set)
    hazard_case = folder.find("hazard_case.parquet", choice.hazard_case_set or choice.footprint_set)
    meta = folder.find(META, choice.footprint_set)
    usable = "parquet" not in choice.ignore_file_type and "json" not in choice.ignore_file_type
    if usable and definition and hazard_case and meta:
        return DynamicHazard(folder, definition, hazard_case, meta)
    raise _nothing_found(folder, choice)


def _nothing_found(folder: ModelFolder, choice: ModelChoice) -> InvalidInput:
    """The error that names the missing half of a format that is half there, or else all that was looked for."""
    formats: list[tuple[str, ...]] = [("event_definition.parquet", "hazard_case.parquet", META)]
    if not choice.dynamic_footprint:
        formats = [*(form.files for form in reversed(_STATIC)), *formats]
    variant = f" of footprint_set {choice.footprint_set!r}" if choice.footprint_set else ""
    ignored = f" without the ignored {', '.join(sorted(choice.ignore_file_type))}" if choice.ignore_file_type else ""
    for files in formats:
        there = _names(folder, choice, files)
        if there and there != [META]:
            absent = [name for name in files if not _names(folder, choice, (name,))]
            wanted = [spelling for name in absent for spelling in spellings(name, choice.footprint_set)]
            return folder.missing(f"other part of {there[0]}{ignored}", wanted, "footprint")
    wanted = [" with ".join(spellings(name, choice.footprint_set)[0] for name in files) for files in formats]
    return folder.missing(f"footprint{variant}{ignored}", wanted, "footprint")
