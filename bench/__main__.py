"""``python -m bench``."""

from bench.whole_run import main

main()
