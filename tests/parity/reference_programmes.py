"""Compiles portfolios with the reference toolkit. Not imported: executed by the reference's own Python.

Reads folders from standard input, one a line; each holds location.csv and account.csv. Writes items and fm_*.csv into
the folder's ``reference``, and answers each line with ``done`` or ``refused: why``.
"""

import contextlib
import io
import logging
import sys
import warnings
from pathlib import Path

from oasislmf.computation.generate.files import GenerateFiles
from oasislmf.computation.generate.keys import GenerateKeysDeterministic
from oasislmf.computation.run.exposure import RunExposure
from oasislmf.utils.data import get_exposure_data


def compile_folder(folder: Path, perils: str) -> None:
    target = folder / "reference"
    options = {
        "src_dir": str(folder),
        "run_dir": str(target),
        "model_perils_covered": [perils],
        "keys_format": "oasis",
        "check_oed": False,
    }
    step = RunExposure(**options)
    step.oasis_files_dir = str(folder)
    exposure = get_exposure_data(step, add_internal_col=True)
    target.mkdir()
    shared = {"exposure_data": exposure, "oasis_files_dir": str(target)}
    keys = GenerateKeysDeterministic(**{**step.kwargs, **shared}).run()[0]
    GenerateFiles(**shared, keys_data_path=keys, do_disaggregation=True, intermediary_csv=True).run()


def main() -> None:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    answers = sys.stdout
    for line in sys.stdin:
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                compile_folder(Path(line.strip()), "WW2")
            answer = "done"
        except Exception as refusal:
            answer = f"refused: {type(refusal).__name__} {str(refusal)[:200]!r}"
        print(answer, file=answers, flush=True)


if __name__ == "__main__":
    main()
