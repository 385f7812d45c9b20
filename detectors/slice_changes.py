"""A signal's change, taken apart by the slices of one dimension: what happened within them, and what their mix did.

With weight w (its part of the denominators) and level r before (0) and since (1), and R₀ the whole's level before, a
slice contributes w₁(r₁ − r₀) + (w₁ − w₀)(r₀ − R₀). Over the values of a dimension these add up to R₁ − R₀.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.divergence import divergence_terms
from detectors.slice_noise import as_normal, learn_factor, unit_variance
from detectors.slice_table import SliceTable

Floats = NDArray[np.float64]
NEW: Final = 8.0
"""A slice whose weight has grown more than so many times has no past that its level could be compared with."""
LEAST_EVENTS: Final = 5.0
"""Expected events below which a count is no normal number (Cochran 1954)."""
LEAST_UNITS: Final = 20.0
"""The same for means of skewed numbers."""


@dataclass(frozen=True)
class SliceChanges:
    """All arrays are of shape (values,)."""

    table: SliceTable
    level_before: Floats
    level_after: Floats
    weight_before: Floats
    weight_after: Floats
    within: Floats
    """What happened within a slice, as part of the whole's change."""
    mix: Floats
    """What its becoming a larger or smaller part of the traffic did."""
    expected: Floats
    """Numerator since the change, had the slice kept its level."""
    excess: Floats
    """Numerator above that."""
    scale: Floats
    """What the excess is divided by to compare slices: see `Noise.relative`."""
    testable: NDArray[np.bool_]
    factor: Floats | None
    """Of the unit variances; None where nobody can say what is chance."""
    freedom: float

    @property
    def total(self) -> float:
        """The whole's change, R₁ − R₀."""
        return float((self.within + self.mix).sum())

    def sizes(self, among: NDArray[np.bool_]) -> Floats:
        """Give how large the change is within each slice, and, below, within the others of `among`; shape (2, v)."""
        own = np.divide(self.excess, self.scale, out=np.zeros_like(self.scale), where=self.scale > 0)
        excess, scale = (float(x[among].sum()) for x in (self.excess, self.scale))
        rest = np.maximum(scale - self.scale, 0.0)
        others = np.divide(excess - self.excess, rest, out=np.zeros_like(rest), where=rest > 0)
        return np.stack([own, others])

    def contrasts(self, among: NDArray[np.bool_]) -> Floats:
        """Give, as a standard normal number, how much more happened within each slice than within the others.

        Under the hypothesis that all of `among` have changed alike.
        """
        if self.factor is None:
            return np.zeros_like(self.scale)
        variance = self._variance(among)
        own, others = self.sizes(among)
        scale, total = float(self.scale[among].sum()), float(variance[among].sum())
        rest = scale - self.scale
        usable = among & self.testable & (rest > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = variance / self.scale**2 + np.maximum(total - variance, 0.0) / rest**2
            statistic = np.where(usable & (spread > 0), (own - others) / np.sqrt(spread), 0.0)
        return as_normal(statistic, self.freedom)

    def own_changes(self) -> Floats:
        """Give, as a standard normal number, how much happened within each slice by itself."""
        if self.factor is None:
            return np.zeros_like(self.scale)
        variance = self._variance(np.zeros_like(self.testable))
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = np.where(self.testable & (variance > 0), self.excess / np.sqrt(variance), 0.0)
        return as_normal(statistic, self.freedom)

    def size_errors(self) -> Floats | None:
        """Give the standard error of how large the change is within each slice; None where nobody can say."""
        if self.factor is None:
            return None
        error = np.sqrt(self._variance(np.ones_like(self.testable)))
        return np.divide(error, self.scale, out=np.full_like(error, np.inf), where=self.scale > 0)

    def _variance(self, alike: NDArray[np.bool_]) -> Floats:
        """Give the variance of each excess, at the level that a slice has if all of `alike` changed as one."""
        assert self.factor is not None  # noqa: S101  (both callers have looked)
        table = self.table
        scale = float(self.scale[alike].sum())
        common = float(self.excess[alike].sum()) / scale if scale else 0.0
        moved = self.level_before * (1 + common) if table.noise.relative else self.level_before + common
        floor = 0.5 / np.maximum(table.before[1] + table.after[1], 1.0)
        before, after = (
            self.factor * unit_variance(table.noise, np.maximum(level, floor)) for level in (self.level_before, moved)
        )
        m0, m1 = table.before[1], table.after[1]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(m0 > 0, after * m1 + before * m1**2 / m0, 0.0)


def take_apart(table: SliceTable) -> SliceChanges | None:
    """Take a table apart; None where there is nothing on one of the sides."""
    (x0, m0), (x1, m1) = table.before, table.after
    if not m0.sum() or not m1.sum():
        return None
    w0, w1 = m0 / m0.sum(), m1 / m1.sum()
    r0 = np.divide(x0, m0, out=np.zeros_like(x0), where=m0 > 0)
    r1 = np.divide(x1, m1, out=np.zeros_like(x1), where=m1 > 0)
    if table.kind == "exposure":
        return _exposure(table, r0, r1)
    known = w0 * NEW > w1
    if table.kind == "ratio":
        # A slice that is only in one of the two has its only level in both.
        r0 = np.where(known, r0, r1)
        r1 = np.where(m1 > 0, r1, r0)
    expected = m1 * r0
    excess = np.where(known, x1 - expected, 0.0)
    whole = float(x0.sum() / m0.sum())
    if table.kind == "volume":
        within, mix = r1 - r0, np.zeros_like(r0)
    else:
        within, mix = w1 * (r1 - r0), (w1 - w0) * (r0 - whole)
    scale = np.where(known, expected if table.noise.relative else m1, 0.0)
    testable = known & (m1 > 0)
    if table.noise.variance in {"share", "count"}:
        # As many as there would be if all had changed alike, or not at all.
        common = excess.sum() / scale.sum() if scale.sum() else 0.0
        testable &= np.maximum(expected, expected + common * scale) >= LEAST_EVENTS
    else:
        testable &= m1 >= LEAST_UNITS
    learned = learn_factor(table)
    factor, freedom = learned if learned is not None else (None, 1.0)
    return SliceChanges(table, r0, r1, w0, w1, within, mix, expected, excess, scale, testable, factor, freedom)


def _exposure(table: SliceTable, p0: Floats, p1: Floats) -> SliceChanges:
    """Of exposure the divergence's terms are shared out; what is tested is each category's share."""
    terms = divergence_terms(
        dict(zip(table.values, table.after[0].tolist(), strict=True)),
        dict(zip(table.values, table.before[0].tolist(), strict=True)),
    )
    mix = np.array([terms[value] for value in table.values])
    expected = table.after[1] * p0
    learned = learn_factor(table)
    factor, freedom = learned if learned is not None else (None, 1.0)
    testable = np.maximum(expected, table.after[0]) >= LEAST_EVENTS
    # Where one category goes all others take the same part of its place; a new one has no level to be a part of.
    middle = (expected + table.after[0]) / 2
    return SliceChanges(
        table, p0, p1, p0, p1, np.zeros_like(p0), mix, expected, table.after[0] - expected, middle, testable,
        factor, freedom,
    )  # fmt: skip
