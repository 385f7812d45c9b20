"""What the watched signals did over a recording of any length, in bounded memory: for plots.

Each signal of each series has at most so many cells of equal length. When time runs beyond them, pairs of cells are
joined, so a cell holds one cohort, then two, four, eight.
"""

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from detectors.rules import Rule
from schemas.scores import Series
from schemas.signals import SignalPoint

CELLS: Final = 512
"""About as many as a plot has pixels for."""


class Cell(NamedTuple):
    """Some cohorts together."""

    start_ms: int
    end_ms: int
    value: float
    """Mean, weighted by n."""
    standard_error: float
    """Of the mean; 0 where the cohorts do not tell."""


class Trace:
    """One signal of one series at one horizon.

    >>> trace = Trace(0, 10_000, cells=2)
    >>> for start_ms in (0, 10_000, 20_000):
    ...     trace.add(start_ms, start_ms / 10_000, 0.0, 1)
    >>> [(cell.start_ms, cell.end_ms, cell.value) for cell in trace.read()]
    [(0, 20000, 0.5), (20000, 40000, 2.0)]
    """

    def __init__(self, first_ms: int, bucket_ms: int, cells: int = CELLS) -> None:
        self._first_ms = first_ms
        self._cell_ms = bucket_ms
        self._cells = cells
        self._weights = array("d")
        self._sums = array("d")
        self._variances = array("d")
        """Of the sums."""

    def add(self, start_ms: int, value: float, standard_error: float, n: int) -> None:
        """Add a cohort's value; cohorts before the first are left out."""
        if start_ms < self._first_ms or not math.isfinite(value):
            return
        while (place := (start_ms - self._first_ms) // self._cell_ms) >= self._cells:
            self._halve()
        missing = place + 1 - len(self._sums)
        for column in (self._weights, self._sums, self._variances):
            column.extend([0.0] * missing)
        weight = float(max(n, 1))
        self._weights[place] += weight
        self._sums[place] += weight * value
        self._variances[place] += (weight * standard_error) ** 2

    def read(self) -> Iterator[Cell]:
        """Give the cells that hold something, ascending."""
        for place, weight in enumerate(self._weights):
            if weight:
                start_ms = self._first_ms + place * self._cell_ms
                error = math.sqrt(self._variances[place]) / weight
                yield Cell(start_ms, start_ms + self._cell_ms, self._sums[place] / weight, error)

    def _halve(self) -> None:
        self._weights, self._sums, self._variances = (
            array("d", (sum(column[place : place + 2]) for place in range(0, len(column), 2)))
            for column in (self._weights, self._sums, self._variances)
        )
        self._cell_ms *= 2


class Traces:
    """The traces of all signals that a rule watches.

    Args:
        rules: those of the backtest.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._watched: dict[tuple[str, int], bool] = {}
        self._traces: dict[tuple[Series, str, int], Trace] = {}

    def take(self, points: Iterable[SignalPoint]) -> None:
        """Take the points of a cohort."""
        for point in points:
            if point.value is None or not self._is_watched(point.signal, point.horizon_s):
                continue
            what = (point.series, point.signal, point.horizon_s)
            trace = self._traces.get(what)
            if trace is None:
                trace = self._traces[what] = Trace(point.cohort_start_ms, point.bucket_s * 1000)
            trace.add(point.cohort_start_ms, point.value, point.standard_error or 0.0, point.n)

    def of(self, series: Series, signal: str, horizon_s: int) -> list[Cell]:
        """Give what a signal did; nothing where it never had a value."""
        trace = self._traces.get((series, signal, horizon_s))
        return [] if trace is None else list(trace.read())

    def _is_watched(self, signal: str, horizon_s: int) -> bool:
        what = (signal, horizon_s)
        if what not in self._watched:
            self._watched[what] = any(rule.watches(signal) and rule.horizon_s == horizon_s for rule in self._rules)
        return self._watched[what]
