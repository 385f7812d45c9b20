"""Between which numbers a promise that is kept leaves the alarms."""

import math


def poisson_interval(expected: float, share: float = 0.95) -> tuple[int, int]:
    """Give the numbers between which a Poisson number of that mean lies with at least a probability.

    >>> poisson_interval(40.0)
    (28, 53)
    """
    below, x = math.exp(-expected), 0
    term, low = below, -1
    while True:
        if low < 0 and below >= (1 - share) / 2:
            low = x
        if below >= (1 + share) / 2:
            return low, x
        x += 1
        term *= expected / x
        below += term
