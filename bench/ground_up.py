"""Ground-up losses of PiWind's 12,598 locations on one core, ours beside the reference's.

    OASISLMF_PYTHON=/path/to/reference/venv/bin/python python -m bench.ground_up [--run FOLDER] [--samples 10 100]

The items are those that the reference's own file generation makes; ``--run`` names a run folder that has them already
(``input`` and ``static``, plain binary files). Prints processor seconds, ours of the step alone with losses thrown
away, the reference's of its whole kernel process writing to nowhere. Compilation is not counted.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from oasis_kernel.model.options import GroundUpOptions
from oasis_kernel.steps.ground_up import GroundUp

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "parity"))

from ground_up_files import RunFolder, read_run  # noqa: E402 (the readers lie with the tests)


def main() -> None:
    """Measure every number of samples, with and without correlation, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, help="a run folder of the reference")
    parser.add_argument("--piwind", type=Path, default=ROOT.parent / "shared" / "data" / "piwind")
    parser.add_argument("--samples", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--repeat", type=int, default=3, help="of ours; the best counts")
    arguments = parser.parse_args()
    python = os.environ.get("OASISLMF_PYTHON")
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = arguments.run
        if folder is None:
            if python is None:
                parser.error("give --run, or set OASISLMF_PYTHON so that the reference generates the items")
            folder = generate(Path(python).parent, arguments.piwind, Path(scratch) / "run")
        run = read_run(folder)
        if python is not None:
            reference(Path(python).parent, folder, 1, True)  # compiles
        for samples in arguments.samples:
            for correlated in (False, True):
                print(line(run, samples, correlated, arguments.repeat, python, folder), flush=True)


def generate(commands: Path, piwind: Path, folder: Path) -> Path:
    """A run folder for all of PiWind's locations, its items made by the reference."""
    words = ["model", "generate-oasis-files", "--lookup-multiprocessing", "False", "-S", "True",
             "-x", piwind / "inputs" / "SourceLocOEDPiWind.csv", "-d", piwind / "model_data" / "PiWind",
             "-g", piwind / "keys_data" / "PiWind" / "lookup_config.json",
             "--lookup-data-dir", piwind / "keys_data" / "PiWind",
             "-M", piwind / "meta-data" / "model_settings.json", "-o", folder / "input"]  # fmt: skip
    subprocess.run([str(commands / "oasislmf"), *map(str, words)], check=True, capture_output=True)
    shutil.copytree(piwind / "model_data" / "PiWind", folder / "static")
    shutil.copy(folder / "static" / "events_p.bin", folder / "input" / "events.bin")
    return folder


def line(run: RunFolder, samples: int, correlated: bool, repeat: int, python: str | None, folder: Path) -> str:
    """One measured line."""
    step = GroundUp(run.items, run.coverages, run.model, GroundUpOptions(samples, damage_correlation=correlated))
    best, rows = min(ours(step, run) for _ in range(repeat + 1))
    said = (
        f"{samples} samples, {'correlated' if correlated else 'independent'}: {rows:,} item-events in {best:.2f} s, "
        f"{best / rows * 1e9:.0f} ns each, {best / rows / max(samples, 1) * 1e9:.1f} ns a sample"
    )
    if python is None:
        return said
    theirs = reference(Path(python).parent, folder, samples, correlated)
    return f"{said}; reference {theirs:.1f} s, {theirs / best:.0f} times ours"


def ours(step: GroundUp, run: RunFolder) -> tuple[float, int]:
    """(processor seconds, item-events) of all the events."""
    began = time.process_time()
    rows = sum(len(block.row) for block in step.blocks(run.footprint))
    return time.process_time() - began, rows


def reference(commands: Path, folder: Path, samples: int, correlated: bool) -> float:
    """The reference kernel's processor seconds for the same work."""
    words = ["--run-dir", folder, "-i", folder / "input" / "events.bin", "-o", os.devnull, "-L", "0", "-S", samples]
    words += [] if correlated else ["--ignore-correlation"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(commands / "gulmc"), *map(str, words)], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
