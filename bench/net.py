"""Terms, reinsurance and summaries of PiWind's 12,598 locations on one core, ours beside the reference's.

    OASISLMF_PYTHON=/path/to/reference/venv/bin/python python -m bench.net [--run FOLDER] [--samples 10]

Gross, then net of reinsurance, each summarised over the whole portfolio. Both start from ground-up losses that are not
counted: ours in memory, the reference's in a file. The reference's ``fmpy`` and ``summarypy`` are run one after the
other on the run folder that its own model run leaves (``--run`` names one that is there already); their start-up is
counted, because a run pays it, and their compilation is not. Prints processor seconds.
"""

import argparse
import os
import resource
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.whole_run import ROOT, WORKS, configuration
from oasis_kernel.engine.execute import begin
from oasis_kernel.engine.inputs import load_analysis
from oasis_kernel.engine.prepare import Prepared
from oasis_kernel.engine.progress import Clock
from oasis_kernel.model.inputs import InputFiles
from oasis_kernel.plugins import load_plugins
from oasis_kernel.steps.summarise import summarise

BLOCK_BYTES = 4 << 20
STEPS = (
    ("summarypy", "-t", "gul", "-1", os.devnull, "<", "gul"),
    ("fmpy", "-a2", "<", "gul", ">", "il"),
    ("summarypy", "-t", "il", "-1", os.devnull, "<", "il"),
    ("fmpy", "-a3", "-p", "input/RI_1", "-n", "-", "<", "il", ">", "ri"),
    ("summarypy", "-t", "ri", "-p", "input/RI_1", "-1", os.devnull, "<", "ri"),
)


def main() -> None:
    """Measure, and print the two sums and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, help="the run folder of the reference's own model run of this work")
    parser.add_argument("--piwind", type=Path, default=ROOT.parent / "shared" / "data" / "piwind")
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--repeat", type=int, default=3, help="of ours; the best counts")
    arguments = parser.parse_args()
    python = os.environ.get("OASISLMF_PYTHON")
    work = replace(
        next(work for work in WORKS if work.reinsurance and "12,598" in work.name), samples=arguments.samples
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        given = configuration(work, arguments.piwind, Path(scratch) / "given")
        prepared = prepare(given)
        best, rows = min(ours(prepared) for _ in range(arguments.repeat + 1))
        said = f"{arguments.samples} samples, {rows:,} item-events: terms, reinsurance and summaries in {best:.2f} s"
        if python is not None:
            folder = arguments.run or reference_run(Path(python).parent, given, Path(scratch) / "run")
            theirs = reference(Path(python).parent, folder, arguments.samples)
            said += f"; reference {theirs:.1f} s, {theirs / best:.0f} times ours"
        print(said)


def prepare(given: Path) -> Prepared:
    """Our side, ready to compute."""
    analysis, findings = load_analysis(InputFiles(mdk=given), load_plugins())
    return begin(analysis, Clock(lambda _: None), findings).prepared


def ours(prepared: Prepared) -> tuple[float, int]:
    """(processor seconds, item-events) of all the events, ground-up losses not counted."""
    taken, rows = 0.0, 0
    for block in prepared.ground_up_blocks(prepared.event_id, BLOCK_BYTES):
        began = time.process_time()
        streams = prepared.chain.streams(block)
        for output in prepared.outputs:
            summarise(streams[output.stream], output.summary_set, risks_first_met=prepared.compatible)
        taken += time.process_time() - began
        rows += len(block.row)
    return taken, rows


def reference_run(commands: Path, given: Path, folder: Path) -> Path:
    """The run folder that the reference's own model run leaves."""
    _run(commands, ["oasislmf", "model", "run", "--config", str(given), "--model-run-dir", str(folder)], folder.parent)
    return folder


def reference(commands: Path, folder: Path, samples: int) -> float:
    """The reference's processor seconds for everything after its ground-up losses."""
    _run(commands, ["evepy", "1", "1", ">", "events"], folder)
    _run(commands, ["gulmc", "-a1", "-L", "0", "-S", str(samples), "-i", "events", "-o", "gul"], folder)
    return sum(_run(commands, list(step), folder) for step in STEPS)


def _run(commands: Path, words: list[str], folder: Path) -> float:
    """The processor seconds of one command, with the redirections among its words."""
    environment = os.environ | {"PATH": os.pathsep.join((str(commands), os.environ.get("PATH", "")))}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        ["bash", "-c", " ".join(words)], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
