"""Weeks of a shop's volume, as rollups and controls: nights, closing hours, Sundays, steep mornings, and faults."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.detect_fold import DetectFold
from detectors.detect_fold_settings import DetectFoldSettings
from detectors.outputs import Transition
from detectors.rules import DEFAULT_RULES
from schemas.alerts import AlertData
from schemas.rollup import Clicks, Rollup, RollupControl
from schemas.scores import Series
from schemas.timestamps import timestamp_ms

DAY_S: Final = 86_400
HOUR_S: Final = 3600
MONDAY_MS: Final = 1_795_392_000_000
"""A Monday's midnight, UTC."""
SERIES: Final = Series("shop", "search", "*", "*")
VOLUME_RULES: Final = tuple(
    rule for rule in DEFAULT_RULES if rule.name in {"searches_absent", "click_tracking_lost", "search_rate_drop"}
)
Floats = npt.NDArray[np.float64]
Shape = Callable[[Floats, Floats, Floats], Floats]
"""From hours of the day, days since Monday, and by how many hours the day's edges are late, to a share of the peak."""


class Fault(NamedTuple):
    """A stretch in which a part of the searches is lost."""

    day: float
    hours: float
    left: float
    """Share of the searches that still comes."""


def night_of_a_tenth(hour: Floats, _day: Floats, late: Floats) -> Floats:
    """Down to a tenth from 21:30 to 23:30, up from 6:00 to 8:00."""
    return _between(hour - late, (6.0, 8.0), (21.5, 23.5), 0.1)


def flash_morning(hour: Floats, _day: Floats, late: Floats) -> Floats:
    """Fifty times as much within an hour, from 7:00; down over four hours."""
    return _between(hour - late, (7.0, 8.0), (20.0, 24.0), 0.02)


def closed_at_night(hour: Floats, _day: Floats, late: Floats) -> Floats:
    """Open from 7:00 to 22:00."""
    return np.where((hour >= 7 + late) & (hour < 22 + late), 0.6 + 0.4 * np.sin((hour - 7) / 15 * np.pi), 0.0)


def half_on_sundays(hour: Floats, day: Floats, late: Floats) -> Floats:
    """A wave from a fifth to one; from midnight on half of it on Sundays."""
    wave = np.exp(-0.8 * (1 + np.cos((hour - late - 4) / 12 * np.pi)))
    return np.where(np.floor(day) % 7 == 6, 0.5, 1.0) * wave


def short_sundays(hour: Floats, day: Floats, late: Floats) -> Floats:
    """Open from 7:00 to 22:00, on Sundays from 11:00 to 17:00."""
    sunday = np.floor(day) % 7 == 6
    return np.where(sunday & ((hour < 11 + late) | (hour >= 17 + late)), 0.0, closed_at_night(hour, day, late))


def wave_of_ten(hour: Floats, _day: Floats, late: Floats) -> Floats:
    """A wave from a tenth to one."""
    return np.exp(-math.log(10) / 2 * (1 + np.cos((hour - late - 4) / 12 * np.pi)))


SHAPES: Final[Sequence[Shape]] = (
    night_of_a_tenth, flash_morning, closed_at_night, half_on_sundays, short_sundays, wave_of_ten
)  # fmt: skip


def _between(hour: Floats, up: tuple[float, float], down: tuple[float, float], least: float) -> Floats:
    rising = np.clip((hour - up[0]) / (up[1] - up[0]), 0, 1)
    falling = np.clip((hour - down[0]) / (down[1] - down[0]), 0, 1)
    share: Floats = np.exp(math.log(least) * (1 - rising + falling))
    return share


class Weeks(NamedTuple):
    """How a shop's weeks are drawn."""

    shape: Shape
    days: int = 14
    peak_per_s: float = 5.0
    bucket_s: int = 60
    jitter_h: float = 0.25
    """By how much the edges of a day are early or late, at most."""
    alike: float = 1.5
    """By how much counts vary more than Poisson's."""
    faults: tuple[Fault, ...] = ()
    first_h: float = 9.0
    """Hour at which the log begins."""
    later_h: Callable[[float], float] = lambda _: 0.0
    """By how many hours the clock of the shop is late, by day."""
    missing: Callable[[float], bool] = lambda _: False
    """Whether the log lacks a cohort."""

    def rates(self, rng: np.random.Generator) -> Floats:
        """Searches a second in each cohort."""
        cohorts = int((self.days * DAY_S - self.first_h * HOUR_S) / self.bucket_s)
        day = (np.arange(cohorts) + 0.5) * self.bucket_s / DAY_S + self.first_h / 24
        shop_day = day - np.array([self.later_h(x) for x in day]) / 24
        whole = np.floor(shop_day).astype(int) + 1
        late = rng.uniform(-self.jitter_h, self.jitter_h, (self.days + 2, 2))
        half = (shop_day % 1 > 0.6).astype(int)
        level = np.exp(rng.normal(0, 0.08, self.days + 2))[whole]
        rate: Floats = self.peak_per_s * level * self.shape(shop_day % 1 * 24, shop_day, late[whole, half])
        rate *= np.exp(0.04 * rng.normal(size=cohorts) + 0.05 * _wander(rng, cohorts, 900 / self.bucket_s))
        for fault in self.faults:
            rate[(day >= fault.day) & (day < fault.day + fault.hours / 24)] *= fault.left
        return rate

    def records(self, seed: int) -> Iterator[Rollup | RollupControl]:
        """Give the log."""
        rng = np.random.default_rng(seed)
        mean = self.rates(rng) * self.bucket_s
        more = self.alike - 1
        searches = rng.poisson(rng.gamma(np.maximum(mean, 1e-12) / more, more) if more else mean)
        clicks = rng.binomial(searches, 0.3)
        first_ms = MONDAY_MS + int(self.first_h * HOUR_S * 1000)
        for i, (n, clicked) in enumerate(zip(searches.tolist(), clicks.tolist(), strict=True)):
            start_ms, end_ms = first_ms + i * self.bucket_s * 1000, first_ms + (i + 1) * self.bucket_s * 1000
            if self.missing((start_ms - MONDAY_MS) / DAY_S / 1000):
                continue
            if n:
                yield Rollup(SERIES, start_ms, self.bucket_s, 0, 0, searches=n, impressions=10 * n)
                labels = Clicks(clicks=clicked, xx=clicked)
                yield Rollup(SERIES, start_ms, self.bucket_s, 60, 0, searches=n, impressions=10 * n, labels=labels)
            yield RollupControl(0, 1, {0: end_ms, 60: end_ms}, end_ms, end_ms + 30_000, idle=False, wall_ms=end_ms)


def _wander(rng: np.random.Generator, cohorts: int, lasts: float) -> Floats:
    keep, value, values = math.exp(-1 / lasts), 0.0, []
    for step in (rng.normal(size=cohorts) * math.sqrt(1 - keep * keep)).tolist():
        value = keep * value + step
        values.append(value)
    return np.array(values)


class Fired(NamedTuple):
    """An alert that fired."""

    rule: str
    day: float
    """When, in days since Monday."""
    data: AlertData


def fired(weeks: Weeks, seed: int) -> list[Fired]:
    """Give what the volume rules say of a shop's weeks; repeats are left out."""
    fold = DetectFold(DetectFoldSettings(bucket_s=weeks.bucket_s), VOLUME_RULES)
    return [
        Fired(one.data.rule, (timestamp_ms(one.data.detected_at, "test") - MONDAY_MS) / DAY_S / 1000, one.data)
        for offset, record in enumerate(weeks.records(seed))
        for one in fold.apply(record, offset)
        if isinstance(one, Transition) and one.data.status == "firing" and not one.data.repeat
    ]
