"""What a run would take on 1 to 1,000 machines: a simulation from rates that were measured on one.

    python -m bench.scale_model                     # the rates below
    python -m bench.scale_model --measure           # chunk times and Ray's task rate measured here and now

A run is: prepare (once, then once on every machine, or read as arrays), cut, send, compute, put together. Chunks are
dealt to slots one after the other, as the dispatcher does it: a slot that is free takes the next chunk, when the
dispatcher has come to send it; chunk times scatter, and some machines are slow. Nothing of it was run on more than
one machine.
"""

import argparse
import heapq
from dataclasses import dataclass, replace

import numpy as np

CORES = 16  # of a machine
NODES = (1, 10, 100, 1000)


@dataclass(frozen=True)
class Work:
    """A portfolio on a model."""

    locations: float = 20e6
    items_per_location: float = 2.0
    events: float = 10_000
    samples: float = 100
    hit: float = 0.01  # share of the items that an event touches
    summary_rows: float = 1_000  # of an event, over all summary sets

    @property
    def item_events(self) -> float:
        """Touched items, over all events."""
        return self.locations * self.items_per_location * self.events * self.hit


@dataclass(frozen=True)
class Rates:
    """What was measured, per core where nothing else is said."""

    loss: float = 1.8e-8  # s for each touched item and sample: ground-up, insured, reinsured, summaries
    prepare: float = 53.0  # s for a million locations: read, check, keys, items, terms
    together: float = 0.15  # share of it that looks at all accounts: reinsurance, numbers of summaries (a guess)
    read_arrays: float = 3.0  # s for a million locations, prepared before: mapped, and joined with the model's data
    part_bytes: float = 2.0  # of a summary row and sample, compressed
    merge: float = 60e6  # bytes of parts that become tables in a second
    send: float = 1 / 350  # s of the dispatcher for a task: the safe rate on a large cluster
    start: float = 5.0  # s until a machine that is there computes
    scatter: float = 0.25  # of chunk times
    slow: tuple[float, float] = (0.01, 2.5)  # share of machines, and how much slower they are


@dataclass(frozen=True)
class Design:
    """How the work is arranged."""

    name: str
    shares_prepared: bool  # workers read arrays instead of preparing the order again
    cores_of_task: int  # chunks that one task computes side by side
    copies_stragglers: bool
    mergers: int  # processes that put tables together
    prepares_in_parts: bool = False  # accounts are prepared side by side, and what looks at all of them afterwards

    def cores_of(self, cores: int) -> int:
        """Slots of a task on a machine."""
        return min(self.cores_of_task, cores)


EACH = Design("each machine prepares, one core a task, one merger", False, 1, False, 1)
SHARED = Design("prepared once and read as arrays", True, 1, False, 1)
FAT = Design("... and tasks of a whole machine, stragglers copied", True, CORES, True, 1)
PARALLEL = Design("... and a merger on every machine, by table and summary", True, CORES, True, 10**6)
IN_PARTS = Design("... and prepared in parts, by account, on every machine", True, CORES, True, 10**6, True)
DESIGNS = (EACH, SHARED, FAT, PARALLEL, IN_PARTS)


def simulated(work: Work, rates: Rates, design: Design, nodes: int, seconds_of_task: float = 8.0) -> dict[str, float]:
    """Seconds of each part of a run on so many machines, and of all of it."""
    rng = np.random.default_rng(1)
    core_seconds = work.item_events * (work.samples + 20) * rates.loss
    cores = design.cores_of(CORES)
    slots = nodes * CORES // cores
    most = max(core_seconds / (seconds_of_task * cores), slots)
    tasks = int(min(most, work.events))
    each = core_seconds / tasks / cores * rng.lognormal(-(rates.scatter**2) / 2, rates.scatter, tasks)
    share, factor = rates.slow
    speed = np.where(rng.random(slots) < share, factor, 1.0)
    millions = work.locations / 1e6
    everywhere = millions * (rates.read_arrays if design.shares_prepared else rates.prepare) + rates.start
    losses = _dealt(each, speed, rates.send, design.copies_stragglers)
    parts = work.events * work.summary_rows * work.samples * rates.part_bytes
    merging = parts / rates.merge / min(design.mergers, nodes)
    first = millions * rates.prepare
    if design.prepares_in_parts:
        first *= rates.together + (1 - rates.together) / (nodes * CORES)
    stages = {
        "prepare": first,
        "on every machine": everywhere,
        "send": tasks * rates.send,
        "compute": core_seconds / (nodes * CORES),
        "wait": max(losses - core_seconds / (nodes * CORES), 0.0),
        "merge": merging,
    }
    total = first + everywhere + losses + merging
    return {**stages, "total": total}


def _dealt(each: np.ndarray, speed: np.ndarray, send: float, copies: bool) -> float:
    """When the last task ends: each goes to the slot that is free first, no two are sent at once."""
    free = [(0.0, slot) for slot in range(len(speed))]
    heapq.heapify(free)
    sent, ends = 0.0, np.zeros(len(each))
    for number, seconds in enumerate(each):
        ready, slot = heapq.heappop(free)
        sent = max(sent + send, ready)
        ends[number] = sent + seconds * speed[slot]
        heapq.heappush(free, (float(ends[number]), slot))
    if not copies:
        return float(ends.max())
    # A copy begins when the typical last task has ended, on a machine that is free by then.
    typical = float(np.quantile(ends, 0.98))
    return float(min(ends.max(), max(typical, ends[ends <= typical].max()) + float(np.quantile(each, 0.98))))


def bottleneck(stages: dict[str, float]) -> str:
    """The part that takes longest; for sending, when slots wait for it."""
    parts = {name: stages[name] for name in ("prepare", "on every machine", "compute", "wait", "merge")}
    if stages["send"] > stages["compute"]:
        parts["send"] = parts.pop("wait") + stages["compute"]
    return max(parts, key=lambda name: parts[name])


def table(work: Work, rates: Rates) -> str:
    """A line for each design and number of machines, as Markdown."""
    columns = ("prepare", "on every machine", "send", "compute", "wait", "merge", "total")
    lines = [f"| machines | {' | '.join(columns)} | longest |", "| ---: " * (len(columns) + 1) + "| --- |"]
    for design in DESIGNS:
        lines.append(f"| **{design.name}** |" + " |" * (len(columns) + 1))
        for nodes in NODES:
            found = simulated(work, rates, design, nodes)
            values = " | ".join(f"{found[name]:,.0f}" for name in columns)
            lines.append(f"| {nodes:,} | {values} | {bottleneck(found)} |")
    return "\n".join(lines)


def measured(rates: Rates) -> Rates:
    """The rates of this machine: losses of the demonstration model, Ray's tasks."""
    from bench.scale_rates import loss_rate, task_seconds

    return replace(rates, loss=loss_rate(), send=max(task_seconds(), rates.send))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale_model", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--locations", type=float, default=Work.locations)
    parser.add_argument("--events", type=float, default=Work.events)
    parser.add_argument("--samples", type=float, default=Work.samples)
    parser.add_argument("--measure", action="store_true", help="measure rates here instead of taking the noted ones")
    given = parser.parse_args()
    rates = measured(Rates()) if given.measure else Rates()
    work = Work(locations=given.locations, events=given.events, samples=given.samples)
    hours = work.item_events * (work.samples + 20) * rates.loss / 3600
    print(f"{rates}\n{work.item_events:,.0f} touched items, {hours:,.1f} core hours of losses\n")
    print(table(work, rates))


if __name__ == "__main__":
    main()
