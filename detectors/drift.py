"""The interface of every detector: feed numbers in order, read the verdict (River's idiom)."""

from typing import Any, Literal, Protocol

import msgspec

Direction = Literal["up", "down"]


class Change(msgspec.Struct, frozen=True):
    """What a detector says about the change that it found."""

    direction: Direction
    updates_ago: int
    """How many updates ago the first changed number came; 1 is the latest."""
    before: float
    after: float
    """Mean of the numbers before the change, and since."""


class Detector(Protocol):
    """A detector of one kind; none of them keeps more than a bounded number of inputs.

    Numbers that are not finite are ignored: one NaN would silence River's detectors for good.
    """

    def update(self, x: float, weight: float = 1.0) -> None:
        """Take the next number.

        Args:
            x: the number, in the unit that the detector is built for.
            weight: what was expected, for detectors of counts; the others ignore it.
        """

    @property
    def drift_detected(self) -> bool:
        """Whether the latest update completed the evidence of a change."""

    @property
    def estimate(self) -> float:
        """The present level as the detector sees it; 0 before the first number."""

    @property
    def change(self) -> Change | None:
        """The change, while `drift_detected`."""

    def reset(self) -> None:
        """Forget everything but the settings."""

    def state(self) -> dict[str, Any]:
        """Give what `restore` needs, as plain numbers."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another detector with the same settings gave its `state`."""


def updates_since(detector: Detector) -> int:
    """Give how many updates ago the first changed number came, as the detector dates it; 1 where it does not."""
    return detector.change.updates_ago if detector.change else 1
