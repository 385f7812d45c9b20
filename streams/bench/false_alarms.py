"""`matchwatch bench false-alarms`: promised against observed, on long streams in which nothing ever changes.

Every default rule that promises something is watched on streams of its own, with a promise that is short enough for
alarms to be counted. Neither too many nor too few may come.
"""

import os
from collections.abc import Sequence
from multiprocessing import get_context
from typing import Final

import msgspec
import numpy as np

from detectors.promise import promises
from detectors.rules import DEFAULT_RULES, Rule
from detectors.watches import make_level_watch
from streams.bench.null_streams import COHORT_S, DAY_COHORTS, KINDS, draw_null_stream
from streams.bench.options import Options
from streams.bench.poisson import poisson_interval
from streams.bench.report import Figure

RULES: Final = tuple(rule for rule in DEFAULT_RULES if promises(rule) and rule.detector == "cusum")
EVERY_S: Final = 36 * 3600
"""The promise of each watch."""
DAYS: Final = 3
LEAST_EXPECTED: Final = 30.0
"""Fewer expected alarms would tell nothing."""


def bench(options: Options) -> list[Figure]:
    """Watch `runs` shops with each rule, all drawn from `seed`."""
    rules = [rule for rule in RULES if rule.signal in KINDS]
    jobs = [(options.seed, number, run) for number in range(len(rules)) for run in range(options.runs)]
    found: dict[str, list[int]] = {rule.name: [] for rule in rules}
    # A fresh interpreter for each worker: a fork would copy whatever threads the caller has.
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        for (_, number, _), alarms in zip(jobs, pool.imap(_count, jobs), strict=True):
            name = rules[number].name
            found[name].append(alarms)
            if len(found[name]) == options.runs:
                options.tell(f"{name}: {sum(found[name])} alarms, {options.runs * DAYS * 86_400 / EVERY_S:g} promised")
    return [figure for name, alarms in found.items() for figure in false_alarm_figures(name, alarms)]


def _count(job: tuple[int, int, int]) -> int:
    seed, number, run = job
    rule = [rule for rule in RULES if rule.signal in KINDS][number]
    return count_alarms(np.random.default_rng([seed, number, run]), rule)


def count_alarms(rng: np.random.Generator, rule: Rule, every_s: int = EVERY_S, days: int = DAYS) -> int:
    """Count the episodes of a rule on a shop in which nothing changes; each ends as an alert's does."""
    watch = make_level_watch(msgspec.structs.replace(rule, false_alarm_every_s=every_s), rule.signal)
    alarms, firing, calm_s = 0, False, 0
    for cohort, x in enumerate(draw_null_stream(rng, rule, days * DAY_COHORTS)):
        start_ms = cohort * COHORT_S * 1000
        verdict = watch.verdict() if x is None else watch.update(start_ms, start_ms + COHORT_S * 1000, x)
        if verdict.breached:
            alarms, firing, calm_s = alarms + (not firing), True, 0
        elif firing:
            calm_s += COHORT_S
            if calm_s >= rule.resolve_s:
                firing = False
                watch.conclude()
    return alarms


def false_alarm_figures(rule: str, alarms: Sequence[int], every_s: int = EVERY_S, days: int = DAYS) -> list[Figure]:
    """Give a rule's alarms over what was promised, and whether that is inside the promise's 95 % Poisson interval.

    Args:
        rule: its name.
        alarms: of each run.
        every_s: the promise.
        days: length of a run.
    """
    expected = len(alarms) * days * 86_400 / every_s
    low, high = poisson_interval(expected)
    observed = sum(alarms)
    met = low <= observed <= high if expected >= LEAST_EXPECTED else None
    target = f"{low} to {high}" if expected >= LEAST_EXPECTED else None
    runs = [float(x) for x in alarms]
    return [
        Figure(f"false_alarms_{rule}", float(observed), f"alarms, {expected:g} promised", target, met, runs),
    ]
