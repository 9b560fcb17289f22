"""Write model data in the standard's other formats: footprints and vulnerabilities as Parquet, any table as csv."""

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from oasis_kernel.formats.model_data import tables
from oasis_kernel.formats.model_data.publish import published
from oasis_kernel.formats.model_data.tables import Records
from oasis_kernel.formats.model_data.write import footprint_rows
from oasis_kernel.model.hazard import Footprint, Vulnerability


def write_csv(path: Path, records: Records) -> None:
    """Write the csv twin of any table: its fields as header, floats with all their digits."""
    columns = {name: np.ascontiguousarray(records[name]) for name in records.dtype.names or ()}
    with published(Path(path)) as temporary:
        csv.write_csv(pa.table(columns), temporary, csv.WriteOptions(quoting_style="none", quoting_header="none"))


def footprint_table(footprint: Footprint, wide: bool = False) -> Records:
    """The footprint as records of ``footprint.csv``: every row led by its event."""
    rows = footprint_rows(footprint, wide)
    listed = np.empty(len(rows), dtype=tables.footprint_table_row(wide))
    listed["event_id"] = np.repeat(footprint.event_id, np.diff(footprint.offsets))
    for name in rows.dtype.names or ():
        listed[name] = rows[name]
    return listed


def write_event_parquet(directory: Path, footprint: Footprint, num_intensity_bins: int) -> None:
    """Write ``footprint.parquet/event_id=N`` and its meta data; events without rows have no folder."""
    table = _arrow(footprint)
    with _published_folder(Path(directory) / "footprint.parquet") as folder:
        for event, start, stop in zip(footprint.event_id, footprint.offsets[:-1], footprint.offsets[1:], strict=True):
            if stop > start:
                inside = folder / f"event_id={event}"
                inside.mkdir()
                rows = table.slice(start, stop - start).drop_columns(["event_id"])
                pq.write_table(rows, inside / "part_0.parquet", compression="BROTLI")
    _write_meta(Path(directory) / "footprint_parquet_meta.json", num_intensity_bins)


def write_chunked_parquet(
    directory: Path, footprint: Footprint, num_intensity_bins: int, rows_per_chunk: int = 500_000
) -> None:
    """Write ``footprint_chunk/footprint_K.parquet``, ``footprint_lookup.parquet`` and the meta data.

    Events are ordered by their lowest area peril, and a chunk is closed at the first event that reaches
    ``rows_per_chunk``.
    """
    table = _arrow(footprint)
    held = np.flatnonzero(np.diff(footprint.offsets) > 0)
    start, stop = footprint.offsets[held], footprint.offsets[held + 1]
    areaperil = footprint.areaperil_id
    lowest = np.minimum.reduceat(areaperil, start) if len(held) else areaperil[:0]
    highest = np.maximum.reduceat(areaperil, start) if len(held) else areaperil[:0]
    order = np.argsort(lowest, kind="stable")
    before = np.cumsum((stop - start)[order]) - (stop - start)[order]
    partition = before // rows_per_chunk + 1
    with _published_folder(Path(directory) / "footprint_chunk") as folder:
        for chunk in np.unique(partition):
            events = order[partition == chunk]
            rows = pa.concat_tables([table.slice(start[e], stop[e] - start[e]) for e in events])
            pq.write_table(rows, folder / f"footprint_{chunk}.parquet", compression="BROTLI")
    lookup = {
        "event_id": footprint.event_id[held][order],
        "partition": partition,
        "min_areaperil_id": lowest[order],
        "max_areaperil_id": highest[order],
    }
    with published(Path(directory) / "footprint_lookup.parquet") as temporary:
        pq.write_table(pa.table(lookup), temporary)
    _write_meta(Path(directory) / "footprint_parquet_meta.json", num_intensity_bins)


def write_vulnerability_parquet(directory: Path, vulnerability: Vulnerability, functions_per_part: int = 1000) -> None:
    """Write ``vulnerability_dataset.parquet`` and its meta data: each function flattened damage bin by damage bin."""
    count, intensity, damage = vulnerability.probability.shape
    with _published_folder(Path(directory) / "vulnerability_dataset.parquet") as folder:
        for part, first in enumerate(range(0, max(count, 1), functions_per_part)):
            values = vulnerability.probability[first : first + functions_per_part].transpose(0, 2, 1)
            flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).reshape(-1))
            rows = {
                "vulnerability_id": vulnerability.vulnerability_id[first : first + functions_per_part],
                "vuln_array": pa.FixedSizeListArray.from_arrays(flat, intensity * damage),
            }
            pq.write_table(pa.table(rows), folder / f"part_{part}.parquet")
    meta = {"num_vulnerability_id": count, "num_intensity_bins": intensity, "num_damage_bins": damage}
    _write_json(Path(directory) / "vulnerability_parquet_meta.json", meta)


def _arrow(footprint: Footprint) -> pa.Table:
    return pa.table(
        {
            "areaperil_id": footprint.areaperil_id,
            "intensity_bin_id": footprint.intensity_bin,
            "probability": footprint.probability,
            "event_id": np.repeat(footprint.event_id, np.diff(footprint.offsets)),
        }
    )


def _write_meta(path: Path, num_intensity_bins: int) -> None:
    _write_json(path, {"num_intensity_bins": num_intensity_bins, "has_intensity_uncertainty": True})


def _write_json(path: Path, content: dict[str, int | bool]) -> None:
    with published(path) as temporary:
        temporary.write_text(json.dumps(content))


@contextmanager
def _published_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of ``path`` when the block ends well."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
