"""Tables in the documentation that are the code's own words: ``python tests/docs/reference_tables.py`` writes them.

A page holds ``<!-- table: NAME -->`` and ``<!-- end -->``; what stands between is replaced. A test compares.
"""

import re
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from fastapi.routing import APIRoute
from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo

from oasis_kernel.model.engine import EngineOptions
from oasis_kernel.model.results import TABLES
from oasis_kernel.model.settings import AnalysisSettings, ModelSettings, OrdOutput, SummaryRequest
from oasis_kernel.plugins.conformance import CHECKS
from oasis_kernel.service.routes import ROUTERS
from oasis_kernel.service.settings import ServiceSettings

DOCS = Path(__file__).resolve().parents[2] / "docs"
MARK = re.compile(r"(<!-- table: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def ord_tables() -> str:
    """Every ORD table: name, file, columns, meaning."""
    rows = (
        (f"{table.name}", f"`{table.stem}`", table.description, "yes" if table.needs_occurrence else "no")
        for table in TABLES.values()
    )
    return markdown(("table", "in the file's name", "what it holds", "needs occurrences"), rows)


def ord_columns() -> str:
    """Every column of every ORD table, once."""
    columns: dict[str, tuple[str, list[str]]] = {}
    for table in TABLES.values():
        for column in table.columns:
            columns.setdefault(column.name, (column.description, []))[1].append(table.name)
    rows = ((f"`{name}`", meaning, ", ".join(used)) for name, (meaning, used) in columns.items())
    return markdown(("column", "meaning", "in"), rows)


def settings_table(model: type[BaseModel]) -> Callable[[], str]:
    """A function that gives the fields of one part of the settings."""

    def table() -> str:
        rows = (
            (f"`{_name(name, field)}`", _kind(field), _default(field), field.description or "")
            for name, field in model.model_fields.items()
        )
        return markdown(("setting", "type", "default", "meaning"), rows)

    return table


def conformance_checks() -> str:
    """Every check of the conformance suite."""
    rows = ((f"`{check.__name__}`", " ".join((check.__doc__ or "").split())) for check in CHECKS)
    return markdown(("check", "what must hold"), rows)


def rest_routes() -> str:
    """Every call of the REST service: method, path, what it is for."""
    routes = (route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute))
    rows = (
        (f"`{', '.join(sorted(route.methods))}`", f"`{route.path.replace(':path', '')}`", route.summary or "")
        for route in routes
    )
    return markdown(("method", "path", "what it is for"), rows)


TABLE_MAKERS: dict[str, Callable[[], str]] = {
    "ord-tables": ord_tables,
    "ord-columns": ord_columns,
    "analysis-settings": settings_table(AnalysisSettings),
    "summary-request": settings_table(SummaryRequest),
    "ord-output": settings_table(OrdOutput),
    "model-settings": settings_table(ModelSettings),
    "engine-options": settings_table(EngineOptions),
    "conformance": conformance_checks,
    "rest-routes": rest_routes,
    "service-settings": settings_table(ServiceSettings),
}


def markdown(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def with_tables(text: str) -> str:
    """A page with its tables as the code says they are."""
    return MARK.sub(lambda found: f"{found[1]}{TABLE_MAKERS[found['name']]()}{found[3]}", text)


def _name(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else name


def _kind(field: FieldInfo) -> str:
    return _spoken(field.annotation)


def _spoken(kind: Any) -> str:
    simple = {bool: "true/false", int: "whole number", float: "number", str: "text", Path: "path", type(None): "null"}
    if kind in simple:
        return simple[kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return ", ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in arguments)
    if origin is typing.Annotated:
        return _spoken(arguments[0])
    if origin is tuple:
        return f"list of {_spoken(arguments[0])}"
    if origin is dict:
        return "object"
    if arguments:
        return _spoken(next(argument for argument in arguments if argument is not type(None)))
    return "object"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default if field.default_factory is None else None
    if isinstance(value, BaseModel) or value in ((), {}, None, ""):
        return ""
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value)
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def main() -> None:
    """Write the tables into the pages."""
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        page.write_text(with_tables(text), encoding="utf-8")


if __name__ == "__main__":
    main()
