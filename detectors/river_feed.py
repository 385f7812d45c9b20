"""The one place where River's untyped `update` is called."""

from river.base import DriftDetector


def feed(detector: DriftDetector, x: float) -> None:
    """Give a number to one of River's drift detectors."""
    detector.update(x)
