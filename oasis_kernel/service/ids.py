"""Names for what the service keeps: short, unguessable, and in the order of their making."""

import secrets
import time

LENGTH = 26
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no letter that looks like a number
_RANDOM_BITS = 72


def new_id() -> str:
    """A new id of 26 characters: the microsecond it was made in, and 72 random bits; later ones sort after."""
    number = time.time_ns() // 1_000 << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5))
