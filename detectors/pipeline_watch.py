"""The pipeline as a series of its own: what belongs to no page of the shop, and so stands in no rollup.

Controls carry each partition's counters since its log began. What they grow by between two controls has happened in
between; event time says when, as for everything else. So what is decided is a function of the log of `rollups` alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from detectors.observation import CONSUMER_LAG, INVALID_RATE, LATE_RATE, MISROUTED_RATE, Observation
from detectors.rules import Rule
from detectors.series_watch import SeriesWatch
from detectors.standard_errors import binomial_standard_error
from detectors.watched import Decision
from schemas.rollup import LABEL_FREE, RollupControl
from schemas.scores import PIPELINE
from schemas.signals import SignalPoint

LONGEST_MS: Final = 3_600_000
"""What was counted over a longer time is dated to its last cohort: nobody knows when in between."""
APART_MS: Final = 120_000
"""Misrouted events further apart are two troubles."""
COUNTED_SHARE: Final = 0.03
"""A smaller share of misrouted events begins no trouble: it loses fewer clicks than any rule looks for."""
KEPT_TROUBLES: Final = 20
KEPT_STRETCHES: Final = 256
"""As long as the longest horizon by default, and more."""
_SEARCHES: Final = ("accepted_searches", "repeated_searches")
_CLICKS: Final = ("accepted_clicks", "unknown_actions")
_MISROUTED: Final = ("misrouted_searches", "misrouted_clicks")
_LATE: Final = ("late_searches", "late_clicks")
_INVALID: Final = ("source_invalid_", "invalid_clicks_")
"""How the names begin; they end with the reason."""


class PartitionTotals(msgspec.Struct):
    """What the controls of one partition have told so far."""

    searches: int = 0
    """Timely ones, repeats included."""
    events: int = 0
    """Searches and clicks."""
    misrouted: int = 0
    largest_time_ms: int = 0
    late: int | None = None
    """None in the state of a predecessor that did not look at it: what the next control tells is then the beginning."""
    invalid: int | None = None


class PipelineState(msgspec.Struct):
    """Everything the watch remembers besides its rules' lives."""

    whole_log: bool = False
    """The log was read from its first record: what a partition's first control tells was counted within it."""
    partitions: dict[int, PartitionTotals] = {}
    events: int = 0
    """Since the latest decision."""
    misrouted: int = 0
    through_ms: int = 0
    """End of the latest decision."""
    late: int = 0
    invalid: int = 0
    misrouted_lately: list[tuple[int, int, float]] = []
    """Stretches of event time with misrouted events, from when until when, and their share; the newest."""
    misrouted_troubles: list[tuple[int, int]] = []
    """From when until when events were misrouted in numbers; the newest. Unlike the stretches these last."""
    lag_ms: int = 0
    """The longest that was told."""
    lags: int = 0
    """How often one was told."""


class Step(msgspec.Struct, frozen=True):
    """What came of a stretch of event time."""

    start_ms: int
    end_ms: int
    decisions: list[Decision]
    points: list[SignalPoint]


class PipelineWatch:
    """Watches the counters of all partitions together.

    Args:
        rules: all rules; those on other signals are left out.
        accept_s: after how long a lasting change is the new level.
        bucket_s: length of a cohort.
    """

    def __init__(self, rules: Sequence[Rule], accept_s: int, bucket_s: int) -> None:
        self.watch = SeriesWatch(PIPELINE, rules, accept_s)
        self._bucket_ms = bucket_s * 1000
        self._state = PipelineState()

    def begin(self, offset: int) -> None:
        """Say which record of the log is the first that is read."""
        self._state.whole_log = offset == 0

    def take(self, control: RollupControl, largest_time_ms: int) -> Step | None:
        """Take a control; decide where event time has gone on by a cohort since the latest decision.

        Args:
            control: of any partition.
            largest_time_ms: latest event time of all partitions.
        """
        self._add(control)
        s = self._state
        end_ms = largest_time_ms // self._bucket_ms * self._bucket_ms
        if end_ms <= s.through_ms or not s.events:
            return None
        start_ms = s.through_ms if end_ms - s.through_ms <= LONGEST_MS else end_ms - self._bucket_ms
        timely = s.events
        told = timely + s.late
        shares = {
            MISROUTED_RATE: (min(s.misrouted, timely), timely),
            LATE_RATE: (s.late, told),
            INVALID_RATE: (s.invalid, told + s.invalid),
        }
        if s.misrouted:
            stretch = (start_ms, end_ms, min(s.misrouted, timely) / timely)
            s.misrouted_lately = [*s.misrouted_lately, stretch][-KEPT_STRETCHES:]
            self._extend_trouble(stretch)
        observed = {name: _observation(part, whole) for name, (part, whole) in shares.items()}
        points = [_share(name, start_ms, end_ms, part, whole) for name, (part, whole) in shares.items()]
        points = self.watch.scatter.widen(points)
        if s.lags:
            lag_s = s.lag_ms / 1000
            observed[CONSUMER_LAG] = Observation(lag_s, 1.0, 1, 0.0, lag_s, 1.0)
            points.append(_point(CONSUMER_LAG, start_ms, end_ms, (lag_s, 1.0), n=s.lags, error=None))
        s.through_ms, s.events, s.misrouted, s.late, s.invalid, s.lag_ms, s.lags = end_ms, 0, 0, 0, 0, 0, 0
        decisions = self.watch.see_observations(start_ms, end_ms, observed)
        return Step(start_ms, end_ms, decisions, points)

    def misrouted_share(self, from_ms: int, to_ms: int) -> float:
        """Give the largest share of misrouted events in any stretch between two event times."""
        stretches = self._state.misrouted_lately
        return max((share for start, end, share in stretches if start < to_ms and end > from_ms), default=0.0)

    def misrouted_since(self, from_ms: int, to_ms: int) -> int | None:
        """Give since when events had been misrouted in numbers that were so between two event times; None: never."""
        troubles = self._state.misrouted_troubles
        return min((start for start, end in troubles if start < to_ms and end > from_ms), default=None)

    def state(self) -> dict[str, Any]:
        """Give everything as plain numbers and names."""
        return {"counted": msgspec.to_builtins(self._state), "watch": self.watch.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up where another one gave its `state`."""
        self._state = msgspec.convert(state["counted"], PipelineState, strict=False)
        self.watch.restore(state["watch"])

    def _extend_trouble(self, stretch: tuple[int, int, float]) -> None:
        start_ms, end_ms, share = stretch
        if share < COUNTED_SHARE:
            return
        known = self._state.misrouted_troubles
        if known and start_ms - known[-1][1] <= APART_MS:
            known[-1] = (known[-1][0], end_ms)
        else:
            self._state.misrouted_troubles = [*known, (start_ms, end_ms)][-KEPT_TROUBLES:]

    def _add(self, control: RollupControl) -> None:
        s = self._state
        if control.lag_ms is not None:
            s.lag_ms, s.lags = max(s.lag_ms, control.lag_ms), s.lags + 1
        searches, misrouted, late = _sum(control, _SEARCHES), _sum(control, _MISROUTED), _sum(control, _LATE)
        invalid = sum(count for name, count in control.totals.items() if name.startswith(_INVALID))
        events = searches + _sum(control, _CLICKS)
        seen = s.partitions.get(control.partition)
        if seen is None:
            seen = PartitionTotals(late=0, invalid=0) if s.whole_log else PartitionTotals(searches, events, misrouted)
            s.partitions[control.partition] = seen
        elif control.largest_time_ms > seen.largest_time_ms and searches < seen.searches:
            # Later events and fewer of them: counted anew (`--from-next-cohort`), not by a successor that is behind.
            seen.searches, seen.events, seen.misrouted = searches, events, misrouted
            seen.late = seen.invalid = None
        seen_late = late if seen.late is None else seen.late
        seen_invalid = invalid if seen.invalid is None else seen.invalid
        s.events += max(0, events - seen.events)
        s.misrouted += max(0, misrouted - seen.misrouted)
        s.late += max(0, late - seen_late)
        s.invalid += max(0, invalid - seen_invalid)
        seen.searches, seen.events = max(seen.searches, searches), max(seen.events, events)
        seen.misrouted = max(seen.misrouted, misrouted)
        seen.late, seen.invalid = max(seen_late, late), max(seen_invalid, invalid)
        seen.largest_time_ms = max(seen.largest_time_ms, control.largest_time_ms)


def _observation(part: int, whole: int) -> Observation:
    return Observation(
        numerator_total=part,
        denominator_total=whole,
        n_total=whole,
        variance_total=part * (whole - part) / whole,
        shown_total=part,
        shown_weight_total=whole,
        counts=True,
    )


def _share(signal: str, start_ms: int, end_ms: int, part: int, whole: int) -> SignalPoint:
    # Zero where there was none of it, or nothing else: that does not tell how much there could have been.
    error = binomial_standard_error(part, whole) or None
    return _point(signal, start_ms, end_ms, (part, whole), n=whole, error=error)


def _point(
    signal: str, start_ms: int, end_ms: int, ratio: tuple[float, float], *, n: int, error: float | None
) -> SignalPoint:
    return SignalPoint(
        signal=signal,
        series=PIPELINE,
        cohort_start_ms=start_ms,
        bucket_s=(end_ms - start_ms) // 1000,
        horizon_s=LABEL_FREE,
        n=n,
        value=ratio[0] / ratio[1],
        numerator=float(ratio[0]),
        denominator=float(ratio[1]),
        standard_error=error,
        variance=None if error is None else (error * ratio[1]) ** 2,
    )


def _sum(control: RollupControl, names: Sequence[str]) -> int:
    return sum(control.totals.get(name, 0) for name in names)
