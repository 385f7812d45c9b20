"""No value without its reason, no number that is none; and the catalogue of signals is what the code computes."""

import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from detectors.observation import PIPELINE_SIGNALS, all_watchable, observe
from detectors.reference import Reference
from detectors.rollup_fit import misfit
from detectors.signal_catalogue import CATALOGUE, NEED_CLICKS, PIPELINE_CATALOGUE, WORKER_CATALOGUE, as_markdown
from detectors.signal_reference import ClickReference, QueryReference, ReferenceWindow, ScoreReference, SignalReference
from detectors.signals import signal_points
from detectors.sketch import sketch_of
from detectors.worker_watch import WORKER_SIGNALS
from schemas.rollup import POSITION_SLOTS, SCORE_BINS, UNKNOWN_SHARES, Clicks, Moments, Pairs, Rollup
from schemas.signals import Reason, SignalPoint, encode_signals
from tests.unit.detect.scored_pages import SERIES, scored_pages

PAGE = Path(__file__).parents[3] / "docs" / "signals.md"
WINDOW = ReferenceWindow(0, 300_000, 300, 3000)
LARGE = 1.7e308


def reference(clicked_first: int = 300, *, bins: int = SCORE_BINS) -> SignalReference:
    shown, clicked = [1000] * POSITION_SLOTS, [100] * POSITION_SLOTS
    clicked[0], clicked[1] = clicked_first, 0
    scores = [100 if place < bins else 0 for place in range(SCORE_BINS)]
    clicks = {60: ClickReference(WINDOW, shown, clicked)}
    queries = QueryReference(WINDOW, shares(b0=960, b4=20, b16=20 if bins < SCORE_BINS else 0))
    return SignalReference(ScoreReference(WINDOW, scores), clicks, queries)


def empty(horizon_s: int, **fields: object) -> Rollup:
    return Rollup(SERIES, 0, 10, horizon_s, 0, **fields)  # type: ignore[arg-type]


def in_bins(**counts: int) -> list[int]:
    return [counts.get(f"b{place}", 0) for place in range(SCORE_BINS)]


def shares(**counts: int) -> list[int]:
    return [counts.get(f"b{place}", 0) for place in range(UNKNOWN_SHARES)]


def odd_cohorts() -> Iterator[tuple[Rollup, dict[str, int] | None, SignalReference | None]]:
    """Cohorts that lack something, each something else."""
    ten = scored_pages(np.random.default_rng(1), 60).rollup()
    for horizon_s in (0, 60):
        yield empty(horizon_s), None, None
        yield empty(horizon_s, searches=3), {"shoes": 3}, reference()
    one, exposed = sketch_of(np.array([5.0])), {"shoes": 9}
    yield empty(0, searches=1, latency_ms=one, scoring_ms=one, exposure=exposed, tokens=3), exposed, None
    yield empty(0, score_bins=in_bins(b3=LEAST_SCORES - 1)), None, reference()
    yield empty(0, score_bins=in_bins(b3=LEAST_SCORES), exposure=exposed), None, None
    yield empty(0, score_bins=in_bins(b3=LEAST_SCORES)), None, reference(bins=1)
    for learned in (None, reference(bins=1), reference()):
        yield empty(0, searches=9, unknown_share_bins=shares(b0=8, b5=1)), None, learned
    pages = {"searches": 20, "impressions": 40, "shown_at": [40, *[0] * 19], "clicked_at": [9, *[0] * 19]}
    for shown, clicked in (
        (in_bins(b3=20, b9=20), in_bins()),
        (in_bins(b3=20, b9=20), in_bins(b3=20, b9=20)),
        (in_bins(b3=20, b9=20), in_bins(b3=2)),
        (in_bins(b3=20, b9=20), in_bins(b3=19, b9=18)),
        (in_bins(b3=40), in_bins(b3=20)),
        (in_bins(b3=3), in_bins(b3=1)),
    ):
        rollup = empty(60, score_bins=shown, clicked_score_bins=clicked, labels=Clicks(clicks=9, xx=9), **pages)
        yield rollup, None, reference()
        yield rollup, None, reference(0)
        yield rollup, None, None
    few = {**pages, "impressions": 3, "shown_at": [3, *[0] * 19], "clicked_at": [1, *[0] * 19]}
    yield empty(60, **few), None, reference()
    unseen = [0, 40, *[0] * 18]
    yield msgspec.structs.replace(ten, shown_at=unseen, clicked_at=[0, 9, *[0] * 18]), None, reference()
    # Made-up sums that nothing can be divided by, and lists that contradict each other.
    huge = Moments(2, LARGE, LARGE)
    yield empty(0, match_at_10=msgspec.structs.replace(huge, total=math.inf)), None, None
    yield empty(60, ndcg_at_10=huge, mrr=huge, score_bins=in_bins(b3=40)), None, reference()


LEAST_SCORES = 50


def told(rollup: Rollup, exposure: dict[str, int] | None, learned: SignalReference | None) -> list[SignalPoint]:
    points = signal_points(rollup, exposure, learned)
    for point in points:
        assert (point.value is None) == (point.reason is not None), point
        numbers = (point.value, point.numerator, point.denominator, point.standard_error, point.variance)
        assert all(number is None or math.isfinite(number) for number in numbers), point
        assert point.standard_error is None or point.standard_error > 0, point
        assert point.value is not None or point.standard_error is None, point
    assert msgspec.json.decode(encode_signals(points), type=list[SignalPoint]) == points
    for signal in all_watchable():
        if signal not in PIPELINE_SIGNALS and signal != "exposure_js":
            seen = observe(signal, rollup, Reference(), learned)
            assert seen is None or (math.isfinite(seen.ratio) and math.isfinite(seen.variance_total)), signal
    return points


def moments(rng: np.random.Generator, count: int) -> Moments:
    total = count * float(rng.choice([0.0, 1.0, rng.random()]))
    return Moments(count, total, total * float(rng.choice([0.0, 1.0, rng.random()])))


def made_up(rng: np.random.Generator) -> Rollup:
    """Give a rollup that fits, however little its parts have to do with each other."""
    most = int(rng.choice([1, 3, 1000, 2**60]))
    count = lambda high=most: int(rng.integers(0, high + 1)) if rng.random() < 0.8 else 0  # noqa: E731 - a shorthand
    below = lambda highs: [count(high) for high in highs]  # noqa: E731 - likewise
    slots = lambda n: [count(most // n) for _ in range(n)] if rng.random() < 0.8 else []  # noqa: E731 - likewise
    searches, impressions, tokens = count(), count(), count()
    clicked = count(min(searches, impressions))
    score_bins, shown_at = slots(SCORE_BINS), slots(POSITION_SLOTS)
    return Rollup(
        SERIES,
        0,
        int(rng.integers(1, 60)),
        int(rng.choice([0, 60])),
        0,
        searches=searches,
        impressions=impressions,
        zero_results=count(searches),
        unscored_searches=count(searches),
        missing_titles=count(impressions),
        tokens=tokens,
        unknown_tokens=count(tokens),
        match_at_10=moments(rng, count(searches)),
        ndcg_at_10=moments(rng, count(clicked)),
        mrr=moments(rng, count(clicked)),
        score_bins=score_bins,
        clicked_score_bins=below(score_bins),
        shown_at=shown_at,
        clicked_at=below(shown_at),
        unknown_share_bins=[count(searches // UNKNOWN_SHARES) for _ in range(UNKNOWN_SHARES)],
        exposure={name: count() for name in "abcd"[: int(rng.integers(0, 5))]},
        labels=Clicks(count(impressions), count(impressions), clicked, count(), count(), count()),
        pairs=Pairs(*(count() for _ in range(7))),
        shown_pairs=Pairs(*(count() for _ in range(7))),
    )


@pytest.mark.parametrize("seed", range(10))
def test_whatever_can_be_written_gives_finite_numbers_or_a_reason(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(30):
        rollup = made_up(rng)
        assert misfit(rollup, 4) == ""
        exposure = {"a": 5, "e": 3} if rng.random() < 0.7 else None
        told(rollup, exposure, reference(int(rng.choice([0, 300]))) if rng.random() < 0.8 else None)


def test_the_catalogue_names_every_reason_of_every_signal() -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for case in odd_cohorts():
        for point in told(*case):
            if point.reason not in {None, Reason.NOT_FINITE}:
                found[point.signal].add(str(point.reason))
    assert found == {facts.name: set(facts.reasons) for facts in CATALOGUE if facts.reasons}
    of_workers = {reason for facts in WORKER_CATALOGUE for reason in facts.reasons}  # see test_worker_watch.py
    assert {reason for reasons in found.values() for reason in reasons} == set(Reason) - {"not_finite", *of_workers}


def test_a_sum_that_is_not_finite_is_no_value() -> None:
    (point,) = [
        x for x in signal_points(empty(0, match_at_10=Moments(2, math.inf, math.nan))) if x.signal == "match_at_10"
    ]
    assert (point.value, point.reason, point.numerator) == (None, "not_finite", 0.0)


@pytest.mark.parametrize("searches", [1, 40])
def test_what_does_not_vary_does_not_tell_how_much_it_could(searches: int) -> None:
    still = Moments(searches, 0.5 * searches, 0.25 * searches)
    free = empty(0, searches=searches, match_at_10=still, latency_ms=sketch_of(np.full(searches, 7.0)))
    clicked = empty(60, searches=searches, impressions=9 * searches, ndcg_at_10=still, mrr=still, labels=Clicks())
    for name in ("match_at_10", "zero_result_rate", "ndcg_at_10", "mrr", "ctr"):
        (point,) = [x for x in (*told(free, None, None), *told(clicked, None, None)) if x.signal == name]
        assert point.value is not None
        assert point.standard_error is None


def test_the_catalogue_is_in_the_order_of_the_points_at_their_horizons() -> None:
    for horizon_s, needs_clicks in ((0, False), (60, True)):
        names = [point.signal for point in signal_points(empty(horizon_s))]
        assert names == [facts.name for facts in CATALOGUE if facts.needs_clicks == needs_clicks]
    assert {facts.name for facts in PIPELINE_CATALOGUE} == PIPELINE_SIGNALS
    assert tuple(facts.name for facts in WORKER_CATALOGUE) == WORKER_SIGNALS
    assert set(all_watchable()) <= {facts.name for facts in (*CATALOGUE, *PIPELINE_CATALOGUE)}
    assert NEED_CLICKS


def test_the_page_shows_the_catalogue_and_every_reason() -> None:
    page = PAGE.read_text("utf-8")
    table = as_markdown(frozenset(all_watchable()))
    assert table in page, f"put this table into {PAGE.name}:\n{table}"
    assert set(Reason) <= {word.strip("`") for word in page.split("\n## Without a value", 1)[1].split()}
