"""Uniform random numbers, each a pure function of (seed, sample), by the Oasis standard's three generators.

0  Mersenne Twister MT19937, seeded by its single-integer initialisation, 53-bit doubles (numpy's RandomState).
1  Latin hypercube on the same stream: one point in each of S strata, strata shuffled by Fisher-Yates.
2  Latin hypercube on Philox4x32 with 7 rounds (Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3).

Index letters: g = seed (one row of numbers each), s = sample, b = Philox block of four words, k = word of MT's state.
"""

import numpy as np

from oasis_kernel._jit import inlined, kernel
from oasis_kernel.model.exposure import Float64, Int32, Int64, UInt32

MERSENNE_TWISTER, LATIN_HYPERCUBE, PHILOX_LATIN_HYPERCUBE = range(3)

_SEED_MODULUS = 2**31
_HAZARD_MODULUS = 1957483729

_STATE = 624  # words of MT19937's state
_SHIFT = 397
_LANES = 16  # Mersenne Twisters seeded side by side: the seeding is serial in k, so vectorise over seeds

_WORD = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_JITTER, _SHUFFLE = 0, 1  # Philox streams: place inside the stratum, order of the strata
_TILE = 128  # Philox blocks made at once: enough for the vector units, few enough for the first-level cache
_PER_WORD = 2.0**-32


@inlined
def damage_seed(group: int, event: int) -> int:
    """The seed of a group's damage numbers in one event."""
    return ((group * 1543270363) % _SEED_MODULUS + (event * 1943272559) % _SEED_MODULUS) % _SEED_MODULUS


@inlined
def hazard_seed(group: int, event: int) -> int:
    """The seed of a hazard group's intensity numbers in one event."""
    return ((group * 1143271949) % _HAZARD_MODULUS + (event * 1243274353) % _HAZARD_MODULUS) % _HAZARD_MODULUS


@inlined
def correlation_seed(group: int, event: int) -> int:
    """The seed of a peril correlation group's common factor in one event, the same for damage and hazard."""
    return ((group * 1836311903) % _SEED_MODULUS + (event * 1943272559) % _SEED_MODULUS) % _SEED_MODULUS


@kernel
def draw_uniforms(generator: int, seed: Int64, seeds: int, out: Float64) -> None:
    """Write to the first ``seeds`` rows of ``out`` the uniform numbers of those seeds.

    seed [g]     0 <= seed < 2**32
    out  [g, s]  in [0, 1) for generator 0, in (0, 1] for the Latin hypercubes; S = 0 is legal
    """
    if out.shape[1] == 0:
        return
    if generator == PHILOX_LATIN_HYPERCUBE:
        _philox_latin_hypercube(seed, seeds, out)
    else:
        _mersenne(seed, seeds, generator == LATIN_HYPERCUBE, out)


@inlined
def philox_words(key: UInt32, counter: UInt32, stream: int, blocks: int, words: UInt32) -> None:
    """Write to ``words`` [4 b] the Philox4x32-7 words of ``blocks`` blocks with the given ``key`` [b], ``counter`` [b].

    The upper half of the key and of the counter are zero but for ``stream``, the counter's second word.
    """
    for b in range(blocks):
        c0 = np.uint64(counter[b])
        c1 = np.uint64(stream)
        c2 = np.uint64(0)
        c3 = np.uint64(0)
        k0 = np.uint64(key[b])
        k1 = np.uint64(0)
        for _ in range(7):
            product_0 = _MULTIPLIER_0 * c0
            product_1 = _MULTIPLIER_1 * c2
            c0 = (product_1 >> _HALF) ^ c1 ^ k0
            c1 = product_1 & _WORD
            c2 = (product_0 >> _HALF) ^ c3 ^ k1
            c3 = product_0 & _WORD
            k0 = (k0 + _WEYL_0) & _WORD
            k1 = (k1 + _WEYL_1) & _WORD
        words[4 * b] = c0
        words[4 * b + 1] = c1
        words[4 * b + 2] = c2
        words[4 * b + 3] = c3


@kernel
def _philox_latin_hypercube(seed: Int64, seeds: int, out: Float64) -> None:
    """Generator 2, a tile of seeds at a time: words first (vectorised over blocks), then strata and places."""
    samples = out.shape[1]
    blocks = (samples + 3) // 4
    tile = max(1, _TILE // blocks)
    key = np.empty(tile * blocks, np.uint32)
    counter = np.empty(tile * blocks, np.uint32)
    shuffle = np.empty(4 * tile * blocks, np.uint32)
    jitter = np.empty(4 * tile * blocks, np.uint32)
    stratum = np.empty(samples, np.int32)
    width = 1.0 / samples
    for first in range(0, seeds, tile):
        rows = min(tile, seeds - first)
        for g in range(rows):
            for b in range(blocks):
                key[g * blocks + b] = seed[first + g]
                counter[g * blocks + b] = b
        philox_words(key, counter, _SHUFFLE, rows * blocks, shuffle)
        philox_words(key, counter, _JITTER, rows * blocks, jitter)
        for g in range(rows):
            start = 4 * g * blocks
            _shuffle_strata(shuffle, start, stratum)
            for s in range(samples):
                out[first + g, s] = (stratum[s] - jitter[start + s] * _PER_WORD) * width


@inlined
def _shuffle_strata(words: UInt32, start: int, stratum: Int32) -> None:
    """Fill ``stratum`` [s] with 1..S in the order that ``words[start:]`` give."""
    samples = stratum.shape[0]
    for s in range(samples):
        stratum[s] = s + 1
    for step in range(samples - 1):
        last = samples - 1 - step
        other = (np.int64(words[start + step]) * (last + 1)) >> 32
        stratum[last], stratum[other] = stratum[other], stratum[last]


@kernel
def _mersenne(seed: Int64, seeds: int, hypercube: bool, out: Float64) -> None:
    """Generators 0 and 1, ``_LANES`` seeds at a time.

    The state is renewed word by word as it is used, which gives the standard's stream and spares most of the
    624 words when samples are few.
    """
    samples = out.shape[1]
    state = np.empty((_STATE, _LANES), np.uint32)
    stratum = np.empty(samples, np.int64)
    for first in range(0, seeds, _LANES):
        lanes = min(_LANES, seeds - first)
        _seed_states(seed, first, lanes, state)
        for s in range(samples):
            for lane in range(lanes):
                high = _next_word(state, lane, 2 * s) >> np.uint32(5)
                low = _next_word(state, lane, 2 * s + 1) >> np.uint32(6)
                out[first + lane, s] = (high * 67108864.0 + low) / 9007199254740992.0
        if hypercube:
            for lane in range(lanes):
                _shuffle_by_rejection(state, lane, 2 * samples, stratum)
                for s in range(samples):
                    out[first + lane, s] = (stratum[s] - out[first + lane, s]) / samples


@inlined
def _seed_states(seed: Int64, first: int, lanes: int, state: UInt32) -> None:
    """Fill ``state`` [k, lane] from ``seed[first:first + lanes]``; the lanes beyond take the last seed."""
    for lane in range(_LANES):
        state[0, lane] = seed[first + min(lane, lanes - 1)]
    for k in range(1, _STATE):
        for lane in range(_LANES):
            before = np.uint64(state[k - 1, lane])
            state[k, lane] = (np.uint64(1812433253) * (before ^ (before >> np.uint64(30))) + np.uint64(k)) & _WORD


@inlined
def _next_word(state: UInt32, lane: int, position: int) -> np.uint32:
    """Word ``position`` of a lane's stream (uint32), renewing its place in the state. Call in order of position."""
    k = position % _STATE
    following = state[k + 1 if k + 1 < _STATE else 0, lane]
    mixed = (state[k, lane] & np.uint32(0x80000000)) | (following & np.uint32(0x7FFFFFFF))
    word = state[k + _SHIFT if k + _SHIFT < _STATE else k + _SHIFT - _STATE, lane] ^ (mixed >> np.uint32(1))
    if mixed & np.uint32(1):
        word ^= np.uint32(0x9908B0DF)
    word = np.uint32(word)
    state[k, lane] = word
    word ^= word >> np.uint32(11)
    word ^= (word << np.uint32(7)) & np.uint32(0x9D2C5680)
    word ^= (word << np.uint32(15)) & np.uint32(0xEFC60000)
    return np.uint32(word ^ (word >> np.uint32(18)))


@inlined
def _shuffle_by_rejection(state: UInt32, lane: int, position: int, stratum: Int64) -> None:
    """Fill ``stratum`` with 1..S shuffled by the words from ``position`` on; a word beyond its range is redrawn."""
    samples = stratum.shape[0]
    for s in range(samples):
        stratum[s] = s + 1
    mask = 0
    while mask < samples - 1:
        mask = 2 * mask + 1
    for last in range(samples - 1, 0, -1):
        while mask >> 1 >= last:
            mask >>= 1
        other = np.int64(last + 1)
        while other > last:
            other = np.int64(_next_word(state, lane, position)) & mask
            position += 1
        stratum[last], stratum[other] = stratum[other], stratum[last]
