"""Head, torso and tail: how often a query is asked, beside the others of a file."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

BANDS: Final = ("head", "torso", "tail")


def bands_of(queries: NDArray[np.uint64], counts: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """Sort rows into bands of a third of all searches each.

    A query is in the head while those asked more often than it make up less than a third of all searches, in the tail
    from two thirds on. Queries asked equally often are in one band.

    Args:
        queries: which query each row has, shape (rows,).
        counts: how often it was asked, shape (rows,); NaN where the row does not say. The largest
            counts; where no row of the query says, its rows are counted.

    Returns:
        The number of each row's band in `BANDS`; None where all queries are asked equally often.
    """
    _, query_of, rows = np.unique(queries, return_inverse=True, return_counts=True)
    told = np.full(len(rows), np.nan)
    np.fmax.at(told, query_of, counts)
    asked = np.where(np.isnan(told), rows, told)
    times, which = np.unique(-asked, return_inverse=True)
    if len(times) < 2 or not asked.sum():
        return None
    mass = np.bincount(which, asked)
    above = (np.cumsum(mass) - mass) / mass.sum()
    band: NDArray[np.int64] = np.minimum((above * len(BANDS)).astype(np.int64), len(BANDS) - 1)
    return band[which][query_of]
