"""A programme cut off above a level, to see what the losses are there."""

from dataclasses import replace

import numpy as np

from oasis_kernel.model.exposure import Int32
from oasis_kernel.model.terms import Programme


def up_to_level(programme: Programme, level: int, items: int) -> tuple[Programme, Int32]:
    """The programme's first levels, with an output for every item in every layer; and the layer ids there are.

    Output ``item * len(layers) + k + 1`` is item ``item`` (0-based) in layer ``layers[k]``; what does not come about is
    not written. Level numbers start at 1.
    """
    edges, policies = programme.level_id <= level, programme.policy_level_id <= level
    layers = np.unique(programme.policy_layer_id[policies])
    agg_id = np.repeat(np.arange(1, items + 1, dtype=np.int32), len(layers))
    cut = replace(
        programme,
        from_agg_id=programme.from_agg_id[edges],
        level_id=programme.level_id[edges],
        to_agg_id=programme.to_agg_id[edges],
        policy_level_id=programme.policy_level_id[policies],
        policy_agg_id=programme.policy_agg_id[policies],
        policy_layer_id=programme.policy_layer_id[policies],
        policy_profile_id=programme.policy_profile_id[policies],
        output_id=np.arange(1, len(agg_id) + 1, dtype=np.int32),
        output_agg_id=agg_id,
        output_layer_id=np.tile(layers, items).astype(np.int32),
    )
    return cut, layers
