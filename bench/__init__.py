"""Our whole run beside the reference engine's, on the same work in one session: ``make bench``."""
