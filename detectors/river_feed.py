"""The one place where River's untyped methods are called."""

from river.anomaly import HalfSpaceTrees
from river.base import DriftDetector


def feed(detector: DriftDetector, x: float) -> None:
    """Give a number to one of River's drift detectors."""
    detector.update(x)


def learn_vector(trees: HalfSpaceTrees, vector: dict[int, float]) -> None:
    """Let River's trees learn a vector, by number of the signal."""
    trees.learn_one(vector)


def score_vector(trees: HalfSpaceTrees, vector: dict[int, float]) -> float:
    """Give how odd River's trees find a vector, from 0 to 1."""
    return float(trees.score_one(vector))
