"""Compiles and runs portfolios with the reference toolkit. Not imported: executed by the reference's own Python.

Reads commands from standard input, one JSON object a line, and answers each with ``done`` or ``refused: why``:

``{"do": "compile", "folder": .., "perils": [..]}``  The folder holds location.csv, account.csv, ri_info.csv and
    ri_scope.csv, as far as there are any; writes items, fm_* and RI_* into its ``reference``.
``{"do": "run", "folder": .., "rule_il": 2, "rule_ri": 3}``  Runs the stream ``reference/gul.bin`` through terms and
    contracts: writes il.bin and, for each pass k of the reinsurance, net k.bin and what its last layer takes.
"""

import contextlib
import io
import json
import logging
import signal
import sys
import warnings
from pathlib import Path

from oasislmf.computation.generate.files import GenerateFiles
from oasislmf.computation.generate.keys import GenerateKeysDeterministic
from oasislmf.computation.run.exposure import RunExposure
from oasislmf.pytools.fm.financial_structure import create_financial_structure
from oasislmf.pytools.fm.manager import run
from oasislmf.utils.data import get_exposure_data

LONGEST_SECONDS = 300  # the first runs compile


def compile_folder(folder: Path, perils: list[str]) -> None:
    target = folder / "reference"
    options = {
        "src_dir": str(folder),
        "run_dir": str(target),
        "model_perils_covered": perils,
        "keys_format": "oasis",
        "check_oed": False,
    }
    step = RunExposure(**options)
    step.oasis_files_dir = str(folder)
    exposure = get_exposure_data(step, add_internal_col=True)
    target.mkdir()
    shared = {"exposure_data": exposure, "oasis_files_dir": str(target)}
    keys = GenerateKeysDeterministic(**{**step.kwargs, **shared}).run()[0]
    GenerateFiles(**shared, keys_data_path=keys, do_disaggregation=True, disable_summarise_exposure=True).run()


def run_folder(folder: Path, rule_il: int, rule_ri: int) -> None:
    target = folder / "reference"
    create_financial_structure(rule_il, str(target))
    apply(target, rule_il, target / "gul.bin", target / "il.bin", None)
    given = target / "il.bin"
    layers = target / "ri_layers.json"
    passes = len(json.loads(layers.read_text())) if layers.exists() else 0
    for number in range(1, passes + 1):
        programme = target / f"RI_{number}"
        create_financial_structure(rule_ri, str(programme))
        apply(programme, rule_ri, given, target / f"ceded{number}.bin", None)
        apply(programme, rule_ri, given, target / f"net{number}.bin", "")
        given = target / f"net{number}.bin"


def apply(programme: Path, rule: int, losses_in: Path, losses_out: Path, net: str | None) -> None:
    run(
        create_financial_structure_files=False,
        allocation_rule=rule,
        static_path=str(programme),
        files_in=[str(losses_in)],
        files_out=[str(losses_out)],
        low_memory=False,
        net_loss=net,
        sort_output=True,
        storage_method="sparse",
    )


def obey(command: dict) -> None:
    folder = Path(command["folder"])
    logging.getLogger("oasislmf").setLevel(logging.CRITICAL)  # or half of its time it prints tables that nobody reads
    signal.alarm(LONGEST_SECONDS)  # ends this process: its kernels cannot be interrupted otherwise
    if command["do"] == "compile":
        compile_folder(folder, command["perils"])
    else:
        run_folder(folder, command["rule_il"], command["rule_ri"])
    signal.alarm(0)


def main() -> None:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    answers = sys.stdout
    for line in sys.stdin:
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                obey(json.loads(line))
            answer = "done"
        except Exception as refusal:
            answer = f"refused: {type(refusal).__name__} {str(refusal)[:300]!r}"
        print(answer, file=answers, flush=True)


if __name__ == "__main__":
    main()
