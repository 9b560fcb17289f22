"""A synthetic country: a windstorm model in the Oasis standard layout and a national portfolio, of any size.

    python -m bench.national make --locations 1000000 --events 10000 --out DIR

It is made to be heavy, not to be right: storms, damage and values have realistic shapes and proportions, and are fitted
to nothing. The same seed gives the same country, and a larger one holds the smaller: location k and event k stay what
they are when more follow, so that what doubles in a study of scale is the work alone.
"""
