"""HTML that panels show: everything in it that came from outside is escaped, and all of it is readable by ear."""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from oasis_kernel.errors import Finding, Severity
from widgets.words import amount, counted

#: Shown without "and so many more" up to this length; a page with thousands of rows is no page.
MOST_ROWS = 200

#: Colours have at least 4.5:1 contrast on white, and never speak alone: each mark has its word.
STYLE = """<style>
.oasis-panel table {border-collapse: collapse; margin: .4em 0; font-variant-numeric: tabular-nums}
.oasis-panel caption {text-align: left; font-weight: 600; padding: .2em 0}
.oasis-panel th, .oasis-panel td {border-bottom: 1px solid #c8c8c8; padding: .2em .7em; line-height: 1.4}
.oasis-panel th, .oasis-panel td {text-align: left}
.oasis-panel table td.number, .oasis-panel table th.number {text-align: right}
.oasis-panel h2 {font-size: 1.2em; margin: .6em 0 .2em}
.oasis-panel h3 {font-size: 1.05em; margin: .5em 0 .2em}
.oasis-panel p {margin: .3em 0; line-height: 1.45}
.oasis-panel .error {color: #a4161a} .oasis-panel .warning {color: #7a4b00} .oasis-panel .note {color: #1f4e79}
.oasis-panel .scroll {overflow-x: auto; max-width: 100%}
.oasis-panel :focus-visible {outline: 3px solid #1f4e79; outline-offset: 2px}
</style>"""


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
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td{_class(_is_number(value))}>{_cell(value)}</td></tr>'
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
