"""How ``oasis exposure`` looks in a terminal."""

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from oasis_kernel.cli.view import out
from oasis_kernel.questions.exposure_losses import LOSS_FACTOR, LOSSES

if TYPE_CHECKING:
    from oasis_kernel.questions.exposure_losses import ExposureLosses

AMOUNTS = {"tiv": "value", **LOSSES, "recovery": "recovery"}
#: What people call the other columns.
NAMES = {
    "PortNumber": "portfolio",
    "AccNumber": "account",
    "PolNumber": "policy",
    "LayerNumber": "layer",
    "LocNumber": "location",
    "coverage_type_id": "coverage",
    "peril_id": "peril",
    "building_id": "building",
    "InuringPriority": "priority",
    "RiskLevel": "risk level",
    "ReinsNumber": "contract",
    "ReinsType": "type",
}
#: Losses are float32: from here on they have no cents to show.
WHOLE_ABOVE = 100_000.0
WIDEST = 10_000  # no table is


def print_exposure(result: "ExposureLosses", level: str | None, rows: int) -> None:
    """The losses by loss factor: at one level, or by location, layer and contract; with totals."""
    levels = [level] if level else [name for name in ("location", "layer") if name in result.levels]
    currency = f"; amounts in {result.currency}" if result.currency else ""
    out.print(f"Perils: {', '.join(result.perils)}{currency}", highlight=False)
    tables = {name: result.table(name) for name in levels}
    totals = result.totals
    for number, factor in enumerate(result.factors):
        lost = f"{factor:.6g} of every value lost"
        for name, table in tables.items():
            _print(_view(f"By {name}, {lost}", _of_factor(table, factor), rows, totals.slice(number, 1)))
        contracts = _of_factor(result.contracts, factor)
        if contracts.num_rows and level is None:
            _print(_view(f"By contract, {lost}", contracts, rows))


def _print(view: Table) -> None:
    """A table at its full width: amounts stay whole, also where the terminal is narrow."""
    width = Measurement.get(out, out.options.update(width=WIDEST), view).maximum
    Console(width=max(out.width, width)).print(view)


def _of_factor(table: pa.Table, factor: float) -> pa.Table:
    return table.filter(pc.equal(table[LOSS_FACTOR], factor)).drop_columns([LOSS_FACTOR])


def _view(title: str, table: pa.Table, rows: int, total: pa.Table | None = None) -> Table:
    """A table with its totals below, and how many rows are not shown."""
    more = table.num_rows - rows
    caption = f"{more:,} more rows; --rows N shows more, --out FILE writes all" if more > 0 else None
    view = Table(title=title, title_justify="left", caption=caption, caption_justify="left", show_footer=bool(total))
    decimals = _decimals(table)
    for position, name in enumerate(table.column_names):
        amount = name in AMOUNTS
        footer = f"{total[name][0].as_py():,.{decimals}f}" if total and amount else "" if position else "total"
        heading = AMOUNTS.get(name, NAMES.get(name, name))
        view.add_column(heading, footer, justify="right" if amount else "left", no_wrap=True)
    for row in table.slice(0, rows).to_pylist():
        view.add_row(*[_cell(name, value, decimals) for name, value in row.items()])
    return view


def _decimals(table: pa.Table) -> int:
    """No decimals where every amount is whole or some are large, else two."""
    amounts = [table[name] for name in AMOUNTS if name in table.column_names]
    whole = all(pc.all(pc.equal(column, pc.round(column))).as_py() for column in amounts)
    return 0 if whole or any((pc.max(column).as_py() or 0) >= WHOLE_ABOVE for column in amounts) else 2


def _cell(name: str, value: object, decimals: int) -> str:
    if value is None:
        return ""
    return f"{value:,.{decimals}f}" if name in AMOUNTS else escape(str(value))


def print_explanation(result: "ExposureLosses") -> None:
    """The programme in words, and what each term took, account by account."""
    out.print("\nThe programme", style="bold")
    out.print(result.programme, highlight=False, markup=False, soft_wrap=True)
    for factor in result.factors:
        terms = _of_factor(result.terms, factor)
        account: tuple[object, object] | None = None
        for row in terms.to_pylist():
            if (row["PortNumber"], row["AccNumber"]) != account:
                account = row["PortNumber"], row["AccNumber"]
                out.print(
                    f"\nAccount {account[1]} of portfolio {account[0]}, {factor:.6g} of every value lost",
                    style="bold",
                    highlight=False,
                    markup=False,
                )
            out.print(_explained(row), highlight=False, markup=False, soft_wrap=True)


def _explained(row: dict[str, Any]) -> str:
    """One term: where it applies, the loss before and after it, and what it did."""
    layer = "" if row["layer"] is None else f", policy {row['PolNumber']}, layer {row['layer']}"
    losses = f"{row['before']:,.0f} -> {row['after']:,.0f}"
    return f"  {row['level_name']}, {row['place']}{layer}: {losses}: {row['effect']}"
