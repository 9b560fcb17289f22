"""The page ``/docs``: every call of the service, made from its OpenAPI description. It loads nothing from elsewhere."""

from collections.abc import Iterator, Mapping
from html import escape
from itertools import groupby
from typing import Any

#: Browsers are told to load nothing at all; the page's own style is the one exception.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
       color: #1a1a1a; background: #fff; }
h2 { margin: 2.5rem 0 .5rem; text-transform: capitalize; }
summary { padding: .35rem 0; cursor: pointer; }
code { font: 14px/1.4 ui-monospace, monospace; }
.verb { display: inline-block; min-width: 4.5rem; font-weight: 600; }
table { border-collapse: collapse; margin: .5rem 0 1rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #ddd; }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #16181c; } th, td { border-color: #444; } }
"""

Operation = tuple[str, str, str, Mapping[str, Any]]  # resource, path, verb, description


def reference_page(description: Mapping[str, Any]) -> str:
    """The page as HTML; ``description`` is the service's OpenAPI description."""
    title = escape(f"{description['info']['title']} {description['info']['version']}")
    groups = groupby(sorted(_operations(description), key=lambda each: each[0]), key=lambda each: each[0])
    body = "".join(_resource(name, list(operations)) for name, operations in groups)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><main><h1>{title}</h1>{_paragraphs(description['info'].get('description', ''))}"
        f'<p>The whole description, for programs: <a href="/v1/openapi.json">/v1/openapi.json</a>.</p>{body}'
        "</main></body></html>"
    )


def _operations(description: Mapping[str, Any]) -> Iterator[Operation]:
    for path, verbs in description["paths"].items():
        for verb, operation in verbs.items():
            yield (operation.get("tags") or ["service"])[0], path, verb.upper(), operation


def _resource(name: str, operations: list[Operation]) -> str:
    return f"<section><h2>{escape(name)}</h2>{''.join(map(_operation, operations))}</section>"


def _operation(operation: Operation) -> str:
    _, path, verb, described = operation
    return (
        f'<details><summary><code><span class="verb">{verb}</span> {escape(path)}</code> '
        f"{escape(described.get('summary', ''))}</summary>{_paragraphs(described.get('description', ''))}"
        f"{_table('Takes', _taken(described))}{_table('Answers', _answers(described))}</details>"
    )


def _taken(described: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for parameter in described.get("parameters", ()):
        said = parameter.get("description") or parameter.get("schema", {}).get("description", "")
        needed = ", required" if parameter.get("required") else ""
        yield parameter["name"], f"{parameter['in']}{needed}. {said}"
    for kind, content in described.get("requestBody", {}).get("content", {}).items():
        yield "body", f"{kind} {_named(content)}"


def _answers(described: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for status, answer in described.get("responses", {}).items():
        kinds = "; ".join(f"{kind} {_named(content)}" for kind, content in answer.get("content", {}).items())
        yield status, f"{answer.get('description', '')}. {kinds}"


def _named(content: Mapping[str, Any]) -> str:
    """The name of the schema of a body, where it has one."""
    return str(content.get("schema", {}).get("$ref", "")).rpartition("/")[2]


def _table(caption: str, rows: Iterator[tuple[str, str]]) -> str:
    lines = [f"<tr><th scope='row'><code>{escape(name)}</code></th><td>{escape(said)}</td></tr>" for name, said in rows]
    return f"<table><caption>{caption}</caption>{''.join(lines)}</table>" if lines else ""


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(part.strip())}</p>" for part in text.split("\n\n") if part.strip())
