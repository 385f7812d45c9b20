"""Streams for `bench false-alarms`: what a rule sees of a shop in which nothing changes, but all that is usual moves.

Each stream is a shop of its own, drawn from wide ranges: how much comes, how it follows the day, how alike the
impressions of a page are, by how much cohorts differ beyond their sampling, and how long what they have in common
lasts.
"""

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.observation import Observation
from detectors.rules import Rule

COHORT_S: Final = 10
DAY_COHORTS: Final = 8640
CATEGORIES: Final = 12
Floats = npt.NDArray[np.float64]


class Kind(NamedTuple):
    """What the cohorts of a rule's signal are made of."""

    level: tuple[float, float]
    """Smallest and largest level of a shop."""
    alike: tuple[float, float]
    """By how much the sum over a page varies more than of independent units; of means, the units' variance."""
    law: str
    """`rate`: events per second; `share`: events of units; `mean`: of units; `divergence`: of pooled exposure."""


KINDS: Final = {
    "search_rate": Kind((0.0, 0.0), (1.0, 2.0), "rate"),
    "ctr": Kind((0.02, 0.12), (1.0, 2.5), "share"),
    "latency_p95": Kind((0.01, 0.05), (1.0, 1.5), "share"),
    "latency_p99": Kind((0.003, 0.01), (1.0, 1.5), "share"),
    "zero_result_rate": Kind((0.005, 0.05), (1.0, 1.5), "share"),
    "missing_field_rate": Kind((0.005, 0.05), (1.0, 10.0), "share"),
    "unknown_token_rate": Kind((0.01, 0.08), (1.0, 2.0), "share"),
    "match_at_10": Kind((0.55, 0.85), (0.006, 0.03), "mean"),
    "ctr_proxy_lift": Kind((-0.05, 0.1), (0.2, 0.6), "mean"),
    "exposure_js": Kind((0.0, 0.0), (3.0, 9.0), "divergence"),
}
"""The signals of the default rules that chance can alarm."""


class Noise(NamedTuple):
    """What moves in a shop, as shares of the level."""

    volume_season: float
    level_season: float
    between: float
    """Deviation of cohorts beyond their sampling, each for itself."""
    wander: float
    """The same of what neighbouring cohorts have in common."""
    lasts_cohorts: float
    """How long that lasts: the time constant of an autoregressive process."""


def draw_noise(rng: np.random.Generator) -> Noise:
    """Draw what moves in a shop."""
    return Noise(
        volume_season=float(rng.uniform(0.1, 0.5)),
        level_season=float(rng.uniform(0.0, 0.04)),
        between=float(rng.uniform(0.0, 0.06)),
        wander=float(rng.uniform(0.0, 0.05)),
        lasts_cohorts=float(np.exp(rng.uniform(math.log(1), math.log(200)))),
    )


def draw_null_stream(rng: np.random.Generator, rule: Rule, cohorts: int) -> Iterator[Observation | None]:
    """Draw what a rule sees of each cohort; None where it sees nothing.

    Args:
        rng: random numbers.
        rule: with the signal to draw.
        cohorts: how many.
    """
    kind, noise = KINDS[rule.signal], draw_noise(rng)
    day = 2 * np.pi * np.arange(cohorts) / DAY_COHORTS
    moves = np.exp(noise.between * rng.normal(size=cohorts) + noise.wander * _lasting(rng, noise, cohorts))
    moves *= 1 + noise.level_season * np.sin(day + rng.uniform(0, 6))
    season = 1 + noise.volume_season * np.sin(day + rng.uniform(0, 6))
    level, alike = float(rng.uniform(*kind.level)), float(rng.uniform(*kind.alike))
    # The smallest change worth an alert is so many deviations of a cohort: below that it takes hours to be found, and
    # above it chance hardly ever points so far.
    step = float(np.exp(rng.uniform(math.log(0.3), math.log(1.5))))
    effect = rule.settings["min_effect"] * (level if rule.settings.get("relative") else 1.0)
    if kind.law == "rate":
        mean = max(1.2, (step / rule.settings["min_effect"]) ** 2 * alike)
        events = _events(rng, mean * season * moves, alike)
        for x in events.tolist():
            yield Observation(x, COHORT_S, int(x), x, x, COHORT_S, counts=True)
    elif kind.law == "share":
        units = rng.poisson(_between(step**2 * level * alike / effect**2, 20, 20_000) * season)
        events = np.minimum(_events(rng, np.asarray(units * level * moves, np.float64), alike), units)
        for x, n in zip(events.tolist(), units.tolist(), strict=True):
            yield Observation(x, n, n, x, x, n, counts=True) if n else None
    elif kind.law == "mean":
        units = rng.poisson(_between(step**2 * alike / effect**2, 5, 5000) * season)
        # Where the mean is near zero, what moves is a share of what one unit scatters.
        size = level if rule.signal == "match_at_10" else math.sqrt(alike)
        moved = level + size * (moves - 1) * (0.2 if rule.signal == "match_at_10" else 1.0)
        values = units * moved + np.sqrt(units * alike) * rng.normal(size=cohorts)
        for x, n in zip(values.tolist(), units.tolist(), strict=True):
            yield Observation(x, n, n, 0.0, x, n) if n else None
    else:
        shown = rng.uniform(400, 800)
        root = np.sqrt(alike * rng.chisquare(CATEGORIES - 1, cohorts) / (2 * math.log(2))) * moves
        for x in root.tolist():
            yield Observation(x, 1.0, rule.min_n, 0.0, x * x / shown, 1.0, root_n=shown)


def _between(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def _events(rng: np.random.Generator, mean: Floats, alike: float) -> npt.NDArray[np.int64]:
    """Draw counts whose variance is `alike` times their mean: negative binomial."""
    if alike < 1.01:
        return rng.poisson(mean)
    return rng.poisson(rng.gamma(np.maximum(mean, 1e-12) / (alike - 1), alike - 1))


def _lasting(rng: np.random.Generator, noise: Noise, cohorts: int) -> Floats:
    """Draw an autoregressive process of variance 1."""
    keep = math.exp(-1 / noise.lasts_cohorts)
    value, values = float(rng.normal()), []
    for step in (rng.normal(size=cohorts) * math.sqrt(1 - keep * keep)).tolist():
        value = keep * value + step
        values.append(value)
    return np.array(values)
