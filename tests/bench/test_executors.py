"""The comparison of executors: a row of ratios, the least of the rounds on each side."""

from bench.executors import Round, _row


def test_a_row_has_the_least_of_each_side_and_their_ratio() -> None:
    threads = [Round(7, wall=2.0, processor=4.0, computing=3.0), Round(7, wall=3.0, processor=5.0, computing=2.0)]
    ray = [Round(7, wall=2.5, processor=4.2, computing=2.0)]
    expected = "| 2 | 7 | 4.00 | 4.20 | 1.050 | 2.00 | 2.00 | 1.000 | 2.00 | 2.50 | 1.250 |"
    assert _row(2, {"threads": threads, "ray": ray}) == expected
