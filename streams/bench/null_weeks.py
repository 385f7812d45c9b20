"""`matchwatch bench null_weeks`: how often do the default rules alarm in weeks in which nothing goes wrong?

What was promised for all of them together is one false alarm in thirty days. Everything that fires counts, on all
series, whether it pages anybody or not; repeats do not.
"""

import os
from collections.abc import Sequence
from multiprocessing import get_context
from typing import Final

from streams.bench.null_week import WEEK_S, Pages, count_pages, false_alarms
from streams.bench.options import Options
from streams.bench.poisson import poisson_interval
from streams.bench.report import Figure, figure

PROMISE_S: Final = 30 * 24 * 3600
"""One false alarm of all default rules together in so long."""


def bench(options: Options) -> list[Figure]:
    """Watch `runs` weeks; their pages come from one shop, of `seed`."""
    pages = count_pages(options.seed)
    jobs = [([options.seed, week], pages) for week in range(options.runs)]
    found = []
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        for week, alarms in enumerate(pool.imap(_watch, jobs), 1):
            found.append(len(alarms))
            options.tell(f"week {week}: {', '.join(alarms) or 'nothing'}")
    return alarm_figures(found)


def alarm_figures(alarms: Sequence[int]) -> list[Figure]:
    """Compare the alarms of some weeks with the interval in which a kept promise leaves them."""
    expected = len(alarms) * WEEK_S / PROMISE_S
    least, most = poisson_interval(expected)
    total = sum(alarms)
    shown = figure("null_weeks_alarms", [float(total)], "alarms")
    return [
        Figure(
            shown.name, shown.value, shown.unit, f"{least} to {most}", least <= total <= most, [*map(float, alarms)]
        ),
        figure("null_weeks_expected", [expected], "alarms"),
        figure("null_weeks", [float(len(alarms))], "weeks"),
    ]


def _watch(job: tuple[list[int], dict[str, Pages]]) -> list[str]:
    return false_alarms(*job)
