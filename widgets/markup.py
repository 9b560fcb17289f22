"""HTML that panels show: everything in it that came from outside is escaped, and all of it is readable by ear."""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from oasis_kernel.errors import Finding, Severity
from widgets.style import STYLE
from widgets.words import amount, counted

__all__ = ["STYLE", "copied", "definitions", "findings", "heading", "paragraph", "progress", "table"]

#: Shown without "and so many more" up to this length; a page with thousands of rows is no page.
MOST_ROWS = 200

#: Copies without asking the browser for leave: the text is selected, so that a refusal leaves only Ctrl-C to press.
_COPY = (
    "const code = this.parentNode.querySelector('pre'), said = this.nextElementSibling;"
    "getSelection().selectAllChildren(code);"
    "said.textContent = document.execCommand('copy') ? 'Copied' : 'Selected: press Ctrl+C';"
)


def heading(text: str, level: int = 2) -> str:
    """A heading."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph; ``kind`` is error, warning or note, which is said too, not only coloured."""
    if not kind:
        return f"<p>{escape(text)}</p>"
    return f'<p class="{escape(kind)}"><strong>{escape(kind.capitalize())}:</strong> {escape(text)}</p>'


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], most: int = MOST_ROWS) -> str:
    """A table with a caption and column headers; numbers to the right. Rows after ``most`` are counted, not shown."""
    found = [list(row) for row in rows]
    shown = found[:most]
    numeric = [bool(shown) and all(_is_number(row[k]) for row in shown) for k in range(len(columns))]
    head = "".join(f'<th scope="col"{_class(numeric[k])}>{escape(name)}</th>' for k, name in enumerate(columns))
    body = "".join(
        "<tr>" + "".join(f"<td{_class(numeric[k])}>{_cell(value)}</td>" for k, value in enumerate(row)) + "</tr>"
        for row in shown
    )
    more = paragraph(f"and {counted(len(found) - most, 'more row')}") if len(found) > most else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}"
    )


def definitions(caption: str, values: Mapping[str, Any]) -> str:
    """Names and values as a table of two columns, the names as row headers."""
    numeric = all(_is_number(value) for value in values.values())
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td{_class(numeric)}>{_cell(value)}</td></tr>'
        for name, value in values.items()
    )
    return f"<table><caption>{escape(caption)}</caption><tbody>{rows}</tbody></table>"


def findings(found: Sequence[Finding], none: str = "Nothing to remark.") -> str:
    """Findings, errors first: where, what, the value, and what to do."""
    if not found:
        return paragraph(none)
    order = list(Severity)
    ranked = sorted(found, key=lambda finding: order.index(finding.severity))
    by = {severity: sum(1 for finding in found if finding.severity == severity) for severity in order}
    caption = ", ".join(counted(number, str(severity)) for severity, number in by.items() if number)
    columns = ("Severity", "File", "Row", "Field", "What is wrong", "Value", "What to do")
    return table(caption, columns, [_finding_row(finding) for finding in ranked])


def progress(label: str, done: int, total: int) -> str:
    """A progress bar with its numbers as text."""
    text = f"{done:,} of {total:,}" if total else "starting"
    bar = f'<progress aria-label="{escape(label)}" max="{max(total, 1)}" value="{done}" style="width:100%"></progress>'
    return f"<p>{escape(label)}: {text}</p>{bar}"


def copied(code: str) -> str:
    """Code with a button that copies it."""
    button = f'<button type="button" class="oasis-copy" onclick="{escape(_COPY)}">Copy</button>'
    said = '<span role="status" class="oasis-said"></span>'
    return f'<div>{button}{said}<pre class="oasis-code" tabindex="0">{escape(code)}</pre></div>'


def _finding_row(finding: Finding) -> tuple[Any, ...]:
    row = "" if finding.row is None else str(finding.row)
    value = "" if finding.value is None else str(finding.value)
    severity = str(finding.severity)
    return (severity, finding.file, row, finding.field or "", finding.message, value, finding.remedy)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _class(numeric: bool) -> str:
    return ' class="number"' if numeric else ""


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "—"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 100 and value % 1 else amount(value)
    if _is_number(value):
        return f"{value:,}"
    return escape(str(value))
