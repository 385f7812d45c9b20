"""`matchwatch bench shift`: how soon a lasting change is found, where all detectors alarm falsely equally often.

    null streams ─► our watch's rate ─► the others and the CUSUM of somebody who knows both levels, tuned to that rate
    changed streams ─► cohorts from the change to the first alarm, each detector on the same streams

River's detectors get what our watch compares, in deviations from its mean in the first hour. They are measured with
their defaults too, whose false alarms come as they come.
"""

import os
from collections.abc import Sequence
from multiprocessing import get_context
from typing import Final

from streams.bench.options import Options
from streams.bench.report import Figure
from streams.bench.shift_detectors import (
    CHANGE_AT,
    KSWIN_WINDOW,
    LENGTH,
    Alarms,
    adwin_alarms,
    cusum_alarms,
    kswin_alarms,
    page_hinkley_alarms,
    rule_with,
    watch_alarms,
)
from streams.bench.shift_figures import delay_figures, markdown, rate_figures, ratio_figures
from streams.bench.shift_stream import GUARD, RULES, delay, draw_stream, evidence
from streams.bench.shift_traffic import SHIFTS, Shift
from streams.bench.shift_tuning import Tuning, tune

__all__ = ["bench", "markdown"]

PARTS: Final = 10
"""Parts of the runs, whose means a figure shows beside the mean of all: they tell its error."""
_FIRST_IN_KSWIN: Final = CHANGE_AT - GUARD - KSWIN_WINDOW


def bench(options: Options) -> list[Figure]:
    """Measure all detectors on all shifts.

    Args:
        options: `runs` changed streams of each kind, `seed`, whom to tell.
    """
    rules = sorted({shift.rule for shift in SHIFTS})
    # A fresh interpreter for each worker: a fork would copy whatever threads the caller has.
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        tunings = dict(zip(rules, pool.starmap(tune, [(options.seed, rule) for rule in rules], 1), strict=True))
        for rule, tuning in tunings.items():
            ours = tuning.rates["ours"]
            options.tell(f"{rule}: {ours.alarms} false alarms in {ours.cohorts:,} cohorts, the others tuned to that")
        jobs = [
            (options.seed, shift, tunings[shift.rule], range(part, options.runs, PARTS))
            for shift in SHIFTS
            for part in range(min(PARTS, options.runs))
        ]
        parts = pool.starmap(delays, jobs, 1)
    by_shift = {
        shift.name: [found for found, job in zip(parts, jobs, strict=True) if job[1] == shift] for shift in SHIFTS
    }
    return [*ratio_figures(by_shift), *delay_figures(by_shift), *rate_figures(tunings)]


def delays(seed: int, shift: Shift, tuning: Tuning, runs: Sequence[int]) -> dict[str, list[int]]:
    """Give every detector's delays in cohorts, one for each run in which it had not alarmed shortly before."""
    rule, settings = RULES[shift.rule], tuning.settings
    detectors: dict[str, Alarms] = {
        "ours": watch_alarms(rule_with(rule, settings["ours"])),
        "oracle": lambda stream: cusum_alarms(evidence(stream, shift), settings[f"oracle_{shift.name}"]),
        "adwin": adwin_alarms(settings["adwin"]),
        "page_hinkley": page_hinkley_alarms(settings["page_hinkley"]),
        "kswin": kswin_alarms(int(settings["kswin"]), _FIRST_IN_KSWIN),
        "ours_default": watch_alarms(rule),
        "adwin_default": adwin_alarms(),
        "page_hinkley_default": page_hinkley_alarms(),
        "kswin_default": kswin_alarms(begin=_FIRST_IN_KSWIN),
    }
    found: dict[str, list[int]] = {name: [] for name in detectors}
    for run in runs:
        # Where within its pages' time a watch is when the change comes is left to chance.
        change_at = CHANGE_AT + run % 7
        stream = draw_stream([seed, 1 + SHIFTS.index(shift), run], rule, LENGTH, shift, change_at)
        for name, detector in detectors.items():
            cohorts = delay(detector(stream), change_at)
            if cohorts is not None:
                found[name].append(cohorts)
    return found
