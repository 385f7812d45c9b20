"""How events split between two versions side by side: a test that may be read after every cohort."""

import math
from typing import Any, Final

import msgspec

from detectors.drift import Change, Direction

STRENGTHS: Final = (1.1, 1.2, 1.35, 1.6, 2.0, 3.0, 6.0)
"""How many times the allowed ratio is looked for: evidence is the mean over them, so that none has to be chosen."""
LEAST_BLOCKS: Final = 8
"""Blocks before the first verdict: how much chance there is in them must be known."""
PRIOR_BLOCKS: Final = 4.0
"""Blocks as even as chance makes them that the estimate of the dispersion begins with."""


class Split(msgspec.Struct):
    """What the test remembers."""

    updates: int = 0
    x: float = 0.0
    n: float = 0.0
    live_x: float = 0.0
    live_n: float = 0.0
    gains: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(STRENGTHS))
    """Logarithm of the evidence for each ratio, as if nothing came in bursts."""
    blocks: int = 0
    squares: float = 0.0
    """Squared distances of the blocks' splits from their common one, each in its variance."""
    detected: bool = False


class EventSplitTest:
    """Says that a canary has more (or fewer) events per trial than live, wrongly with probability `alpha` at most.

    Events of each of the two are binomial or Poisson, and their rates may change from block to block as they like: by
    ratio r a block multiplies the evidence by (r/r₀)^x · ((n·r₀ + m)/(n·r + m))^(x + y) for x of n events of the canary
    and y of m of live. Its mean is at most 1 while the canary's rate is no more than r₀ times live's, since
    (1 + p·(a − 1))^n ≤ exp(n·p·(a − 1)). So the product, and its mean over several r, reaches 1/alpha with
    probability alpha at most, however often it is looked at (Ville 1939).

    Events in bursts are fewer events than they seem: the evidence, a logarithm, is divided by their dispersion.

    Args:
        direction: which way the canary would be worse.
        margin: by what share of live's rate it may be worse without harm.
        alpha: probability of a false verdict over the whole canary.

    >>> test = EventSplitTest("up", margin=0.1, alpha=0.001)
    >>> for index in range(100):
    ...     test.update(2 if index < 50 else 6, 100, 18, 900)
    ...     if test.drift_detected:
    ...         print(index, round(test.estimate, 4))
    ...         break
    67 0.0306

    References:
        Ramdas, Grünwald, Vovk & Shafer (2023), Game-theoretic statistics and safe anytime-valid inference;
        Turner, Ly & Grünwald (2024), Generic e-variables for exact sequential k-sample tests.
    """

    def __init__(self, direction: Direction, margin: float, alpha: float) -> None:
        if not (0 <= margin < 1 and 0 < alpha < 1):
            raise ValueError(f"margin {margin} and alpha {alpha} must be below 1, and alpha above 0")
        self._direction: Direction = direction
        self._allowed = 1 + margin if direction == "up" else 1 - margin
        self._ratios = [self._allowed * (x if direction == "up" else 1 / x) for x in STRENGTHS]
        self._wanted = -math.log(alpha)
        self._s = Split()

    def update(self, x: float, n: float, live_x: float, live_n: float, dispersion: float = 1.0) -> None:
        """Take the next block: x of n of the canary beside live_x of live_n; impossible ones are ignored.

        Args:
            x: events of the canary.
            n: its trials.
            live_x: events of live.
            live_n: its trials.
            dispersion: variance of the events over their mean, as far as it is known otherwise.
        """
        numbers = (x, n, live_x, live_n)
        if not all(0 <= number < math.inf for number in numbers) or not (n and live_n) or x > n or live_x > live_n:
            return
        s = self._s
        self._learn_dispersion(x, n, live_x, live_n)
        s.updates += 1
        s.x, s.n, s.live_x, s.live_n = s.x + x, s.n + n, s.live_x + live_x, s.live_n + live_n
        events, base = x + live_x, n * self._allowed + live_n
        for i, ratio in enumerate(self._ratios):
            s.gains[i] += x * math.log(ratio / self._allowed) + events * math.log(base / (n * ratio + live_n))
        s.detected = s.updates >= LEAST_BLOCKS and self.evidence(dispersion) >= self._wanted

    def evidence(self, dispersion: float = 1.0) -> float:
        """Logarithm of the evidence that the canary is worse; verdict from −log(alpha) on."""
        gains = self._s.gains
        spread = max(1.0, dispersion, self._dispersion)
        most = max(gains) / spread
        mean = sum(math.exp(gain / spread - most) for gain in gains) / len(gains)
        return most + math.log(mean)

    @property
    def drift_detected(self) -> bool:
        """Whether the evidence sufficed at the latest block."""
        return self._s.detected

    @property
    def estimate(self) -> float:
        """The canary's rate; 0 before the first block."""
        return self._s.x / self._s.n if self._s.n else 0.0

    @property
    def change(self) -> Change | None:
        """Live's rate and the canary's, while `drift_detected`."""
        s = self._s
        return Change(self._direction, s.updates, s.live_x / s.live_n, self.estimate) if s.detected else None

    def reset(self) -> None:
        """Forget everything but the settings."""
        self._s = Split()

    def state(self) -> dict[str, Any]:
        """Give the sums and the evidence."""
        state: dict[str, Any] = msgspec.to_builtins(self._s)
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another test with the same settings gave its `state`."""
        self._s = msgspec.convert(state, Split)

    def _learn_dispersion(self, x: float, n: float, live_x: float, live_n: float) -> None:
        """Hold a block against the ratio of those before it: a lasting difference is no dispersion."""
        s = self._s
        if not s.updates:
            return
        ratio = (s.x + 0.5) / (s.n + 1) / ((s.live_x + 0.5) / (s.live_n + 1))
        share = n * ratio / (n * ratio + live_n)
        variance = (x + live_x) * share * (1 - share)
        if variance > 0:
            s.blocks += 1
            # As over a block of one event at least: one event where a tenth was due is no burst.
            s.squares += (x - (x + live_x) * share) ** 2 / max(1.0, variance)

    @property
    def _dispersion(self) -> float:
        return (PRIOR_BLOCKS + self._s.squares) / (PRIOR_BLOCKS + self._s.blocks)
