"""How high a watch's evidence climbs by chance, as seen so far, and the threshold that keeps a promise.

Evidence of a CUSUM climbs from zero and falls back: an excursion. Were its updates independent and its law known, then
an excursion's peak would pass h at a rate that theory gives, e times rarer for each nat. Real noise is neither, so that
rate is where a watch begins, and the peaks that it sees take its place: those above a level are counted, how far they
pass it gives how fast they become rarer, and the line is carried on to the rate that was promised.
"""

import math
from bisect import insort
from collections.abc import Callable
from typing import Final

import msgspec

KEEP: Final = 64
"""Peaks kept of each half of the window."""
HALF_MS: Final = 7 * 24 * 3_600_000
"""Half the window, at most: noise of other weeks is other noise."""
HALF_OF_PROMISE: Final = 4
"""It is also at most so many times the promised time: peaks that are as rare as what is promised tell most of it."""
LOWEST: Final = 1.0
"""Height from which peaks are counted: below it they do not become rarer by one factor for each nat."""
BELIEF: Final = 40.0
"""Peaks that theory's e times rarer for each nat is worth at first, where the level's scatter is known well enough; it
fades as peaks are seen, and is gone after `KEEP`."""
RATE_BELIEF: Final = 5.0
"""Peaks that theory's rate is worth at first."""
CORRECTION_ALARMS: Final = 10.0
"""Alarms that the promise is worth against the alarms that came."""
MOST_CORRECTED: Final = 3.0
"""The promise is held by aiming at most so many times higher: true changes alarm as well, and must not be forgotten."""
LEAST: Final = 2.0
"""No threshold is lower, in nats."""

Rate = Callable[[float], float]
"""From a threshold in nats to how often theory lets evidence pass it by chance, per millisecond."""


class Half(msgspec.Struct, array_like=True):
    """Half of the window."""

    watched_ms: float = 0.0
    alarms: float = 0.0
    peaks: list[float] = []
    """Heights of the highest peaks, rising, at most `KEEP`."""


class Excursions(msgspec.Struct, array_like=True):
    """What a watch remembers of its evidence's peaks."""

    now: Half = msgspec.field(default_factory=Half)
    before: Half = msgspec.field(default_factory=Half)
    alarms: float = 0.0
    """All of them, and how many were promised meanwhile; both fade."""
    promised: float = 0.0

    def watch(self, duration_ms: float, every_ms: float) -> None:
        """Count time in which evidence could have climbed."""
        self.now.watched_ms += duration_ms
        self.promised += duration_ms / every_ms
        if self.promised > 4 * CORRECTION_ALARMS:
            self.promised, self.alarms = self.promised / 2, self.alarms / 2
        if self.now.watched_ms >= min(HALF_MS, HALF_OF_PROMISE * every_ms):
            self.before, self.now = self.now, Half()

    def end(self, peak: float) -> bool:
        """Remember an excursion that fell back to zero; whether it was high enough to tell something."""
        height = _height(peak)
        if height < LOWEST or (len(self.now.peaks) == KEEP and height <= self.now.peaks[0]):
            return False
        insort(self.now.peaks, height)
        del self.now.peaks[:-KEEP]
        return True

    def alarm(self) -> None:
        """Remember an excursion that passed the threshold."""
        self.now.alarms += 1
        self.alarms += 1

    def threshold(self, every_ms: float, rate: Rate, belief: float, present: float) -> float:
        """Give the threshold that chance passes once in `every_ms`.

        It is that of the predictive distribution, Pareto's: how fast peaks become rarer is known from so many of them
        only, and a line that is carried on too steeply costs more alarms than one too flat saves.

        Args:
            every_ms: the promise.
            rate: what theory says.
            belief: peaks that theory is worth for how fast they become rarer.
            present: the present threshold, that past alarms passed.

        References:
            Davison & Smith (1990), Models for exceedances over high thresholds.
        """
        halves = (self.now, self.before)
        base = max([LOWEST, *(half.peaks[0] for half in halves if len(half.peaks) == KEEP)])
        excesses = [peak - base for half in halves for peak in half.peaks if peak > base]
        watched_ms = self.now.watched_ms + self.before.watched_ms
        # An alarm is a peak of unknown height. More of them than twice what chance was promised are true changes: they
        # say nothing about chance, and must not make the watch deaf.
        alarms = min(self.now.alarms + self.before.alarms, 2 * watched_ms / every_ms)
        seen = len(excesses) + alarms
        left = max(0.0, 1 - len(excesses) / KEEP)
        belief, rate_belief = left * belief, left * RATE_BELIEF
        shape = belief + len(excesses)
        per_ms = (rate_belief + seen) / (rate_belief / rate(_evidence(base)) + watched_ms)
        scale = belief + sum(excesses)
        if alarms:
            scale += alarms * max(0.0, _height(present) - base)
        # What noise does after an alarm, and whatever else the line does not know, shows in how many alarms came.
        kept = (CORRECTION_ALARMS + self.alarms) / (CORRECTION_ALARMS + self.promised)
        every_ms *= min(MOST_CORRECTED, max(1 / MOST_CORRECTED, kept * kept))
        further = scale * math.expm1(math.log(per_ms * every_ms) / shape)
        return max(LEAST, _evidence(base + further))


def _height(evidence: float) -> float:
    """Put evidence on the scale on which peaks of Brownian motion with drift become rarer by e for each step."""
    if evidence > 50:
        return evidence
    return math.log(math.expm1(evidence)) if evidence > 0.01 else -math.inf


def _evidence(height: float) -> float:
    return math.log1p(math.exp(height)) if height < 50 else height


def theory(steps: tuple[float, ...], update_ms: float) -> Rate:
    """Give how often CUSUMs for shifts of normal numbers pass a threshold by chance, their alarms added up.

    Args:
        steps: each one's shift, in standard deviations of an update.
        update_ms: time from update to update.

    References:
        Siegmund (1985), Sequential Analysis, section 2.6: what an update passes the threshold by is 0.583 deviations.
    """

    def rate(threshold: float) -> float:
        total = 0.0
        for step in steps:
            b = min(300.0, threshold + 1.166 * step)
            total += step * step / (2 * (math.expm1(b) - b))
        return total / update_ms

    return rate
