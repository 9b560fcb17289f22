"""Results of an analysis: ORD tables by column and row, the files as they were written, all of them as one archive."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse, Response

from oasis_kernel.formats.result_table import ResultTable, Selection, parse_where
from oasis_kernel.model.results import TABLES
from oasis_kernel.questions.result import Run
from oasis_kernel.service.finished import Finished, finished
from oasis_kernel.service.paging import Listed
from oasis_kernel.service.problems import Responses, answers, not_found, plain
from oasis_kernel.service.table_answers import (
    MEDIA_TYPES,
    TableFormat,
    etag_of,
    file_answer,
    json_answer,
    unchanged,
    zip_answer,
)
from oasis_kernel.service.views import ROOT, RowsView, TableView
from oasis_kernel.store.places import MANIFEST

router = APIRouter(prefix=f"{ROOT}/analyses/{{analysis_id}}", tags=["results"])

MOST_ROWS = 10_000
_BY_STEM = {table.stem: table for table in TABLES.values()}
_SUFFIXES = {
    ".csv": "text/csv; charset=utf-8",
    ".parquet": MEDIA_TYPES[TableFormat.PARQUET],
    ".json": "application/json",
}
_FILE: Responses = {
    200: {"content": {name: {} for name in ("text/csv", MEDIA_TYPES[TableFormat.PARQUET], "application/json")}}
}
_ZIP: Responses = {200: {"content": {"application/zip": {}}}}


@router.get("/results", summary="List the tables", responses=answers(404, 409))
def list_tables(result: Annotated[Finished, Depends(finished)]) -> Listed[TableView]:
    """The tables of a completed analysis: ORD tables, what their summaries stand for, what became of locations."""
    items = [_table_view(result.url, path) for path in _table_files(result.run)]
    return Listed[TableView](items=items, next=None, total=len(items))


@router.get(
    "/results/{table}",
    summary="Rows and columns of a table",
    response_model=RowsView,
    responses=answers(404, 409) | _FILE,
)
def show_table(
    request: Request,
    result: Annotated[Finished, Depends(finished)],
    table: str,
    columns: Annotated[
        str, Query(description="Columns, with commas between; all by default.", examples=["EventId,Loss"])
    ] = "",
    where: Annotated[
        str,
        Query(
            max_length=2000,
            description="COLUMN op VALUE, joined by AND; op is one of = != < <= > >=.",
            examples=["EPType=1 AND ReturnPeriod>=100"],
        ),
    ] = "",
    limit: Annotated[
        int | None, Query(ge=1, description=f"At most so many rows; as JSON 1,000 by default, {MOST_ROWS:,} at most.")
    ] = None,
    offset: Annotated[int, Query(ge=0, le=2**53, description="Leave out so many rows.")] = 0,
    form: Annotated[TableFormat, Query(alias="format")] = TableFormat.JSON,
) -> Response:
    """Rows of a table such as `gul_S1_ept`, in the file's order, without reading the rest of it.

    JSON comes in pages; CSV and Parquet have every row that meets the conditions, unless `limit` says otherwise.
    """
    path = _table_path(result.run, table)
    etag = etag_of(result.tag, table, columns, where, limit, offset, form)
    if (known := unchanged(request, etag)) is not None:
        return known
    names = tuple(name.strip() for name in columns.split(",") if name.strip())
    if form is TableFormat.JSON:
        limit = min(limit or 1000, MOST_ROWS)
    selection = Selection(names, parse_where(where), offset, limit)
    rows = ResultTable(path, path.stem.rpartition("_")[2])
    if form is not TableFormat.JSON:
        return file_answer(rows.selected_schema(selection), rows.batches(selection), form, table, etag)
    return json_answer(_page(request, table, rows, selection), etag)


@router.get("/results.zip", summary="All result files as one", responses=answers(404, 409) | _ZIP)
def download(request: Request, result: Annotated[Finished, Depends(finished)]) -> Response:
    """Every file of the results and the run's record as one archive, sent while it is packed."""
    etag = etag_of(result.tag, "zip")
    if (known := unchanged(request, etag)) is not None:
        return known
    files = [(path.name, path) for path in _files(result.run)]
    return zip_answer(files, result.row.id, result.made, etag)


@router.get("/files/{name}", summary="A result file as it was written", responses=answers(404, 409) | _FILE)
def show_file(request: Request, result: Annotated[Finished, Depends(finished)], name: str) -> Response:
    """The file's own bytes, such as `gul_S1_ept.csv`."""
    there = {path.name: path for path in _files(result.run)}
    if name not in there:
        raise not_found("file", name, f"It has {', '.join(there)}")
    etag = etag_of(result.tag, "file", name)
    if (known := unchanged(request, etag)) is not None:
        return known
    media = _SUFFIXES.get(there[name].suffix, "application/octet-stream")
    return FileResponse(there[name], media_type=media, filename=name, headers={"ETag": etag})


@router.get("/summary", summary="The headline of the results", responses=answers(404, 409))
def show_summary(result: Annotated[Finished, Depends(finished)]) -> dict[str, Any]:
    """Average annual loss by perspective, tables, seconds and findings: what `Run.as_dict()` gives."""
    return plain(result.headline())


def _page(request: Request, name: str, rows: ResultTable, selection: Selection) -> dict[str, Any]:
    found = rows.table(selection)
    total = rows.count(selection.where)
    after = selection.offset + found.num_rows
    more = request.url.include_query_params(offset=after, limit=selection.limit) if after < total else None
    return {
        "table": name,
        "columns": found.column_names,
        "items": found.to_pylist(),
        "total": total,
        "next": f"{more.path}?{more.query}" if more is not None and found.num_rows else None,
    }


def _files(run: Run) -> list[Path]:
    return [run.file(name) for name in run.files if not name.startswith(".") and name != MANIFEST]


def _table_files(run: Run) -> list[Path]:
    return [path for path in _files(run) if path.suffix in (".csv", ".parquet")]


def _table_path(run: Run, table: str) -> Path:
    """The file of a table; Parquet where there are both."""
    there = {path.stem: path for path in _table_files(run)}
    if table not in there:
        raise not_found("table", table, f"It has {', '.join(there) or 'none'}")
    return there[table]


def _table_view(url: str, path: Path) -> TableView:
    perspective, _, rest = path.stem.partition("_")
    found = _BY_STEM.get(path.stem.rpartition("_")[2])
    levels = [part for part in rest.split("_") if part[:1] == "S" and part[1:].isdigit()]
    inuring = [part for part in rest.split("_") if part[:2] == "IP" and part[2:].isdigit()]
    return TableView(
        url=f"{url}/results/{path.stem}",
        name=path.stem,
        file=f"{url}/files/{path.name}",
        perspective=perspective if levels else None,
        level=int(levels[0][1:]) if levels else None,
        inuring_priority=int(inuring[0][2:]) if inuring else None,
        table=found.name if found is not None else None,
        description=found.description if found is not None else _OTHERS.get(path.stem.rpartition("_")[2], ""),
        bytes=path.stat().st_size,
    )


_OTHERS = {
    "summary-info": "what each summary of the level stands for",
    "locations": "what became of each location, and why",
    "reason": "insured value by what became of it",
}
