"""`matchwatch bench localize`: is the slice that broke named first, and no slice where none broke?

Faults of random size in random slices (5 to 50 % of the traffic) of shops with random tastes. Each is looked at twice:
the drill-down is asked five minutes after it began, whether or not there was an alert; and the first alert of the whole
fold is read, with rules that alert at changes of about two per cent. Changes that are everywhere alike must name no
slice, and traffic that moves to slices of few clicks must be told as a shift of the mix.
"""

import os
from collections.abc import Sequence
from multiprocessing import get_context
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
    """Try `runs` faults of each kind."""
    first = options.seed * 1_000_000
    jobs = [(kind, first + number) for number in range(options.runs) for kind in _KINDS]
    trials = []
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        for trial in pool.imap(_try_fault, jobs):
            trials.append(trial)
            if len(trials) % len(_KINDS) == 0:
                options.tell(f"localize: {len(trials) // len(_KINDS)} of {options.runs} faults of each kind")
    return trial_figures(trials)


def trial_figures(trials: Sequence[Trial]) -> list[Figure]:
    """Give the shares, first of what was asked for, then of alerts."""
    slices = [trial for trial in trials if trial.kind in _SLICES]
    asked = {kind: [trial.asked for trial in trials if trial.kind == kind] for kind in _KINDS}
    figures = [figure("localize_named_first", _share([x.asked for x in slices]), "share", 0.9)]
    figures += [figure(f"localize_named_first_{kind}", _share(asked[kind]), "share") for kind in _SLICES]
    figures += [
        figure("localize_wrong_first", _share([x.asked for x in slices], "wrong"), "share", 0.02, "less"),
        figure("localize_everywhere_names_none", _share(asked["everywhere"]), "share", 0.95),
        figure("localize_mix_told", _share(asked["mix"]), "share", 0.9),
        figure("localize_alerted", [1 - x for x in _share([x.alert for x in slices], "no alert")], "share"),
    ]
    for name, kinds in (("named_first", _SLICES), ("everywhere_names_none", ("everywhere",)), ("mix_told", ("mix",))):
        alerts = [x.alert for x in trials if x.kind in kinds and x.alert != "no alert"]
        figures.append(figure(f"localize_alert_{name}", _share(alerts), "share"))
    return figures


def _share(verdicts: Sequence[Verdict], of: Verdict = "right") -> list[float]:
    return [sum(verdict == of for verdict in verdicts) / len(verdicts)] if verdicts else []


def _try_fault(job: tuple[str, int]) -> Trial:
    return try_fault(*job)


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
            if not isinstance(output, Transition) or output.data.status != "firing" or alert != "no alert":
                continue
            if output.cohort_start_ms >= fault_ms:
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
    if kind == "mix":
        dimension, value = _of_few_clicks(shop)
        shop.fault = Fault(signal, "mix", float(rng.uniform(0.3, 0.7)), dimension, value, FAULT_S)
        return shop
    dimension = kind if kind in {*DIMENSIONS, "position", "surface"} else list(DIMENSIONS)[int(rng.integers(3))]
    values = [x for x in range(shop.size(dimension)) if _SMALLEST <= shop.share(dimension, x) <= _LARGEST]
    value = values[int(rng.integers(len(values)))]
    shop.fault = Fault(signal, "slice", size, dimension, value, FAULT_S)
    return shop


def _of_few_clicks(shop: SlicedShop) -> tuple[str, int]:
    """Give the slice of a fair size whose people click least, compared with all of its dimension."""
    rates = {
        (name, value): shop.taste[name][value] / float(shop.shares[name] @ shop.taste[name])
        for name in DIMENSIONS
        for value in range(shop.size(name))
        if _SMALLEST <= shop.share(name, value) <= _LARGEST
    }
    return min(rates, key=lambda slice_: float(rates[slice_]))


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
