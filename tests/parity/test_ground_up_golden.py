"""Ground-up losses of random models, as they were when every bit was the reference's (``test_ground_up_stream``)."""

import hashlib

import numpy as np
import pytest
from ground_up_files import stream
from ground_up_synthetic import VARIANTS, Synthetic, Variant, make, ours

from oasis_kernel.model.options import GroundUpOptions
from oasis_kernel.steps.ground_up import GroundUp

#: variant: (digest of the tables, digest of the losses)
GOLDEN: dict[str, tuple[str, str]] = {
    "plain": ("c6da95f2a795c5d1", "4ec9747c570c1183"),
    "curved bins, groups 0 and 3": ("218e97ec76b4d54f", "5902e17e2b644b70"),
    "curved bins, group 5, many bins": ("aadaecdfbf87492b", "5e8c0d6da253522c"),
    "damage types": ("26b5ad77e22b48aa", "17b582bcfb21d5db"),
    "aggregates": ("f7b85ceca2741fcb", "9ba5349867224509"),
    "aggregates, effective": ("40313a5a6419d4f4", "572134537a4fe511"),
    "adjustments": ("45c9f505131b586c", "32f7e8b2a189246b"),
    "no correlation": ("69903d638df969e0", "7f7a174734c8e63b"),
    "hazard correlation alone": ("3ac0e40542845495", "d9fd5e734a0c1ab6"),
    "dependency": ("7df0cb916c0e7fc8", "3ea3df42cd031dfe"),
    "dependency, effective": ("1bf8416a8ee6d0d3", "53a89ca1dc6546a6"),
}

STATIC = [variant for variant in VARIANTS if not variant.dynamic]


def digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def tables(made: Synthetic) -> str:
    given = (made.bins, made.vulnerability, *made.footprint, made.item, made.correlation, made.tiv)
    optional = (made.aggregate, made.weights, made.conditional)
    return digest(*(table.tobytes() for table in (*given, *(t for t in optional if t is not None))))


@pytest.mark.parametrize("variant", STATIC, ids=lambda variant: variant.name)
def test_random_models(variant: Variant) -> None:
    made = make(variant, seed=sum(map(ord, variant.name)))
    model, items, coverages, footprint = ours(made)
    given, expected = GOLDEN[variant.name]
    if tables(made) != given:
        pytest.skip(f"numpy {np.__version__} draws other random models than the golden losses were made from")
    streams = []
    for samples, generator, rule in ((0, 2, 0), (20, 2, 1), (37, 1, 2), (20, 2, 3), (5, 0, 0)):
        options = GroundUpOptions(
            samples=samples,
            random_generator=generator,
            allocation_rule=rule,
            vulnerability_adjustments=variant.adjustments,
            **variant.options,
        )
        streams.append(stream(GroundUp(items, coverages, model, options), footprint))
    assert digest(*streams) == expected
