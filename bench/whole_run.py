"""``oasis run`` and ``oasislmf model run`` on the same PiWind work: CPU, wall and memory, and the losses compared.

    OASISLMF_PYTHON=/path/to/reference/venv/bin/python make bench

Both are started as commands, with their code compiled: each runs once unmeasured on ten locations first, but for the
work that says cold, which compiles into an empty cache.
Work is repeated in turns, and the best of each counts, because a busy machine only ever adds. Without
``OASISLMF_PYTHON`` our side alone is measured. PiWind is looked for in ``../shared/data/piwind``; ``--piwind`` says
otherwise.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.csv as csv

from bench.measure import Cost, measure

ROOT = Path(__file__).resolve().parent.parent
TABLES = {
    "elt_moment": True,
    "plt_moment": True,
    "alt_period": True,
    "ept_full_uncertainty_aep": True,
    "ept_full_uncertainty_oep": True,
    "return_period_file": True,
}
BY_EVENT = ("elt_sample", "elt_quantile", "plt_sample", "plt_quantile")
BY_PERIOD = ("alct_convergence", "psept_aep", "psept_oep", "ept_mean_sample_aep", "ept_mean_sample_oep")
EVERY_TABLE = TABLES | dict.fromkeys(
    [*BY_EVENT, *BY_PERIOD, "ept_per_sample_mean_aep", "ept_per_sample_mean_oep"], True
)
LOSS_COLUMNS = ("Loss", "MeanLoss")


@dataclass(frozen=True)
class Work:
    """One analysis for both sides."""

    name: str
    location: str
    samples: int
    perspectives: tuple[str, ...] = ("gul",)
    reinsurance: bool = False
    levels: tuple[tuple[str, ...], ...] = ((),)  # OED fields of each summary set
    every_table: bool = False
    cold: bool = False


ALL, LEVELS = ("gul", "il", "ri"), ((), ("CountryCode",))
WORKS = (
    Work("10 locations, gul il ri, 10 samples", "SourceLocOEDPiWind10.csv", 10, ALL, reinsurance=True),
    Work("12,598 locations, gul, 10 samples", "SourceLocOEDPiWind.csv", 10),
    Work("12,598 locations, gul, 100 samples", "SourceLocOEDPiWind.csv", 100),
    Work("12,598 locations, gul il, 100 samples", "SourceLocOEDPiWind.csv", 100, ("gul", "il")),
    Work("12,598 locations, gul il ri, 10 samples", "SourceLocOEDPiWind.csv", 10, ALL, True),
    Work("10 locations, gul il ri, 10 samples, cold", "SourceLocOEDPiWind10.csv", 10, ALL, True, cold=True),
    Work(
        "12,598 locations, gul il ri, 10 samples, portfolio and country",
        "SourceLocOEDPiWind.csv", 10, ALL, True, LEVELS,
    ),
    Work(
        "12,598 locations, gul il ri, 10 samples, every table, portfolio and country",
        "SourceLocOEDPiWind.csv", 10, ALL, True, LEVELS, every_table=True,
    ),
    Work(
        "12,598 locations, gul il ri, 100 samples, every table, portfolio and country",
        "SourceLocOEDPiWind.csv", 100, ALL, True, LEVELS, every_table=True,
    ),
    Work("start-up: 10 locations, gul, 1 sample", "SourceLocOEDPiWind10.csv", 1),
)  # fmt: skip


@dataclass(frozen=True)
class Side:
    """One of the two engines: how to start it, and where its tables are."""

    name: str
    command: Sequence[str]
    out_option: str
    tables: str  # below the folder given to ``out_option``

    def run(self, configuration: Path, folder: Path, *, cold: bool = False) -> Cost:
        """Do the work that a configuration describes, with nothing kept from earlier runs; ``cold``: no code either."""
        # Each side's own tools come first: the reference's pipeline waits for ever for a tool that is not on the path.
        path = os.pathsep.join((str(Path(self.command[0]).parent), os.environ.get("PATH", "")))
        environment = os.environ | {"OASIS_STORE": str(folder / "store"), "PATH": path}
        if cold:
            environment |= {name: str(folder / "compiled") for name in ("OASIS_KERNEL_CACHE", "NUMBA_CACHE_DIR")}
        out = folder / "out"
        return measure([*self.command, str(configuration), self.out_option, str(out)], environment, folder)


def main() -> None:
    """Measure the works named on the command line (all by default) and print the table."""
    arguments = _arguments()
    sides = [_ours(), *_reference()]
    works = [work for number, work in enumerate(WORKS, 1) if not arguments.work or number in arguments.work]
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        warm = Path(scratch) / "warm"
        given = configuration(_warm_up(works), arguments.piwind, warm)
        for side in sides:
            side.run(given, warm / side.name)
        rows = [
            _compare(work, sides, arguments, Path(scratch) / f"work-{number}") for number, work in enumerate(works, 1)
        ]
    print(_markdown(rows))
    if len(sides) == 1:
        print("\nSet OASISLMF_PYTHON to the reference's python to measure it beside ours.")


def _warm_up(works: Sequence[Work]) -> Work:
    """The smallest work that has every step of the given ones in it."""
    perspectives = max((work.perspectives for work in works), key=len)
    return replace(WORKS[0], perspectives=perspectives, reinsurance="ri" in perspectives)


def _compare(work: Work, sides: list[Side], arguments: argparse.Namespace, scratch: Path) -> dict[str, str]:
    given = configuration(work, arguments.piwind, scratch)
    costs: dict[str, list[Cost]] = {side.name: [] for side in sides}
    folder = scratch
    for turn in range(arguments.repeat):
        folder = scratch / f"turn-{turn}"
        for side in sides:
            costs[side.name].append(side.run(given, folder / side.name, cold=work.cold))
            print(f"{work.name}, turn {turn + 1}: {side.name} {costs[side.name][-1].cpu:.1f} CPU s", file=sys.stderr)
    best = {name: _best(taken) for name, taken in costs.items()}
    row = {"work": work.name}
    for measured, unit, scale in (("cpu", "CPU s", 1.0), ("wall", "wall s", 1.0), ("memory", "MiB", 2.0**20)):
        values = [getattr(cost, measured) / scale for cost in best.values()]
        row |= {f"{name} {unit}": f"{value:,.1f}" for name, value in zip(best, values, strict=True)}
        if len(values) == 2:
            row[f"{unit} ratio"] = f"{values[1] / values[0]:.1f}"
    if len(sides) == 2:
        folders = [folder / side.name / "out" / side.tables for side in sides]
        row["largest difference"] = f"{_largest_difference(*folders):.1e}"
    return row


def _best(costs: list[Cost]) -> Cost:
    return Cost(*(min(getattr(cost, name) for cost in costs) for name in ("cpu", "wall", "memory")))


def _largest_difference(ours: Path, reference: Path) -> float:
    """The largest relative difference between the two in the sum of a loss column, over all tables of both."""
    names = sorted({path.name for path in reference.glob("*_S*_*.csv") if "summary-info" not in path.name})
    differences = [0.0]
    for name in names:
        tables = [csv.read_csv(folder / name) for folder in (ours, reference)]
        for column in set(LOSS_COLUMNS) & set(tables[0].column_names):
            one, other = (float(pc.sum(table[column]).as_py() or 0.0) for table in tables)
            differences.append(abs(one - other) / max(abs(other), 1.0))
    return max(differences)


def configuration(work: Work, piwind: Path, folder: Path) -> Path:
    """The toolkit's configuration of one work, in a folder of its own, paths absolute."""
    folder.mkdir(parents=True)
    base = json.loads((piwind / "oasislmf.json").read_text(encoding="utf-8"))
    usual = ("lookup_config_json", "lookup_data_dir", "model_data_dir", "model_settings_json", "oed_accounts_csv")
    wanted = usual + (("oed_info_csv", "oed_scope_csv") if work.reinsurance else ())
    content: dict[str, Any] = {name: str((piwind / base[name]).resolve()) for name in wanted}
    if "il" not in work.perspectives:
        del content["oed_accounts_csv"]
    settings = folder / "analysis_settings.json"
    settings.write_text(json.dumps(_settings(work)), encoding="utf-8")
    content |= {
        "oed_location_csv": str((piwind / "inputs" / work.location).resolve()),
        "analysis_settings_json": str(settings),
        "ktools_alloc_rule_gul": base["ktools_alloc_rule_gul"],
    }
    path = folder / "oasislmf.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _settings(work: Work) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "version": "3",
        "model_supplier_id": "OasisLMF",
        "model_name_id": "PiWind",
        "number_of_samples": work.samples,
        "gul_threshold": 0,
        "model_settings": {"event_set": "p", "event_occurrence_id": "lt"},
    }
    for perspective in work.perspectives:
        settings[f"{perspective}_output"] = True
        settings[f"{perspective}_summaries"] = [
            {"id": number, "ord_output": EVERY_TABLE if work.every_table else TABLES}
            | ({"oed_fields": list(fields)} if fields else {})
            for number, fields in enumerate(work.levels, 1)
        ]
    return settings


def _ours() -> Side:
    oasis = Path(sys.executable).with_name("oasis")
    return Side("ours", (str(oasis), "run", "--afresh", "--mdk"), "--out", ".")


def _reference() -> list[Side]:
    python = os.environ.get("OASISLMF_PYTHON")
    if not python:
        return []
    command = (str(Path(python).with_name("oasislmf")), "model", "run", "--config")
    return [Side("reference", command, "--model-run-dir", "output")]


def _markdown(rows: list[dict[str, str]]) -> str:
    header = list(rows[0])
    lines = [header, ["---" if name == "work" else "---:" for name in header], *(list(row.values()) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _arguments() -> argparse.Namespace:
    listed = "; ".join(f"{number}: {work.name}" for number, work in enumerate(WORKS, 1))
    parser = argparse.ArgumentParser(prog="python -m bench", description=f"Works: {listed}.")
    parser.add_argument("--work", type=int, nargs="*", choices=range(1, len(WORKS) + 1), help="numbers of works")
    parser.add_argument("--repeat", type=int, default=1, help="turns; the best of each side counts")
    parser.add_argument("--piwind", type=Path, default=ROOT.parent / "shared" / "data" / "piwind")
    arguments = parser.parse_args()
    if not (arguments.piwind / "oasislmf.json").is_file():
        parser.error(f"{arguments.piwind} has no oasislmf.json: give PiWind's folder with --piwind")
    return arguments


if __name__ == "__main__":
    main()
