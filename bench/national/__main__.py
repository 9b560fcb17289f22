"""``python -m bench.national make``."""

import argparse
import time
from pathlib import Path

from bench.national.make import SEED, Size, make


def main() -> None:
    """Make the country that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.national", description="A synthetic country of any size.")
    verb = parser.add_subparsers(dest="verb", required=True).add_parser("make", help="write one into a folder")
    for name in ("locations", "events", "samples", "periods"):
        verb.add_argument(f"--{name}", type=int, default=getattr(Size, name))
    verb.add_argument("--seed", type=int, default=SEED)
    verb.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    size = Size(given.locations, given.events, given.samples, given.periods)
    began = time.perf_counter()
    configuration = make(given.out, size, given.seed)
    print(f"{configuration}: {size} in {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
