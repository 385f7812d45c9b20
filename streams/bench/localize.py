"""`matchwatch bench localize`: is the slice that broke named first, and no slice where none broke?

Faults of random size in random slices (5 to 50 % of the traffic) of shops with random tastes. Each is looked at twice:
the drill-down is asked five minutes after it began, whether or not there was an alert; and the first alert of the whole
fold is read, with rules that alert at changes of about two per cent. Changes that are everywhere alike must name no
slice, and traffic that moves to slices of few clicks must be told as a shift of the mix.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final, Literal, NamedTuple, cast

import numpy as np

from detectors.detect_fold import DetectFold
from detectors.drilldown import Explanation, explain
from detectors.outputs import Transition
from detectors.rules import Rule
from detectors.slice_table import slice_tables, surface_table
from detectors.trail import Trail
from schemas.rollup import Rollup
from streams.bench.options import Options
from streams.bench.report import Figure, figure
from streams.bench.sliced_shop import DIMENSIONS, SURFACES, Fault, Signal, SlicedShop

FAULT_S: Final = 1500
ASKED_S: Final = 300
"""How long after the fault began the drill-down is asked."""
END_S: Final = 2100
RATE: Final = 60.0
"""Searches a second on each surface."""
_SMALLEST, _LARGEST = 0.05, 0.5
_RULES: Final = {
    "ctr": Rule(name="ctr", signal="ctr", settings={"min_effect": 0.02, "relative": 1.0}, horizon_s=60, min_n=300),
    "match_at_10": Rule(name="match", signal="match_at_10", settings={"min_effect": 0.01}, min_n=20),
    "latency_p95": Rule(name="latency", signal="latency_p95", settings={"min_effect": 0.01}, direction="up", min_n=100),
    "zero_result_rate": Rule(
        name="zero", signal="zero_result_rate", settings={"min_effect": 0.005}, direction="up", min_n=50
    ),
    "search_rate": Rule(
        name="volume", signal="search_rate", settings={"min_effect": 0.02, "relative": 1.0}, min_n=20, memory_s=900
    ),
}
_SIZES: Final = {
    "ctr": (0.2, 0.6),
    "match_at_10": (0.1, 0.4),
    "latency_p95": (0.3, 1.0),
    "zero_result_rate": (0.05, 0.3),
    "search_rate": (0.2, 0.6),
}
"""How much is lost, slower, or finds nothing; see `Fault.size`."""
_SLICES: Final = (
    "device", "locale", "category", "position", "surface",
    "match_at_10", "latency_p95", "zero_result_rate", "search_rate",
)  # fmt: skip
"""The first five lose clicks in a slice of that dimension; the others are other signals, in a slice of any."""
_KINDS: Final = (*_SLICES, "everywhere", "mix")

Verdict = Literal["right", "wrong", "none", "no alert"]


class Trial(NamedTuple):
    """What came of one fault."""

    kind: str
    asked: Verdict
    alert: Verdict


def bench(options: Options) -> list[Figure]:
    """Give the shares for each run of `options.searches` faults, as many of each kind."""
    runs: list[Counter[Trial]] = []
    for run in range(options.runs):
        options.tell(f"localize: run {run + 1} of {options.runs}")
        faults = range(run * options.searches, (run + 1) * options.searches)
        runs.append(Counter(try_fault(_KINDS[number % len(_KINDS)], number) for number in faults))

    def shares(of: Callable[[Trial], bool], among: Callable[[Trial], bool]) -> list[float]:
        found = []
        for counts in runs:
            whole = sum(n for trial, n in counts.items() if among(trial))
            if whole:
                found.append(sum(n for trial, n in counts.items() if among(trial) and of(trial)) / whole)
        return found

    def is_slice(trial: Trial) -> bool:
        return trial.kind in _SLICES

    def asked_right(trial: Trial) -> bool:
        return trial.asked == "right"

    figures = [figure("localize_named_first", shares(asked_right, is_slice), "share", 0.9)]
    for kind in _SLICES:
        found = shares(asked_right, lambda x, kind=kind: x.kind == kind)  # type: ignore[misc]
        figures.append(figure(f"localize_named_first_{kind}", found, "share"))
    figures += [
        figure("localize_wrong_first", shares(lambda x: x.asked == "wrong", is_slice), "share", 0.02, "less"),
        figure("localize_everywhere_names_none", shares(asked_right, lambda x: x.kind == "everywhere"), "share", 0.95),
        figure("localize_mix_told", shares(asked_right, lambda x: x.kind == "mix"), "share", 0.9),
        figure("localize_alerted", shares(lambda x: x.alert != "no alert", is_slice), "share"),
    ]
    for name, kinds in (("named_first", _SLICES), ("everywhere_names_none", ("everywhere",)), ("mix_told", ("mix",))):
        found = shares(
            lambda x: x.alert == "right",
            lambda x, kinds=kinds: x.kind in kinds and x.alert != "no alert",  # type: ignore[misc]
        )
        figures.append(figure(f"localize_alert_{name}", found, "share"))
    return figures


def try_fault(kind: str, seed: int) -> Trial:
    """Draw a fault of a kind, and hold what is said of it against what it was."""
    shop = draw_shop(kind, seed)
    rule = _RULES[shop.fault.signal]
    fold, trails = DetectFold(rules=(rule,)), dict[str, Trail]()
    fault_ms = shop.start_ms + FAULT_S * 1000
    alert: Verdict = "no alert"
    for offset, record in enumerate(shop.records()):
        if isinstance(record, Rollup):
            if record.horizon_s == rule.horizon_s and record.cohort_start_ms < fault_ms + ASKED_S * 1000:
                trail = trails.setdefault(record.series.surface, Trail())
                trail.take(record, frozen=False, segments=True)
        elif alert != "no alert" and record.closed_through_ms[rule.horizon_s] > fault_ms + ASKED_S * 1000:
            break
        for output in fold.apply(record, offset) if alert == "no alert" else ():
            fired = isinstance(output, Transition) and output.data.status == "firing"
            if fired and output.cohort_start_ms >= fault_ms and alert == "no alert":
                alert = _verdict(kind, shop.fault, Explanation(output.data.spread, output.data.segments))
    surface = SURFACES[shop.fault.value] if kind == "surface" else "search"
    tables = slice_tables(rule.signal, trails[surface], fault_ms)
    surfaces = surface_table(rule.signal, trails, fault_ms)
    said = explain(tables if surfaces is None else [*tables, surfaces], rule.direction, surface)
    return Trial(kind, _verdict(kind, shop.fault, said), alert)


def draw_shop(kind: str, seed: int) -> SlicedShop:
    """Draw a shop with its fault."""
    rng = np.random.default_rng([seed, 7])
    signals = tuple(_RULES)
    signal = cast(Signal, kind if kind in _RULES else "ctr")
    if kind == "everywhere":
        signal = cast(Signal, signals[int(rng.integers(len(signals)))])
    size = float(rng.uniform(*_SIZES[signal]))
    surfaces = SURFACES if kind == "surface" else ("search",)
    everywhere = Fault(signal, "everywhere", size, at_s=FAULT_S)
    shop = SlicedShop(seed, everywhere, RATE * len(surfaces), END_S, surfaces)
    if kind == "everywhere":
        return shop
    dimension = kind if kind in {*DIMENSIONS, "position", "surface"} else list(DIMENSIONS)[int(rng.integers(3))]
    values = [x for x in range(shop.size(dimension)) if _SMALLEST <= shop.share(dimension, x) <= _LARGEST]
    value = values[int(rng.integers(len(values)))]
    if kind == "mix":
        # To the slice that clicks least among those, so that the whole falls.
        value = min(values, key=lambda x: float(shop.taste[dimension][x]))
        size = float(rng.uniform(0.3, 0.7))
    shop.fault = Fault(signal, "mix" if kind == "mix" else "slice", size, dimension, value, FAULT_S)
    return shop


def _verdict(kind: str, fault: Fault, said: Explanation) -> Verdict:
    if kind == "everywhere":
        return "wrong" if said.segments else "right"
    if not said.segments:
        return "none"
    first = said.segments[0]
    if kind == "mix":
        return "right" if said.spread == "mix" and first.name == fault.dimension else "wrong"
    return "right" if (first.name, first.value) == (fault.dimension, _value(fault)) else "wrong"


def _value(fault: Fault) -> str:
    if fault.dimension == "position":
        return str(fault.value + 1)
    return SURFACES[fault.value] if fault.dimension == "surface" else f"{fault.dimension}-{fault.value}"
