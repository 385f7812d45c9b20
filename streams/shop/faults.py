"""What can go wrong in the shop, when it does, and which signal should tell.

A fault is written NAME@MINUTE, or NAME alone: then its minute is drawn from the seed.
"""

import math
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec
import numpy as np


class FaultName(StrEnum):
    """The faults that the shop knows."""

    BAD_RANKER = "bad_ranker"
    BAD_MATCHER = "bad_matcher"
    LATENCY = "latency"
    ZERO_RESULTS = "zero_results"
    TRAFFIC_DROP = "traffic_drop"
    CLICK_TRACKING_LOST = "click_tracking_lost"
    CATEGORY_GONE = "category_gone"
    NEW_LANGUAGE = "new_language"
    MISSING_TITLES = "missing_titles"
    DECOY = "decoy"


class Symptom(NamedTuple):
    """How a fault shows."""

    wrong: str
    signals: dict[str, str]
    """Which signals move, and where to: `up` or `down`; empty: nothing is wrong."""
    drawn: tuple[float, float] = (0.4, 0.7)
    """Between which shares of the run its minute is drawn."""


SYMPTOMS: Final = {
    FaultName.BAD_RANKER: Symptom(
        "the new version of shop-rank orders results without regard to relevance",
        {"match_at_10": "down", "ctr": "down", "exposure_js": "up"},
        (0.5, 0.75),
    ),
    FaultName.BAD_MATCHER: Symptom(
        "the new version of shop-match scores badly; what people see is unchanged",
        {"ctr_proxy_accuracy": "down", "match_at_10": "down"},
    ),
    FaultName.LATENCY: Symptom(
        "searches take 2.5 times as long", {"latency_p50": "up", "latency_p95": "up", "latency_p99": "up"}
    ),
    FaultName.ZERO_RESULTS: Symptom("15 % of searches find nothing", {"zero_result_rate": "up"}),
    FaultName.TRAFFIC_DROP: Symptom("60 % of searches are missing", {"search_rate": "down"}),
    FaultName.CLICK_TRACKING_LOST: Symptom("90 % of click events are lost", {"ctr": "down"}),
    FaultName.CATEGORY_GONE: Symptom("no item of one category is shown", {"exposure_js": "up"}),
    FaultName.NEW_LANGUAGE: Symptom(
        "35 % of searches and their titles are in Japanese, which the match model does not know",
        {"match_at_10": "down", "unknown_token_rate": "up", "query_ood_rate": "up"},
    ),
    FaultName.MISSING_TITLES: Symptom(
        "70 % of items have lost their titles, in events and in the catalogue", {"missing_field_rate": "up"}
    ),
    FaultName.DECOY: Symptom("nothing: the new version ranks like the one before", {}, (0.15, 0.35)),
}


class Fault(msgspec.Struct, frozen=True):
    """One fault that was asked for; `minute` None: to be drawn from the seed."""

    name: FaultName
    minute: float | None = None


class PlannedFault(NamedTuple):
    """One fault with its minute after the start."""

    name: FaultName
    minute: float


def parse_fault(text: str) -> Fault | None:
    """Read NAME, NAME@MINUTE or `none` (no fault: None).

    Raises:
        ValueError: an unknown name or a minute that is not a number of at least 0; the message says the cure.
    """
    if text == "none":
        return None
    name, at, minute = text.partition("@")
    if name not in set(FaultName):
        known = ", ".join(FaultName)
        raise ValueError(f"no fault is called {name!r}; choose one of {known}, or none")
    if not at:
        return Fault(FaultName(name))
    try:
        value = float(minute)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{minute!r} is not a minute; write {name}@12 or {name}@12.5")
    return Fault(FaultName(name), value)


def plan_faults(faults: Sequence[Fault], minutes: float, seed: int) -> tuple[PlannedFault, ...]:
    """Give every fault its minute, those without one drawn from the seed, in order of time.

    Raises:
        ValueError: a fault lies at or after the end, or is asked for twice.
    """
    for name, count in Counter(fault.name for fault in faults).items():
        if count > 1:
            raise ValueError(f"{name} is asked for {count} times; a fault begins once and stays, so name it once")
    planned = []
    for fault in faults:
        # Each fault draws from its own generator, so that one more fault does not move the others.
        rng = np.random.Generator(np.random.PCG64([seed, 4, list(FaultName).index(fault.name)]))
        symptom = SYMPTOMS[fault.name]
        minute = fault.minute
        if minute is None:
            minute = round(float(rng.uniform(*symptom.drawn)) * minutes, 2)
        if minute >= minutes:
            raise ValueError(f"{fault.name}@{minute:g} lies after the end; ask for more than {minutes:g} minutes")
        planned.append(PlannedFault(fault.name, minute))
    return tuple(sorted(planned, key=lambda fault: fault.minute))
