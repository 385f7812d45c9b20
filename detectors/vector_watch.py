"""A rule on several signals of one series at once."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from detectors.baseline import Baseline
from detectors.half_space import HalfSpaceDetector
from detectors.observation import Observation
from detectors.rules import Rule
from detectors.watching import Finding, FindingWatch, Verdict

LEARN_POINTS: Final = 20
"""Points from which each signal's level is learned before there are vectors."""
LEAST_MEMORY: Final = 12
RECOVERY_POINTS: Final = 6
"""Points whose scores say whether the vector is usual again."""
THRESHOLD: Final = 12.0
LEAST_SHARE: Final = 0.15
"""A signal with less of the squared deviations did not contribute."""


class VectorState(msgspec.Struct):
    """What the watch remembers besides its detector."""

    baselines: dict[str, Baseline] = {}
    pool: dict[str, Observation] = {}
    pool_start_ms: int = -1
    point_ms: int = 10_000
    waiting: list[tuple[int, int]] = []
    """Start and n of the points since the evidence began."""
    changed: bool = False
    after: list[float] = []
    """The latest scores since the change was found."""
    shares: list[tuple[str, float]] = []
    finding: Finding = msgspec.field(default_factory=Finding)


class VectorWatch(FindingWatch):
    """Standardises each signal with its own past and asks half-space trees about all of them.

    Args:
        rule: its setting is `threshold`; `min_n` counts the units of the signal that has most.
        signals: which, in a fixed order.
    """

    def __init__(self, rule: Rule, signals: tuple[str, ...]) -> None:
        super().__init__(rule, rule.signal)
        self.signals = signals
        self._detector = HalfSpaceDetector(len(signals), rule.settings.get("threshold", THRESHOLD))
        self._s = VectorState()

    def update(self, start_ms: int, end_ms: int, observed: Mapping[str, Observation]) -> Verdict:
        """Take what a cohort says of each signal and say whether the combination is odd now."""
        s = self._s
        if not s.pool:
            s.pool_start_ms = start_ms
        for signal, x in observed.items():
            s.pool[signal] = s.pool[signal].plus(x) if signal in s.pool else x
        n = max((x.n_total for x in s.pool.values()), default=0)
        if n and n >= self.rule.min_n:
            pool, s.pool, s.point_ms = s.pool, {}, end_ms - s.pool_start_ms
            self._take_point(s.pool_start_ms, n, {name: x for name, x in pool.items() if x.denominator_total > 0})
        return self.verdict()

    def verdict(self) -> Verdict:
        """Say again what the latest point led to."""
        return Verdict(self._s.changed and not self._is_usual_again(), False)

    def conclude(self) -> None:
        """The episode is over; what is usual stays."""
        s = self._s
        self._detector.restart()
        s.pool, s.waiting, s.changed, s.after, s.shares, s.finding = {}, [], False, [], [], Finding()
        self._finding = s.finding

    def accept(self) -> None:
        """Learn anew what is usual."""
        self.restart()

    def restart(self) -> None:
        """Forget everything: the series begins anew."""
        self._detector.reset()
        self._s = VectorState()
        self._finding = self._s.finding

    @property
    def contributions(self) -> list[tuple[str, float]]:
        """Signals that were far off, with their shares of the squared deviations."""
        return list(self._s.shares)

    def state(self) -> dict[str, Any]:
        """Give everything that `restore` needs, as plain numbers."""
        return {"detector": self._detector.state(), "watch": msgspec.to_builtins(self._s)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up where another watch of the same rule gave its `state`."""
        self._detector.restore(state["detector"])
        self._s = msgspec.convert(state["watch"], VectorState)
        self._finding = self._s.finding

    def _take_point(self, start_ms: int, n: int, point: Mapping[str, Observation]) -> None:
        s = self._s
        if any(name not in s.baselines or s.baselines[name].points < LEARN_POINTS for name in point):
            self._learn(point)
            return
        vector = [self._deviations(name, point.get(name)) for name in self.signals]
        if s.changed:
            s.after = [*s.after, self._detector.score(vector)][-RECOVERY_POINTS:]
            s.finding.value, s.finding.n = sum(s.after) / len(s.after), s.finding.n + n
            return
        self._detector.update(vector)
        ago = self._detector.updates_ago
        s.waiting = [*s.waiting, (start_ms, n)][-ago:] if ago else []
        if self._detector.drift_detected:
            self._begin_change()
        elif not ago:
            self._learn(point)

    def _learn(self, point: Mapping[str, Observation]) -> None:
        s = self._s
        memory = max(LEAST_MEMORY, self.rule.memory_s * 1000 / s.point_ms)
        for name, x in point.items():
            s.baselines.setdefault(name, Baseline()).learn(x, memory)

    def _deviations(self, name: str, x: Observation | None) -> float:
        """How many deviations a signal is off its level; 0 where that is not known."""
        baseline = self._s.baselines.get(name)
        if x is None or baseline is None:
            return 0.0
        return (x.ratio - baseline.level) / baseline.deviation(x)

    def _begin_change(self) -> None:
        s, detector = self._s, self._detector
        change = detector.change
        assert change is not None  # noqa: S101  (it has just been detected)
        s.changed, s.after = True, []
        by_share = sorted(zip(self.signals, detector.shares, strict=True), key=lambda pair: -pair[1])
        s.shares = [(name, share) for name, share in by_share if share >= LEAST_SHARE]
        s.finding = self._finding = Finding(
            s.waiting[0][0], change.after, change.before, detector.limit, sum(n for _, n in s.waiting)
        )

    def _is_usual_again(self) -> bool:
        after = self._s.after
        return len(after) == RECOVERY_POINTS and sum(after) / len(after) < self._detector.limit
