"""What `bench shift` sets its detectors to: our watch to the wanted rate of false alarms, the others to what it has."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from streams.bench.shift_detectors import (
    adwin_alarms,
    cusum_threshold,
    kswin_alarms,
    kswin_step,
    page_hinkley_alarms,
    rule_with,
    run_length,
    tuned,
    watch_alarms,
)
from streams.bench.shift_stream import LEARNED, RULES, Stream, draw_stream, evidence
from streams.bench.shift_traffic import COHORT_S, SHIFTS

WANTED: Final = 4_000
"""Cohorts between two false alarms: eleven hours."""
NULL_STREAMS: Final = 100
NULL_COHORTS: Final = 5_000
"""Watched of each, after what is learned from: 125 false alarms in all, where they come as often as wanted."""
ENOUGH: Final = 100
KNOBS: Final = (math.log(WANTED * COHORT_S) - 0.7, math.log(WANTED * COHORT_S))
"""What our watch is tried with first: the promise itself, and half of it."""
_NULL: Final = 0


class Rate(NamedTuple):
    """How often a detector alarmed where nothing had changed."""

    alarms: int
    cohorts: int


class Tuning(NamedTuple):
    """What detectors are set to for one rule's signal, and their rates."""

    settings: dict[str, float]
    """By detector; those that are not here are at their defaults."""
    rates: dict[str, Rate]


def tune(seed: int, rule_name: str) -> Tuning:
    """Find out how often our watch alarms where nothing changes, and set the others to that."""
    streams = _null_streams(seed, rule_name)
    knob, ours = _tune_ours(rule_name, streams)
    alarms = ours.alarms
    settings = {"ours": knob}
    for shift in SHIFTS:
        if shift.rule == rule_name:
            of_all = np.array([evidence(stream, shift) for stream in streams])
            settings[f"oracle_{shift.name}"] = cusum_threshold(of_all, alarms)
    settings["adwin"] = tuned(adwin_alarms, 0.5, 1e-12, alarms, streams)
    settings["page_hinkley"] = tuned(page_hinkley_alarms, 1.0, 2000.0, alarms, streams)
    settings["kswin"] = kswin_step(ours.cohorts / alarms, streams, ENOUGH)
    rates = {"ours": ours, "oracle": ours}
    for name, detector in {
        "ours_default": watch_alarms(RULES[rule_name]),
        "adwin": adwin_alarms(settings["adwin"]),
        "adwin_default": adwin_alarms(),
        "page_hinkley": page_hinkley_alarms(settings["page_hinkley"]),
        "page_hinkley_default": page_hinkley_alarms(),
        "kswin": kswin_alarms(int(settings["kswin"])),
        "kswin_default": kswin_alarms(),
    }.items():
        rates[name] = Rate(*run_length(detector, streams, ENOUGH if name.endswith("default") else None))
    return Tuning(settings, rates)


def _null_streams(seed: int, rule_name: str) -> list[Stream]:
    rule = RULES[rule_name]
    number = sorted(RULES).index(rule_name)
    return [draw_stream([seed, _NULL, number, i], rule, LEARNED + NULL_COHORTS) for i in range(NULL_STREAMS)]


def _tune_ours(rule_name: str, streams: Sequence[Stream]) -> tuple[float, Rate]:
    rule = RULES[rule_name]
    known: dict[float, Rate] = {}

    def measured(knob: float, enough: int | None) -> float:
        known[knob] = Rate(*run_length(watch_alarms(rule_with(rule, knob)), streams, enough))
        return float(np.log(known[knob].cohorts / max(known[knob].alarms, 0.5)))

    points = [(knob, measured(knob, ENOUGH)) for knob in KNOBS]
    for _ in range(3):
        (a, length_a), (b, length_b) = points[-2:]
        slope = max((length_b - length_a) / (b - a), 0.1) if a != b else 1.0
        knob = max(0.01, b + float(np.clip((np.log(WANTED) - length_b) / slope, -2.0, 2.0)))
        points.append((knob, measured(knob, None)))
        if known[knob].alarms >= ENOUGH and abs(points[-1][1] - np.log(WANTED)) < 0.3:
            break
    near = [(known[knob].alarms < ENOUGH, abs(length - float(np.log(WANTED))), knob) for knob, length in points]
    knob = min(near)[2]
    return knob, known[knob]
