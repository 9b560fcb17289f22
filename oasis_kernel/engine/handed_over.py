"""What was prepared once, as arrays for other processes: they map them instead of preparing the analysis again.

A process that computes chunks needs no portfolio, no keys, no names of summaries: items, the programmes ready to run
and which summary each row belongs to are enough.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import numpy as np
import pyarrow as pa

from oasis_kernel.engine.analysis import Analysis
from oasis_kernel.engine.chain import Chain
from oasis_kernel.engine.outputs import Output
from oasis_kernel.engine.prepare import Compiled, Prepared, assembled
from oasis_kernel.engine.terms import InsuredStep, ReinsuredStep
from oasis_kernel.errors import DamagedFile
from oasis_kernel.formats.array_file import read_arrays, write_arrays
from oasis_kernel.kernels.programme_run_arrays import Execution
from oasis_kernel.model.exposure import Coverages, Items, PreparedExposure
from oasis_kernel.model.losses import SummarySet
from oasis_kernel.model.settings import SummaryRequest
from oasis_kernel.model.vendor import ModelData
from oasis_kernel.steps.insured import Insured
from oasis_kernel.steps.reinsured import Reinsured

ARRAYS, DESCRIPTION = "prepared.arrays", "prepared.json"
NOTHING = pa.table({})

T = TypeVar("T")


def hand_over(prepared: Prepared, folder: Path) -> None:
    """Write what chunks are computed with into a folder."""
    written = _Written({}, {})
    written.add("items", prepared.exposure.items)
    written.add("coverages", prepared.exposure.coverages)
    written.add("event_id", prepared.event_id)
    outputs = []
    for number, output in enumerate(prepared.outputs):
        chosen = output.summary_set
        written.add(f"output{number}.summary_of", chosen.summary_of)
        written.add(f"output{number}.risk_of", chosen.risk_of)
        request = output.request.model_dump(mode="json")
        outputs.append({"stream": output.stream, "perspective": chosen.perspective, "request": request})
    description = {
        "key": prepared.key,
        "ground_up_key": prepared.ground_up_key,
        "outputs": outputs,
        "blocks": prepared.chain.blocks,
        "steps": [_describe(step, f"step{number}", written) for number, step in enumerate(prepared.chain.steps)],
        "values": written.values,
    }
    write_arrays(folder / ARRAYS, written.arrays)
    (folder / DESCRIPTION).write_text(json.dumps(description), encoding="utf-8")


def take_over(folder: Path, analysis: Analysis, data: ModelData) -> Prepared:
    """What ``hand_over`` wrote, ready to compute chunks; the analysis brings model, settings and options.

    DamagedFile when the folder does not hold it whole.
    """
    try:
        told = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        found = _Written(read_arrays(folder / ARRAYS), told["values"])
        exposure = PreparedExposure(found.get("items", Items), found.get("coverages", Coverages), NOTHING, NOTHING)
        compiled = Compiled(
            exposure=exposure,
            chain=Chain(tuple(_step(told, found) for told in told["steps"]), told["blocks"]),
            outputs=tuple(_output(number, told, found) for number, told in enumerate(told["outputs"])),
            event_id=found.arrays["event_id"],
            ground_up_key=told["ground_up_key"],
            key=told["key"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedFile(f"{folder.name} must hold a prepared analysis as it was written: {error}") from error
    return assembled(analysis, data, compiled)


@dataclass(frozen=True)
class _Written:
    """Arrays, and plain values, by the path of names that leads to them."""

    arrays: dict[str, np.ndarray]
    values: dict[str, Any]

    def add(self, path: str, value: Any) -> None:
        """Note a value, or all that a tuple or dataclass with named fields holds."""
        if isinstance(value, np.ndarray):
            self.arrays[path] = value
        elif is_dataclass(value) or hasattr(value, "_fields"):
            for name in _names(type(value)):
                self.add(f"{path}.{name}", getattr(value, name))
        else:
            self.values[path] = value

    def get(self, path: str, kind: type[T]) -> T:
        """The tuple or dataclass at a path."""
        hints = get_type_hints(kind)
        return kind(**{name: self._value(f"{path}.{name}", hints[name]) for name in _names(kind)})

    def _value(self, path: str, kind: Any) -> Any:
        if path in self.arrays:
            return self.arrays[path]
        if path in self.values:
            value = self.values[path]
            return tuple(value) if isinstance(value, list) else value
        return self.get(path, kind)


def _names(kind: Any) -> list[str]:
    return [field.name for field in fields(kind)] if is_dataclass(kind) else list(kind._fields)


def _describe(step: Any, path: str, written: _Written) -> dict[str, Any]:
    """A step of the chain in plain values, its arrays written."""
    if isinstance(step, InsuredStep):
        written.add(path, step.insured.execution)
        return {"kind": "insured", "path": path}
    if not isinstance(step, ReinsuredStep):
        raise TypeError(f"{type(step).__name__} is no step that can be handed over")
    reinsured = step.reinsured
    for number, (_, insured) in enumerate(reinsured.passes):
        written.add(f"{path}.pass{number}", insured.execution)
    priorities = [priority for priority, _ in reinsured.passes]
    told = {"priorities": priorities, "compatible": reinsured.compatible, "cedes": step.cedes}
    return {"kind": "reinsured", "path": path, **told}


def _step(told: Mapping[str, Any], found: _Written) -> InsuredStep | ReinsuredStep:
    path = told["path"]
    if told["kind"] == "insured":
        return InsuredStep(Insured(found.get(path, Execution)))
    passes = [
        (priority, found.get(f"{path}.pass{number}", Execution)) for number, priority in enumerate(told["priorities"])
    ]
    return ReinsuredStep(Reinsured(passes, compatible=told["compatible"]), told["cedes"])


def _output(number: int, told: Mapping[str, Any], found: _Written) -> Output:
    request = SummaryRequest.model_validate(told["request"])
    summary_of, risk_of = (found.arrays[f"output{number}.{name}"] for name in ("summary_of", "risk_of"))
    return Output(told["stream"], request, SummarySet(request.id, told["perspective"], summary_of, risk_of, NOTHING))
