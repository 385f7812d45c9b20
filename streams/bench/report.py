"""What a bench says: one object, the same for all of them."""

import platform
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Literal

import msgspec

from schemas.timestamps import format_timestamp

Better = Literal["more", "less"]


class Figure(msgspec.Struct, frozen=True):
    """One number with what it should be."""

    name: str
    value: float | None
    """Median of the runs; None where it cannot be measured here."""
    unit: str
    target: str | None
    """As `≥ 10` or `≤ 400`; None where the number is for reading only."""
    met: bool | None
    """None without a value or without a target."""
    runs: list[float]


class Report(msgspec.Struct, frozen=True):
    """The figures of one bench."""

    bench: str
    date: str
    machine: str
    figures: list[Figure]


def figure(name: str, runs: Sequence[float], unit: str, target: float | None = None, better: Better = "more") -> Figure:
    """Make a figure of its runs.

    Args:
        name: of the figure.
        runs: one value for each run (or pair of runs); empty where it could not be measured.
        unit: of the values.
        target: the bound it should keep.
        better: whether the target is the least (`more`) or the most (`less`).
    """
    value = _rounded(median(runs)) if runs else None
    met = None
    if value is not None and target is not None:
        met = value >= target if better == "more" else value <= target
    bound = None if target is None else f"{'≥' if better == 'more' else '≤'} {target:g}"
    return Figure(name, value, unit, bound, met, [_rounded(run) for run in runs])


def report(bench: str, figures: Sequence[Figure], now_ms: int) -> Report:
    """Put the figures of a bench together, with the date and the machine."""
    return Report(bench, format_timestamp(now_ms), machine(), list(figures))


def machine() -> str:
    """Say in words what this was measured on."""
    model = "unknown processor"
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
        pages = Path("/proc/meminfo").read_text(encoding="ascii").split()[1]
        memory = f"{int(pages) / 2**20:.0f} GiB"
        cores = Path("/proc/cpuinfo").read_text(encoding="utf-8").count("\nprocessor") + 1
    except (OSError, ValueError, IndexError):
        return f"{platform.machine()}, Python {platform.python_version()}"
    return f"{cores} cores of {model}, {memory}, {platform.system()}, Python {platform.python_version()}"


def _rounded(value: float) -> float:
    """Four significant digits: more would say more than was measured."""
    return float(f"{value:.4g}")
