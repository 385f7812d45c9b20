"""Measures false alarms: `python -m tests.unit.detect.false_alarms --rate 20 --days 3` follows healthy days.

Prints one line a day, then alarms per series and day. The settings of `detectors/watch.py` were chosen with it.
"""

import argparse

from tests.unit.detect.following import follow, seconds
from tests.unit.detect.shop_rollups import SURFACES, Shop


def count_false_alarms(rate: float, minutes: float, seed: int) -> list[str]:
    """Follow a healthy shop and describe each alert that fired."""
    followed = follow(Shop(rate=rate, minutes=minutes, seed=seed))
    return [
        f"{x.data.rule} on {x.data.series.surface} at {seconds(x.data.detected_at):.0f} s" for x in followed.fired()
    ]


def main() -> None:
    """Measure as many days as are wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=20.0, help="searches a second over all surfaces")
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    total = 0
    for day in range(asked.days):
        found = count_false_alarms(asked.rate, 24 * 60, asked.seed + day)
        total += len(found)
        print(f"day {day + 1}: {len(found)}", *found, sep="\n  ", flush=True)  # noqa: T201
    per_series = total / asked.days / len(SURFACES)
    print(f"{total} in {asked.days} days of {len(SURFACES)} series: {per_series:.3g} per series and day")  # noqa: T201


if __name__ == "__main__":
    main()
