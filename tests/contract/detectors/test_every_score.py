"""The suite of detectors, over those whose verdict is a score: novelty, and the parts it is made of."""

import math
import random
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import pytest

from detectors.discord import SLACK, Discord
from detectors.nearest_value import NearestValue
from detectors.novelty import NoveltyDetector
from detectors.rarity import Rarity
from detectors.repeats import Repeats

MEMORY = 300
ROWS = MEMORY + SLACK + 400


class Stateful(Protocol):
    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


Step = Callable[[Any, float, float], float]
PARTS: dict[str, tuple[Callable[[], Stateful], Step]] = {
    "novelty": (lambda: NoveltyDetector(MEMORY), lambda one, x, time_s: one.update(x, time_s)),
    "nearest_value": (lambda: NearestValue(12, 43_200.0, MEMORY), lambda one, x, time_s: one.update(x, time_s)),
    "discord": (lambda: Discord(24, MEMORY), lambda one, x, _: one.update(x)),
    "rarity": (lambda: Rarity(MEMORY), lambda one, x, _: one.update(x)),
    "repeats": (Repeats, lambda one, x, time_s: one.update(abs(x) * 2.0 ** (time_s / 600 % 900))),
}


@pytest.fixture(params=sorted(PARTS))
def part(request: pytest.FixtureRequest) -> tuple[Callable[[], Any], Step]:
    return PARTS[request.param]


def stream(seed: int, length: int = ROWS) -> list[tuple[float, float]]:
    rng = random.Random(seed)
    return [
        (10 * math.sin(i * math.pi / 72) + rng.gauss(0, 1) + 40 * (i % 701 == 700), i * 600.0) for i in range(length)
    ]


def test_one_restored_anywhere_goes_on_as_if_nothing_had_happened(part: tuple[Callable[[], Any], Step]) -> None:
    make, step = part
    rows = stream(seed=1)
    whole = make()
    expected = [step(whole, x, time_s) for x, time_s in rows]
    for cut in (0, 1, 30, 150, MEMORY + SLACK - 1, MEMORY + SLACK + 7):
        first, second = make(), make()
        for x, time_s in rows[:cut]:
            step(first, x, time_s)
        packed = msgspec.msgpack.encode(first.state())
        second.restore(msgspec.msgpack.decode(packed))
        assert msgspec.msgpack.encode(second.state()) == packed
        assert [step(second, x, time_s) for x, time_s in rows[cut : cut + 300]] == expected[cut : cut + 300]


def test_the_state_is_bounded_and_a_copy(part: tuple[Callable[[], Any], Step]) -> None:
    make, step = part
    one = make()
    sizes = []
    for x, time_s in stream(seed=2, length=2 * (MEMORY + SLACK)):
        step(one, x, time_s)
        if int(time_s) % 60_000 == 0:
            sizes.append(len(msgspec.msgpack.encode(one.state())))
    state = one.state()
    copy = msgspec.msgpack.decode(msgspec.msgpack.encode(state))
    for x, time_s in stream(seed=3, length=30):
        step(one, x, time_s + 1e9)
    assert state == copy
    assert max(sizes[len(sizes) // 2 :]) <= max(sizes[: len(sizes) // 2]) * 1.1


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_and_times_that_are_not_finite_change_nothing(bad: float) -> None:
    clean, dirty = NoveltyDetector(MEMORY), NoveltyDetector(MEMORY)
    for x, time_s in stream(seed=4, length=300):
        assert dirty.update(bad, time_s) == 0.0
        assert dirty.update(x, bad) == 0.0
        assert dirty.update(x, time_s) == clean.update(x, time_s)
    assert dirty.state() == clean.state()


def test_reset_makes_it_new() -> None:
    used = NoveltyDetector(MEMORY)
    for x, time_s in stream(seed=5, length=400):
        used.update(x, time_s)
    used.reset()
    assert used.state() == NoveltyDetector(MEMORY).state()


def test_a_memory_too_small_for_a_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="memory 100 must be at least 144"):
        NoveltyDetector(memory=100)
