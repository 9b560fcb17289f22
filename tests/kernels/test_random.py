import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oasis_kernel.kernels.random import (
    LATIN_HYPERCUBE,
    MERSENNE_TWISTER,
    PHILOX_LATIN_HYPERCUBE,
    correlation_seed,
    damage_seed,
    draw_uniforms,
    hazard_seed,
    philox_words,
)

SEED = 1269801216


def uniforms(generator: int, seeds: list[int], samples: int) -> np.ndarray:
    out = np.full((len(seeds), samples), np.nan)
    draw_uniforms(generator, np.array(seeds, np.int64), len(seeds), out)
    return out


def test_published_seeds() -> None:
    assert damage_seed(833720067, 1) == SEED
    assert hazard_seed(833720067, 1) == 576521495
    assert correlation_seed(2, 1) == 1320929069
    assert damage_seed(4294967295, 2147483647) == 808424374


@pytest.mark.parametrize(
    ("generator", "expected"),
    [
        (0, [0.4552949612393079, 0.14979673368880797, 0.21388554894707545, 0.21110531200747595, 0.8210451183509672]),
        (1, [0.3089410077521384, 0.5700406532622384, 0.7572228902105849, 0.9577789375985049, 0.035790976329806566]),
        (2, [0.4862595629412681, 0.7827736830338836, 0.23487957208417357, 0.08555963467806578, 0.8605394935701043]),
    ],
)
def test_published_numbers(generator: int, expected: list[float]) -> None:
    assert uniforms(generator, [SEED], 5)[0].tolist() == expected


@pytest.mark.parametrize(
    ("seed", "stream", "expected"),
    [
        (0, 0, [0x5F6FB709, 0x0D893F64, 0x4F121F81, 0x4F730A48]),
        (SEED, 1, [0xDEE56850, 0x2AB693A5, 0x7680745F, 0x40592AA3]),
    ],
)
def test_published_philox_words(seed: int, stream: int, expected: list[int]) -> None:
    words = np.zeros(4, np.uint32)
    philox_words(np.array([seed], np.uint32), np.zeros(1, np.uint32), stream, 1, words)
    assert words.tolist() == expected


@given(seeds=st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=40), samples=st.integers(1, 700))
@settings(deadline=None, max_examples=25)
def test_mersenne_twister_is_numpys(seeds: list[int], samples: int) -> None:
    mine = uniforms(MERSENNE_TWISTER, seeds, samples)
    for row, seed in zip(mine, seeds, strict=True):
        assert row.tolist() == np.random.RandomState(seed).random_sample(samples).tolist()


@given(seeds=st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=20), samples=st.integers(1, 700))
@settings(deadline=None, max_examples=25)
def test_latin_hypercube_is_numpys_shuffle(seeds: list[int], samples: int) -> None:
    mine = uniforms(LATIN_HYPERCUBE, seeds, samples)
    for row, seed in zip(mine, seeds, strict=True):
        numpys = np.random.RandomState(seed)
        jitter, strata = numpys.random_sample(samples), np.arange(1.0, samples + 1)
        numpys.shuffle(strata)
        assert row.tolist() == ((strata - jitter) / samples).tolist()


def philox_block(seed: int, counter: int, stream: int) -> list[int]:
    """Philox4x32-7 in plain integers."""
    c, k = [counter, stream, 0, 0], [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(7):
        first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [second >> 32 ^ c[1] ^ k[0], second & 0xFFFFFFFF, first >> 32 ^ c[3] ^ k[1], first & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def plain_philox_hypercube(seed: int, samples: int) -> list[float]:
    blocks = range((samples + 3) // 4)
    shuffle, jitter = ([w for b in blocks for w in philox_block(seed, b, stream)] for stream in (1, 0))
    strata = list(range(1, samples + 1))
    for word, last in zip(shuffle, range(samples - 1, 0, -1), strict=False):
        other = word * (last + 1) >> 32
        strata[last], strata[other] = strata[other], strata[last]
    return [(stratum - word * 2.0**-32) * (1.0 / samples) for stratum, word in zip(strata, jitter, strict=False)]


@given(seeds=st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=70), samples=st.integers(1, 60))
@settings(deadline=None, max_examples=25)
def test_philox_hypercube_is_the_plain_one(seeds: list[int], samples: int) -> None:
    mine = uniforms(PHILOX_LATIN_HYPERCUBE, seeds, samples)
    for row, seed in zip(mine, seeds, strict=True):
        assert row.tolist() == plain_philox_hypercube(seed, samples)


@pytest.mark.parametrize("generator", [LATIN_HYPERCUBE, PHILOX_LATIN_HYPERCUBE])
@pytest.mark.parametrize("samples", [1, 4, 5, 127, 128, 129, 1000])
def test_one_number_in_each_stratum(generator: int, samples: int) -> None:
    row = uniforms(generator, [7], samples)[0]
    assert sorted(np.ceil(row * samples).astype(int).tolist()) == list(range(1, samples + 1))


@pytest.mark.parametrize("generator", [0, 1, 2])
def test_numbers_depend_on_nothing_but_their_seed(generator: int) -> None:
    together = uniforms(generator, list(range(50)), 33)
    assert all(uniforms(generator, [seed], 33)[0].tolist() == together[seed].tolist() for seed in (0, 15, 16, 31, 49))


@pytest.mark.parametrize("generator", [0, 1, 2])
def test_no_samples(generator: int) -> None:
    assert uniforms(generator, [1, 2], 0).shape == (2, 0)
