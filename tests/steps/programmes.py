"""Small programmes, written by hand."""

from collections.abc import Mapping, Sequence

import numpy as np

from oasis_kernel.model.losses import SPECIAL, LossBlock
from oasis_kernel.model.terms import PROFILE_DTYPE, Leaves, Programme

#: Terms by their names in the profile, and the rule.
Profile = Mapping[str, float]
NOTHING: Profile = {"calcrule_id": 100}


def programme(
    levels: Sequence[Sequence[int]],
    terms: Mapping[tuple[int, int], Sequence[Profile | Sequence[Profile]]],
    restarts: Sequence[int] = (),
    top_outputs: bool = False,
) -> Programme:
    """A programme in which item i lies in node ``levels[level][i]`` (1-based) of each level.

    ``terms`` gives the layers of (level, node), both 1-based: a profile, or its steps; other nodes have one layer
    without terms. The levels in ``restarts`` add up items. Outputs are numbered by item (or top node), then layer.
    """
    edges, policies, profiles = set(), [], [NOTHING]
    for level, nodes in enumerate(levels, 1):
        for item, node in enumerate(nodes, 1):
            below = item if level == 1 else (-item if level in restarts else levels[level - 2][item - 1])
            edges.add((below, level, node))
        for node in sorted(set(nodes)):
            for layer, profile in enumerate(terms.get((level, node), [NOTHING]), 1):
                profiles.append(profile)
                policies.append((level, node, layer, len(profiles)))
    rows = [(number, row) for number, steps in enumerate(profiles, 1) for row in _steps(steps)]
    table = np.zeros(len(rows), PROFILE_DTYPE)
    for at, (number, row) in enumerate(rows):
        table[at]["profile_id"] = number
        for name, value in row.items():
            table[at][name] = value
    layers = max(layer for _, _, layer, _ in policies)
    emitters = len(set(levels[-1])) if top_outputs else len(levels[0])
    outputs = [(emitter, layer) for emitter in range(1, emitters + 1) for layer in range(1, layers + 1)]
    columns = [*np.array(sorted(edges), "i4").T, *np.array(policies, "i4").T]
    return Programme(*columns, table, np.arange(1, len(outputs) + 1, dtype="i4"), *np.array(outputs, "i4").T)


def _steps(profile: Profile | Sequence[Profile]) -> Sequence[Profile]:
    return [profile] if isinstance(profile, Mapping) else profile


def leaves(values: Sequence[float]) -> Leaves:
    """Items, each a coverage of its own, with these insured values."""
    return Leaves(np.arange(1, len(values) + 1, dtype="i4"), np.array(values, "f4"))


def one_event(losses: Mapping[int, Sequence[float]]) -> LossBlock:
    """One event: samples of items (1-based, in this order); mean, exposure and maximum are as the first sample."""
    block = np.zeros((len(losses), SPECIAL + len(next(iter(losses.values())))), "f4")
    for row, samples in enumerate(losses.values()):
        block[row, [0, 2, 4]] = samples[0]
        block[row, SPECIAL:] = samples
    rows = np.array(list(losses), "i4") - 1
    return LossBlock(np.array([7], "i4"), np.array([0, len(rows)]), rows, block)


def samples(block: LossBlock) -> dict[int, list[float]]:
    """Samples by output (1-based)."""
    return {int(row) + 1: loss[SPECIAL:].tolist() for row, loss in zip(block.row, block.loss, strict=True)}
