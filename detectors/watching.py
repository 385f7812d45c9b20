"""What every watch can do, whatever its detector: a rule on one series, with what an alert of it says."""

from typing import Any, Final, NamedTuple, Protocol

import msgspec

from detectors.observation import Observation
from detectors.rules import Rule

OTHER_UNIT: Final = frozenset({"click_rate", "exposure_js", "latency_p50", "latency_p95", "latency_p99"})
"""Signals whose rules compare something else than the value that people are shown."""


class Verdict(msgspec.Struct, frozen=True):
    """What a watch says after a cohort."""

    breached: bool
    suspicious: bool
    """Not breached, but what has come might become a breach: rules that this one inhibits wait."""


class Words(NamedTuple):
    """What an alert's sentence says besides: where that is empty it is about the series' own past."""

    than: str = ""
    """Whose value the expected one is."""
    who: str = ""
    """Which version the series is, and what it has to do with the alert."""
    ended: str = ""
    """Why there is nothing to compare any more, where an alert resolves for that."""


class Finding(msgspec.Struct):
    """What a watch found, as an alert tells it; values are in the signal's unit."""

    started_at_ms: int = 0
    value: float | None = None
    expected: float = 0.0
    threshold: float | None = None
    n: int = 0
    standard_error: float | None = None


class Watching(Protocol):
    """A rule on one (signal, series)."""

    rule: Rule
    signal: str

    def verdict(self) -> Verdict:
        """Say again what the latest cohort led to."""

    def conclude(self) -> None:
        """The episode is over, or its pending condition came to nothing: watch on."""

    def accept(self) -> None:
        """The change is the new level."""

    def restart(self) -> None:
        """Forget everything: the series begins anew."""

    def state(self) -> dict[str, Any]:
        """Give everything that `restore` needs, as plain numbers."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another watch of the same rule gave its `state`."""

    @property
    def started_at_ms(self) -> int:
        """Estimated time of the change, while there is one."""

    @property
    def earliest_start_ms(self) -> int | None:
        """When the change began at the earliest; None where that is not known."""

    @property
    def value(self) -> float | None:
        """The level since the change, in the signal's unit."""

    @property
    def expected(self) -> float:
        """The level that it is compared with."""

    @property
    def threshold(self) -> float | None:
        """The level that counts as a breach, or as evidence of one; None where it is not in the signal's unit."""

    @property
    def n(self) -> int:
        """Units that the level since the change rests on."""

    @property
    def standard_error(self) -> float | None:
        """Standard error of the level since the change; None where it is not known."""

    @property
    def words(self) -> Words:
        """What the alert's sentence says besides."""

    @property
    def contributions(self) -> list[tuple[str, float]]:
        """Signals and their shares of the finding, the largest first, where it is about several."""


class FindingWatch:
    """The part of a watch that is the same for all that keep a `Finding`."""

    def __init__(self, rule: Rule, signal: str) -> None:
        self.rule = rule
        self.signal = signal
        self._finding = Finding()

    @property
    def started_at_ms(self) -> int:
        """Estimated time of the change, while there is one."""
        return self._finding.started_at_ms

    @property
    def earliest_start_ms(self) -> int | None:
        """Not known: these look at long stretches of time at once."""
        return None

    @property
    def value(self) -> float | None:
        """The level since the change, in the signal's unit."""
        return self._finding.value

    @property
    def expected(self) -> float:
        """The level that it is compared with."""
        return self._finding.expected

    @property
    def threshold(self) -> float | None:
        """The level that counts as a breach."""
        return self._finding.threshold

    @property
    def resolves_at(self) -> float | None:
        """The value that the signal must pass on its way back."""
        return self._finding.threshold

    @property
    def n(self) -> int:
        """Units that the level since the change rests on."""
        return self._finding.n

    @property
    def standard_error(self) -> float | None:
        """Standard error of the level since the change; None where it is not known."""
        return self._finding.standard_error

    @property
    def words(self) -> Words:
        """What the alert's sentence says besides: nothing."""
        return Words()

    @property
    def contributions(self) -> list[tuple[str, float]]:
        """Nothing: it is about one signal."""
        return []


class CohortWatch(Watching, Protocol):
    """A watch that looks at its own signal alone."""

    def update(self, start_ms: int, end_ms: int, x: Observation) -> Verdict:
        """Take a cohort and say whether the rule's condition holds now."""
