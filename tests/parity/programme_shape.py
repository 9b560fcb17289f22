"""What a programme says, whatever its numbers: to compare programmes up to renumbering."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from oasis_kernel.model.terms import PROFILE_DTYPE, Programme

Terms = tuple[tuple[float, ...], ...]
Node = tuple[frozenset[int], bool, tuple[tuple[int, Terms], ...]]
PASS_THROUGH = 100
LINKS = ["from_agg_id", "level_id", "to_agg_id"]
POLICIES = ["level_id", "agg_id", "layer_id", "profile_id"]
OUTPUTS = ["output", "agg_id", "layer_id"]


def read_programme_csv(folder: Path) -> Programme:
    """The programme of a folder with the reference's fm_*.csv."""
    tables = {name: pd.read_csv(folder / f"fm_{name}.csv") for name in ("programme", "policytc", "profile", "xref")}
    profile = np.zeros(len(tables["profile"]), PROFILE_DTYPE)
    for name in tables["profile"].columns:
        profile[name] = tables["profile"][name]
    integers = [
        tables[table][column].to_numpy("i4")
        for table, columns in {"programme": LINKS, "policytc": POLICIES, "xref": OUTPUTS}.items()
        for column in columns
    ]
    return Programme(*integers[:7], profile, *integers[7:])


def shape(programme: Programme) -> tuple[list[set[Node]], list[tuple[int, int]]]:
    """The nodes of each level, and the outputs' (item, layer).

    A node is its items, whether it takes them anew, and the terms of its layers. Nodes that let everything through are
    left out: they do not change a loss.
    """
    policies, below, levels = _policies(programme), {}, []
    for level in np.unique(programme.level_id).tolist():
        here: dict[int, set[int]] = defaultdict(set)
        anew: dict[int, bool] = {}
        of_level = programme.level_id == level
        links = zip(programme.from_agg_id[of_level].tolist(), programme.to_agg_id[of_level].tolist(), strict=True)
        for source, node in links:
            anew[node] = source < 0
            here[node] |= {abs(source)} if source < 0 or not below else below[source]
        nodes = {(frozenset(here[node]), anew[node], policies.get((level, node), ())) for node in here}
        levels.append({node for node in nodes if not _lets_through(node)})
        below = here
    outputs = zip(programme.output_agg_id.tolist(), programme.output_layer_id.tolist(), strict=True)
    return [level for level in levels if level], sorted(outputs)


def repeated_policies(programme: Programme) -> bool:
    """Whether some layer of a node has several profiles, so that it is not clear which counts."""
    keys = zip(
        programme.policy_level_id.tolist(),
        programme.policy_agg_id.tolist(),
        programme.policy_layer_id.tolist(),
        strict=True,
    )
    listed = list(keys)
    return len(set(listed)) < len(listed)


def _policies(programme: Programme) -> dict[tuple[int, int], tuple[tuple[int, Terms], ...]]:
    terms: dict[int, set[tuple[float, ...]]] = defaultdict(set)
    amounts = [name for name in PROFILE_DTYPE.names if name not in ("profile_id", "step_id")]
    for row in programme.profile:
        step = max(int(row["step_id"]), 1)
        terms[int(row["profile_id"])].add((step, *(float(f"{row[name]:.6g}") for name in amounts)))
    found = defaultdict(list)
    for level, node, layer, profile in zip(
        programme.policy_level_id.tolist(),
        programme.policy_agg_id.tolist(),
        programme.policy_layer_id.tolist(),
        programme.policy_profile_id.tolist(),
        strict=True,
    ):
        found[level, node].append((layer, tuple(sorted(terms[profile]))))
    return {key: tuple(sorted(layers)) for key, layers in found.items()}


def _lets_through(node: Node) -> bool:
    return all(row[1] == PASS_THROUGH for _, terms in node[2] for row in terms)
