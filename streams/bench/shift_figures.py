"""What `bench shift` says of its delays and rates, and its table."""

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Final

from streams.bench.report import Figure, figure
from streams.bench.shift_traffic import COHORT_S, SHIFTS
from streams.bench.shift_tuning import Tuning

TARGET: Final = 1.3
Parts = dict[str, list[dict[str, list[int]]]]
"""Delays by shift, part of the runs, and detector."""


def ratio_figures(parts: Parts) -> list[Figure]:
    """Our delay over that of somebody who knows both levels: the worst of all, the worst over clicks, and each."""
    found = {}
    for shift, of_parts in parts.items():
        whole = _mean(of_parts, "ours") / _mean(of_parts, "oracle")
        each = [_mean([one], "ours") / _mean([one], "oracle") for one in of_parts if one["ours"] and one["oracle"]]
        found[shift] = _figure(f"shift_delay_ratio_{shift}", whole, "ratio", each)
    worst = max(one.value or 0.0 for one in found.values())
    worst_ctr = max(one.value or 0.0 for shift, one in found.items() if shift.startswith("ctr"))
    headlines = [
        figure(name, [value], "ratio", TARGET, "less")
        for name, value in (("shift_delay_ratio", worst), ("shift_delay_ratio_ctr", worst_ctr))
    ]
    return [*headlines, *found.values()]


def delay_figures(parts: Parts) -> list[Figure]:
    """Mean cohorts from the change to the first alarm, by shift and detector; the parts' means tell its error."""
    return [
        _figure(
            f"shift_delay_{shift}_{name}",
            _mean(of_parts, name),
            "cohorts of 10 s",
            [fmean(one[name]) for one in of_parts if one[name]],
        )
        for shift, of_parts in parts.items()
        for name in of_parts[0]
    ]


def rate_figures(tunings: Mapping[str, Tuning]) -> list[Figure]:
    """Cohorts between false alarms by rule and detector, and the alarms that this was measured with."""
    figures = []
    for rule, tuning in tunings.items():
        for name, (alarms, cohorts) in tuning.rates.items():
            value = cohorts / alarms if alarms else None
            label = f"shift_false_alarms_{rule}_{name}"
            figures.append(_figure(f"{label}_every", value, "cohorts", []))
            figures.append(_figure(label, alarms, "alarms", []))
    return figures


def _mean(parts: list[dict[str, list[int]]], name: str) -> float:
    values = [value for part in parts for value in part[name]]
    return fmean(values) if values else float("nan")


def _figure(name: str, value: float | None, unit: str, runs: Sequence[float]) -> Figure:
    shown = figure(name, [] if value is None else [value], unit)
    return Figure(shown.name, shown.value, unit, None, None, figure(name, runs, unit).runs)


_SHIFT_NAMES: Final = {
    "ctr_10": "CTR −10 %",
    "ctr_20": "CTR −20 %",
    "ctr_30": "CTR −30 %",
    "latency": "latency × 1.5",
    "score": "match@10 −5 %",
}
_DETECTOR_NAMES: Final = {
    "oracle": "CUSUM that knows both levels",
    "ours": "ours",
    "page_hinkley": "Page–Hinkley",
    "adwin": "ADWIN",
    "kswin": "KSWIN",
    "ours_default": "ours, as shipped",
    "page_hinkley_default": "Page–Hinkley, defaults",
    "adwin_default": "ADWIN, defaults",
    "kswin_default": "KSWIN, defaults",
}


def markdown(figures: Sequence[Figure]) -> str:
    """Lay the figures out: how long each detector takes for each shift, and how often it alarms falsely."""
    found = {one.name: one for one in figures}
    rules = {shift.name: shift.rule for shift in SHIFTS}
    lines = [
        f"| cohorts of {COHORT_S} s to find | " + " | ".join(_SHIFT_NAMES[shift] for shift in rules) + " |\n",
        "|---|" + "---|" * len(rules) + "\n",
    ]
    for detector, name in _DETECTOR_NAMES.items():
        cells = [_with_error(found[f"shift_delay_{shift}_{detector}"]) for shift in rules]
        lines.append(f"| {name} | " + " | ".join(cells) + " |\n")
    ratios = [f"{found[f'shift_delay_ratio_{shift}'].value:.2f}" for shift in rules]
    lines.append("| **ours over the CUSUM's** | " + " | ".join(ratios) + " |\n\n")
    names = list(dict.fromkeys(rules.values()))
    lines += [
        "| cohorts between false alarms (alarms seen) | " + " | ".join(f"`{rule}`" for rule in names) + " |\n",
        "|---|" + "---|" * len(names) + "\n",
    ]
    for detector, name in _DETECTOR_NAMES.items():
        cells = []
        for rule in names:
            label = f"shift_false_alarms_{rule}_{detector}"
            every = found[f"{label}_every"].value
            cells.append(f"{'more' if every is None else f'{every:,.0f}'} ({found[label].value:.0f})")
        lines.append(f"| {name} | " + " | ".join(cells) + " |\n")
    heads = [found[name] for name in ("shift_delay_ratio", "shift_delay_ratio_ctr")]
    return "".join(lines) + "\n" + "; ".join(f"`{x.name}` {x.value:g}, target {x.target}" for x in heads) + ".\n"


def _with_error(figure: Figure) -> str:
    error = f" ± {stdev(figure.runs) / len(figure.runs) ** 0.5:.1f}" if len(figure.runs) > 1 else ""
    return f"{figure.value:.1f}{error}" if figure.value is not None else "none"
