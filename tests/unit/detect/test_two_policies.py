"""Two recommenders of a real shop side by side: a random one, and one that learns. Do their clicks tell them apart?

What is read here stands in docs/detection.md.
"""

import csv
import math
from collections.abc import Mapping
from pathlib import Path

import pytest
from scipy import stats

from detectors.event_split import EventSplitTest
from detectors.standard_errors import binomial_standard_error

COUNTS = Path(__file__).parent / "obp" / "counts.csv"
ALPHA = 0.05

Counts = Mapping[str, tuple[int, int]]
"""Clicks and impressions by policy."""


def blocks(*campaigns: str) -> list[Counts]:
    """Give the counts of each six hours, campaigns added up."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    with COUNTS.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["campaign"] in campaigns:
                block = found.setdefault(row["six_hours_from"], {"random": (0, 0), "bts": (0, 0)})
                clicks, shown = block[row["policy"]]
                block[row["policy"]] = clicks + int(row["clicks"]), shown + int(row["impressions"])
    return [found[start] for start in sorted(found)]


def total(*campaigns: str) -> Counts:
    parts = blocks(*campaigns)
    return {
        policy: (sum(x[policy][0] for x in parts), sum(x[policy][1] for x in parts)) for policy in ("random", "bts")
    }


def distance(counts: Counts) -> float:
    """How many standard errors the learned policy's CTR lies above the random one's."""
    (x0, n0), (x1, n1) = counts["random"], counts["bts"]
    errors = [binomial_standard_error(x, n) for x, n in ((x0, n0), (x1, n1))]
    assert None not in errors
    return (x1 / n1 - x0 / n0) / math.hypot(*(error for error in errors if error is not None))


@pytest.mark.parametrize(
    ("campaigns", "clicks", "errors"),
    [(("men", "women"), (92, 115), 1.60), (("men",), (46, 69), 2.15), (("women",), (46, 46), 0.0)],
)
def test_the_learned_policy_is_above_or_level_but_two_hundred_clicks_do_not_prove_it(
    campaigns: tuple[str, ...], clicks: tuple[int, int], errors: float
) -> None:
    counts = total(*campaigns)
    assert (counts["random"][0], counts["bts"][0]) == clicks
    assert distance(counts) == pytest.approx(errors, abs=0.005)
    exact = stats.fisher_exact([[x, n - x] for x, n in (counts["bts"], counts["random"])]).pvalue
    # One campaign of two at 0.039 is what chance gives one time in thirteen.
    assert exact > ALPHA / 2


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_test_that_may_be_read_every_six_hours_gives_no_verdict_either_way(direction: str) -> None:
    for campaigns in (("men", "women"), ("men",), ("women",)):
        test = EventSplitTest(direction, margin=0.0, alpha=ALPHA)  # type: ignore[arg-type]
        verdicts = []
        for block in blocks(*campaigns):
            test.update(*block["bts"], *block["random"])
            verdicts.append(test.drift_detected)
        assert len(verdicts) == 28
        assert not any(verdicts)


def test_three_times_as_many_clicks_at_these_rates_would_tell() -> None:
    counts = total("men", "women")
    clicks, impressions = (sum(counts[policy][i] for policy in counts) for i in (0, 1))
    gap = counts["bts"][0] / counts["bts"][1] - counts["random"][0] / counts["random"][1]
    wanted = stats.norm.isf(ALPHA / 2) + stats.norm.isf(0.2)  # eighty per cent power
    rate = clicks / impressions
    times = wanted**2 * 2 * rate * (1 - rate) / gap**2 / (impressions / 2)
    assert 2.9 < times < 3.3
    assert distance({policy: (3 * x, 3 * n) for policy, (x, n) in counts.items()}) > stats.norm.isf(ALPHA / 2)
