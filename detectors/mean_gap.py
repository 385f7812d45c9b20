"""The gap between the means of two versions side by side: a test that may be read after every cohort."""

import math
from typing import Any, Final, NamedTuple

import msgspec

from detectors.drift import Change, Direction

FIRST_BLOCKS: Final = 10.0
"""The test is sharpest when it has seen about so many blocks like the first one, times 2·log(1/alpha)."""
LEAST_BLOCKS: Final = 8
"""Blocks before the first verdict: how much chance there is in them must be known."""
PRIOR_BLOCKS: Final = 4.0
"""Blocks as even as their errors say that the estimate of the dispersion begins with."""
LEAST_DEVIATION: Final = 1e-6
"""Numbers that do not scatter at all are taken to scatter by this share of their size."""


class Sample(NamedTuple):
    """Numbers of one version in one block."""

    total: float
    n: float
    """How many they are."""
    variance: float
    """Sampling variance of their total."""


class Gap(msgspec.Struct):
    """What the test remembers."""

    updates: int = 0
    canary: Sample = Sample(0.0, 0.0, 0.0)
    live: Sample = Sample(0.0, 0.0, 0.0)
    worse: float = 0.0
    """By how much the canary was worse than it may be, each block times its weight."""
    weight: float = 0.0
    variance: float = 0.0
    """Of `worse`."""
    prior: float = 0.0
    """ρ, in the unit of `variance`."""
    squares: float = 0.0
    """Squared distances of the blocks' gaps from their common one, each in its variance."""
    detected: bool = False


class MeanGapTest:
    """Says that a canary's mean is lower (or higher) than live's, wrongly with probability about `alpha` at most.

    Each block's gap counts by how many numbers it rests on, with the variance that numbers have had so far in both
    versions. The sum S of variance V is compared with what every gap at once would make of it (a mixture over
    half-normal gaps): 2·√(ρ/(V + ρ))·exp(S²/(2(V + ρ)))·Φ(S/√(V + ρ)), which reaches 1/alpha with probability alpha at
    most, however often it is looked at. That is exact for normal means, and true in the limit for others.

    Args:
        direction: which way the canary would be worse.
        margin: by what share of live's mean it may be worse without harm.
        alpha: probability of a false verdict over the whole canary.

    >>> test = MeanGapTest("down", margin=0.0, alpha=0.001)
    >>> for index in range(100):
    ...     canary = Sample(14.0 if index < 50 else 13.0, 20, 0.2)
    ...     test.update(canary, Sample(140.0, 200, 2.0))
    ...     if test.drift_detected:
    ...         print(index, round(test.estimate, 3))
    ...         break
    65 0.688

    References:
        Robbins (1970), Statistical methods related to the law of the iterated logarithm; Howard, Ramdas, McAuliffe &
        Sekhon (2021), Time-uniform, nonparametric, nonasymptotic confidence sequences; Waudby-Smith, Arbour, Sinha,
        Kennedy & Ramdas (2024), Time-uniform central limit theory and asymptotic confidence sequences.
    """

    def __init__(self, direction: Direction, margin: float, alpha: float) -> None:
        if not (0 <= margin < 1 and 0 < alpha < 1):
            raise ValueError(f"margin {margin} and alpha {alpha} must be below 1, and alpha above 0")
        self._direction: Direction = direction
        self._sign = 1.0 if direction == "up" else -1.0
        self._margin = margin
        self._wanted = -math.log(alpha)
        self._s = Gap()

    def update(self, canary: Sample, live: Sample) -> None:
        """Take the next block of both; one that is not finite, or lacks one of the two, is ignored."""
        numbers = (*canary, *live)
        if not all(math.isfinite(x) for x in numbers) or min(canary.n, live.n) <= 0:
            return
        if min(canary.variance, live.variance) < 0:
            return
        s = self._s
        s.updates += 1
        s.canary, s.live = _plus(s.canary, canary), _plus(s.live, live)
        live_mean = live.total / live.n
        worse = self._sign * (canary.total / canary.n - live_mean) - self._margin * abs(live_mean)
        weight = canary.n * live.n / (canary.n + live.n)
        unit = (s.canary.variance + s.live.variance) / (s.canary.n + s.live.n)
        unit = max(unit, (LEAST_DEVIATION * max(abs(live_mean), LEAST_DEVIATION)) ** 2)
        if s.weight:
            s.squares += weight * (worse - s.worse / s.weight) ** 2 / unit
        else:
            s.prior = weight * unit * FIRST_BLOCKS
        s.worse, s.weight, s.variance = s.worse + weight * worse, s.weight + weight, s.variance + weight * unit
        s.detected = s.updates >= LEAST_BLOCKS and self.evidence >= self._wanted

    @property
    def evidence(self) -> float:
        """Logarithm of the evidence that the canary is worse; verdict from −log(alpha) on."""
        s = self._s
        if not s.updates:
            return 0.0
        spread = max(1.0, (PRIOR_BLOCKS + s.squares) / (PRIOR_BLOCKS + s.updates - 1))
        total = s.variance * spread + s.prior
        z = s.worse / math.sqrt(total)
        # Far below zero Φ(z)·exp(z²/2) is 1/(|z|·√(2π)), where Φ alone is 0 in floats.
        grown = (
            z * z / 2 + math.log(math.erfc(-z / math.sqrt(2))) if z > -10 else -math.log(-z * math.sqrt(math.pi / 2))
        )
        return grown + math.log(s.prior / total) / 2

    @property
    def drift_detected(self) -> bool:
        """Whether the evidence sufficed at the latest block."""
        return self._s.detected

    @property
    def estimate(self) -> float:
        """The canary's mean; 0 before the first block."""
        return self._s.canary.total / self._s.canary.n if self._s.canary.n else 0.0

    @property
    def change(self) -> Change | None:
        """Live's mean and the canary's, while `drift_detected`."""
        s = self._s
        return Change(self._direction, s.updates, s.live.total / s.live.n, self.estimate) if s.detected else None

    def reset(self) -> None:
        """Forget everything but the settings."""
        self._s = Gap()

    def state(self) -> dict[str, Any]:
        """Give the sums and the evidence."""
        state: dict[str, Any] = msgspec.to_builtins(self._s)
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another test with the same settings gave its `state`."""
        self._s = msgspec.convert(state, Gap)


def _plus(a: Sample, b: Sample) -> Sample:
    return Sample(a.total + b.total, a.n + b.n, a.variance + b.variance)
