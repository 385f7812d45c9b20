"""The detectors of `bench shift`: each tells the cohorts of a stream at which it alarms, and goes on after an alarm."""

import math
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
from river.base import DriftDetector
from river.drift import ADWIN, PageHinkley

from detectors.rules import Rule
from detectors.watches import make_level_watch
from streams.bench.shift_stream import GUARD, LEARNED, LONGEST_DELAY, Stream
from streams.bench.shift_traffic import COHORT_S, Floats

Alarms = Callable[[Stream], Iterator[int]]
"""A detector: from a stream to the cohorts of its alarms."""
KSWIN_WINDOW: Final = 100
KSWIN_NEWEST: Final = 30
KSWIN_DEFAULT: Final = 14
CHANGE_AT: Final = LEARNED + GUARD
LENGTH: Final = CHANGE_AT + LONGEST_DELAY


def rule_with(rule: Rule, knob: float) -> Rule:
    """Give a rule whose promise is e^knob seconds: the logarithm of its run length is about linear in that."""
    return msgspec.structs.replace(rule, false_alarm_every_s=round(math.exp(knob)))


def watch_alarms(rule: Rule) -> Alarms:
    """Our watch on a rule: an alarm is the cohort at which the condition begins to hold."""

    def alarms(stream: Stream) -> Iterator[int]:
        watch = make_level_watch(rule, rule.signal)
        for cohort, x in enumerate(stream.observations):
            if x is None:
                continue
            start_ms = cohort * COHORT_S * 1000
            if watch.update(start_ms, start_ms + COHORT_S * 1000, x).breached:
                yield cohort
                watch.conclude()

    return alarms


def adwin_alarms(delta: float = 0.002) -> Alarms:
    """River's ADWIN."""
    return _river_alarms(lambda: ADWIN(delta=delta))


def page_hinkley_alarms(threshold: float = 50.0) -> Alarms:
    """River's Page–Hinkley test."""
    return _river_alarms(lambda: PageHinkley(threshold=threshold))


def kswin_alarms(step: int = KSWIN_DEFAULT, begin: int = 0) -> Alarms:
    """River's KSWIN, which remembers a hundred cohorts: what lies before `begin` may be left out.

    Two samples of thirty differ by whole thirtieths, so its `alpha` works in steps. River computes a p-value for every
    cohort, which takes as long as all other detectors together; comparing the difference itself alarms where it does.

    Args:
        step: thirtieths by which the samples must differ; the default's p-value is the first below River's `alpha`.
        begin: the first cohort that it hears of.
    """

    def alarms(stream: Stream) -> Iterator[int]:
        chance, window = random.Random(1), deque[float](maxlen=KSWIN_WINDOW)  # noqa: S311  (as River draws)
        older = range(KSWIN_WINDOW - KSWIN_NEWEST)
        for cohort, z in enumerate(stream.standardised[begin:].tolist(), begin):
            window.append(z)
            if len(window) < KSWIN_WINDOW:
                continue
            values = list(window)
            drawn = [values[place] for place in chance.sample(older, KSWIN_NEWEST)]
            if _difference(drawn, values[-KSWIN_NEWEST:]) >= step:
                yield cohort
                chance, window = random.Random(1), deque(maxlen=KSWIN_WINDOW)  # noqa: S311

    return alarms


def _difference(one: list[float], other: list[float]) -> int:
    """Give the Kolmogorov–Smirnov distance of two samples of equal size, times that size."""
    highest = height = 0
    before = -math.inf
    for value, step in sorted([(x, 1) for x in one] + [(x, -1) for x in other]):
        if value != before:
            highest, before = max(highest, abs(height)), value
        height += step
    return highest


def _river_alarms(make: Callable[[], DriftDetector]) -> Alarms:
    def alarms(stream: Stream) -> Iterator[int]:
        detector = make()
        for cohort, z in enumerate(stream.standardised.tolist()):
            detector.update(z)
            if detector.drift_detected:
                yield cohort

    return alarms


def cusum_alarms(evidence: Floats, threshold: float) -> Iterator[int]:
    """The CUSUM of somebody who knows both levels: adds up evidence, never below zero, and begins anew."""
    level = 0.0
    for cohort, one in enumerate(evidence.tolist()):
        level = max(0.0, level + one)
        if level >= threshold:
            yield cohort
            level = 0.0


def cusum_threshold(evidence: Floats, alarms: int) -> float:
    """Give the threshold with which that CUSUM alarms so often after what is learned from, over all streams.

    Args:
        evidence: of null streams, shape (streams, cohorts).
        alarms: how many are wanted.
    """
    low, high = 0.0, 64.0
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if _count(evidence, middle) > alarms else (low, middle)
    return high


def _count(evidence: Floats, threshold: float) -> int:
    level, found = np.zeros(len(evidence)), 0
    for cohort, column in enumerate(evidence.T):
        level = np.maximum(0.0, level + column)
        over = level >= threshold
        found += int(over.sum()) if cohort >= LEARNED else 0
        level[over] = 0.0
    return found


def run_length(detector: Alarms, streams: Sequence[Stream], enough: int | None = None) -> tuple[int, int]:
    """Count a detector's alarms on null streams, and the cohorts that they came from.

    Args:
        detector: which.
        streams: without a change.
        enough: alarms after which no more are looked for; None: all streams are watched to their end.
    """
    alarms = cohorts = 0
    for stream in streams:
        for cohort in detector(stream):
            if cohort < LEARNED:
                continue
            alarms += 1
            if alarms == enough:
                return alarms, cohorts + cohort + 1 - LEARNED
        cohorts += len(stream.observations) - LEARNED
    return alarms, cohorts


def tuned(make: Callable[[float], Alarms], low: float, high: float, alarms: int, streams: Sequence[Stream]) -> float:
    """Give the setting between `low` (alarms more) and `high` with which a detector alarms as often as wanted."""
    for _ in range(12):
        middle = math.sqrt(low * high)
        found, _ = run_length(make(middle), streams, enough=alarms + 1)
        low, high = (middle, high) if found > alarms else (low, middle)
    return high


def kswin_step(run_length_wanted: float, streams: Sequence[Stream], enough: int) -> int:
    """Give the step with which KSWIN alarms about as often as wanted: the nearest, each a third of the one before.

    Args:
        run_length_wanted: cohorts between false alarms.
        streams: without a change.
        enough: alarms after which a step's rate is known.
    """
    step, before = KSWIN_DEFAULT, math.inf
    while True:
        alarms, cohorts = run_length(kswin_alarms(step), streams, enough)
        off = math.log(cohorts / max(alarms, 1) / run_length_wanted)
        if off >= 0:
            return step if off < before else step - 1
        step, before = step + 1, -off
