"""Random moments that can be had again."""

import secrets
from random import Random


class SeededMoments:
    """Draws from a seed, which `name` tells.

    Args:
        seed: drawn at random if None.
    """

    def __init__(self, seed: int | None) -> None:
        self.seed = secrets.randbelow(1_000_000) if seed is None else seed
        self._random = Random(self.seed)

    @property
    def name(self) -> str:
        """The seed, for a scene's title."""
        return f"seed {self.seed}"

    def share(self, low: float = 0.25, high: float = 0.75) -> float:
        """Draw how much of the load shall be sent before a fault comes."""
        return self._random.uniform(low, high)

    def shares(self, count: int, low: float = 0.2, high: float = 0.85) -> list[float]:
        """Draw several, in order."""
        return sorted(self._random.uniform(low, high) for _ in range(count))

    def between(self, low: float, high: float) -> float:
        """Draw a number."""
        return self._random.uniform(low, high)

    def choice(self, of: list[str]) -> str:
        """Draw one of several."""
        return self._random.choice(of)
