"""Novelty and its parts, held against brute force, and on series where one knows what is new."""

import math
import random

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import percentileofscore

from detectors.discord import SLACK, Discord
from detectors.nearest_value import DAY_S, NearestValue
from detectors.novelty import NoveltyDetector
from detectors.rarity import CERTAIN, LEAST_NUMBERS, Rarity


@pytest.mark.parametrize("scale", [1.0, 1e9])
def test_the_nearest_shape_is_the_one_that_looking_at_all_finds(scale: float) -> None:
    rng = np.random.default_rng(1)
    width, memory = 8, 100
    numbers = np.round(rng.normal(size=SLACK + 300), 1) * scale
    discord = Discord(width, memory)
    windows = np.lib.stride_tricks.sliding_window_view(numbers, width)
    dropped = 0
    for i, x in enumerate(numbers):
        if i == memory + SLACK:
            dropped = SLACK
        found = discord.update(float(x))
        ends = i - width + 1
        if ends - width + 1 <= 0:
            assert found == 0.0
        elif i % 7 == 0 or i in range(memory + SLACK - 2, memory + SLACK + 2 * width):
            nearest = cdist(windows[ends : ends + 1], windows[dropped : ends - width + 1]).min() / math.sqrt(width)
            assert found == pytest.approx(nearest, abs=1e-6 * scale)


def test_the_nearest_value_is_the_one_that_looking_at_all_finds() -> None:
    rng = random.Random(2)
    times_s = sorted(rng.uniform(0, 20 * DAY_S) for _ in range(1000))
    numbers = [rng.gauss(0, 1) for _ in times_s]
    nearest = NearestValue(parts=6, delay_s=3600.0, memory=10_000)
    for i, (x, now_s) in enumerate(zip(numbers, times_s, strict=True)):
        past = [
            abs(x - y)
            for y, then_s in zip(numbers[:i], times_s[:i], strict=True)
            if then_s <= now_s - 3600 and then_s % DAY_S // (4 * 3600) == now_s % DAY_S // (4 * 3600)
        ]
        assert nearest.update(x, now_s) == min(past, default=0.0)


def test_rarity_is_the_share_of_those_before_that_are_as_large() -> None:
    rng = random.Random(3)
    numbers = [float(rng.randrange(40)) for _ in range(400)]
    rarity = Rarity(memory=10_000)
    for i, x in enumerate(numbers):
        found = rarity.update(x)
        if i < LEAST_NUMBERS:
            assert found == 0.0
            continue
        as_large = i * (1 - percentileofscore(numbers[:i], x, kind="strict") / 100)
        expected = -math.log10((as_large + 0.5) / (i + 1))
        assert expected < CERTAIN
        assert found == pytest.approx(max(0.0, expected), abs=1e-9)
    far = Rarity(memory=100_000)
    assert [far.update(x) for x in [0.0] * 20_000 + [1.0]][-1] == pytest.approx(
        CERTAIN + math.log1p(math.log10(20_001 / 0.5) - CERTAIN)
    )


def highest(numbers: list[float], seconds: float = 600.0) -> tuple[int, float]:
    """Where after the first quarter the score is highest, and how high."""
    detector = NoveltyDetector()
    scores = [detector.update(x, i * seconds) for i, x in enumerate(numbers)]
    place = max(range(len(scores) // 4, len(scores)), key=scores.__getitem__)
    return place, scores[place]


def days(count: int = 14, seed: int = 4) -> list[float]:
    rng = random.Random(seed)
    return [50 + 40 * math.sin(i * math.pi / 72) + rng.gauss(0, 2) for i in range(144 * count)]


def test_a_spike_a_level_at_the_wrong_hour_and_a_flat_line_are_found_where_they_begin() -> None:
    spike, shifted, flat = days(), days(), days()
    spike[1500] = 160.0
    night = 144 * 10 + 108
    shifted[night : night + 12] = [95.0] * 12
    flat[1600:1640] = [flat[1600]] * 40
    assert highest(spike)[0] == 1500
    assert night <= highest(shifted)[0] <= night + 12
    assert 1600 <= highest(flat)[0] <= 1645


def test_what_is_usual_scores_lower_than_what_is_new_whatever_the_unit() -> None:
    new = days()
    new[1500] = 160.0
    _, usual = highest(days())
    _, odd = highest(new)
    assert odd > usual + 0.1
    assert highest([1e9 * x for x in new])[1] == pytest.approx(odd, abs=0.02)


def test_a_constant_series_scores_nothing_and_gaps_are_no_news() -> None:
    assert highest([5.0] * 3000)[1] == 0.0
    detector = NoveltyDetector()
    for i, x in enumerate(days(seed=5)):
        detector.update(x, i * 600.0)
    later = [detector.update(x, i * 600.0 + 30 * DAY_S) for i, x in enumerate(days(seed=6))]
    assert max(later[:144]) < 0.3


def test_a_time_that_goes_back_is_taken_for_the_latest() -> None:
    one, other = NoveltyDetector(), NoveltyDetector()
    for i, x in enumerate(days(count=3)):
        time_s = i * 600.0
        other_time_s = time_s - 900.0 if i % 5 == 4 else time_s
        latest_s = time_s - 600.0 if i % 5 == 4 else time_s
        assert one.update(x, latest_s) == other.update(x, other_time_s)


@pytest.mark.parametrize("huge", [1e9, -1e9, 1e160, 1.7e308])
def test_one_huge_number_does_not_hide_what_later_shapes_are_like(huge: float) -> None:
    rng = random.Random(3)
    numbers = [10 * math.sin(i * math.pi / 36) + rng.gauss(0, 0.3) for i in range(1200)]
    numbers[1000:1024] = [5.0] * 24

    def distances(spike: float) -> list[float]:
        discord = Discord(width=24, memory=2000)
        return [discord.update(spike if i == 500 else x) for i, x in enumerate(numbers)]

    far, odd = distances(400.0), distances(huge)  # windows with either are nearest to none
    assert odd[500] > 50 * max(odd[150:490])
    assert odd[600:] == pytest.approx(far[600:], abs=1e-3)
    assert max(odd[1000:1040]) > 5 * max(odd[600:1000])
