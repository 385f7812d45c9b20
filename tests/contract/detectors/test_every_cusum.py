"""One suite over the detectors that take a number with its sample size or its standard error."""

import math
import random
from collections.abc import Callable

import msgspec
import pytest

from detectors.count_cusum import CountCusum
from detectors.mean_cusum import MeanCusum

Cusum = CountCusum | MeanCusum
Make = Callable[[], Cusum]
Update = tuple[float, float]
MAKERS: dict[str, Make] = {
    "binomial": lambda: CountCusum("down", 0.8, 6.0, level=0.2),
    "binomial_learned": lambda: CountCusum("down", 0.8, 6.0, overdispersion=1.3),
    "poisson_learned": lambda: CountCusum("down", 0.8, 6.0, law="poisson"),
    "mean": lambda: MeanCusum("down", 4.0, 6.0, level=20.0),
    "mean_learned": lambda: MeanCusum("down", 4.0, 6.0),
}


@pytest.fixture(params=sorted(MAKERS))
def make(request: pytest.FixtureRequest) -> Make:
    return MAKERS[request.param]


def stream(detector: Cusum, seed: int, length: int = 900) -> list[Update]:
    """About 20 of about 100, or means around 20; three drops to three fifths of it, and cohorts without anything."""
    rng = random.Random(seed)
    numbers: list[Update] = []
    for i in range(length):
        share = 0.12 if 400 <= i % 500 < 440 else 0.2
        if isinstance(detector, MeanCusum):
            error = rng.choice([1.0, 3.0, math.inf])
            numbers.append((rng.gauss(100 * share, min(error, 9.0)), error))
        else:
            n = rng.choice([0, 60, 140])
            numbers.append((float(sum(rng.random() < share for _ in range(n))), float(n)))
    return numbers


def verdicts(detector: Cusum, numbers: list[Update]) -> list[object]:
    seen: list[object] = []
    for x, size in numbers:
        detector.update(x, size)
        seen.append((detector.drift_detected, detector.estimate, detector.change, detector.evidence))
    return seen


def test_a_drop_is_found_with_its_time_and_levels(make: Make) -> None:
    detector = make()
    size = 2.0 if isinstance(detector, MeanCusum) else 100.0
    verdicts(detector, [(20.0, size)] * 250)
    assert not detector.drift_detected
    assert detector.change is None
    drops = 0
    while not detector.drift_detected and drops < 10:
        detector.update(12.0, size)
        drops += 1
    assert detector.change is not None
    assert detector.change.updates_ago == drops
    assert detector.change.direction == "down"
    assert detector.change.after == pytest.approx(detector.change.before * 0.6, rel=0.01)
    assert detector.estimate == detector.change.after


def test_a_detector_restored_anywhere_goes_on_as_if_nothing_had_happened(make: Make) -> None:
    numbers = stream(make(), seed=5)
    expected = verdicts(make(), numbers)
    assert any(detected for detected, *_ in expected)  # type: ignore[misc]
    for cut in random.Random(6).sample(range(len(numbers)), 12):
        first = make()
        verdicts(first, numbers[:cut])
        second = make()
        second.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(first.state())))
        assert second.change == first.change
        assert verdicts(second, numbers[cut:]) == expected[cut:]


def test_the_state_is_bounded_plain_numbers(make: Make) -> None:
    detector = make()
    verdicts(detector, stream(detector, seed=7, length=3000))
    assert len(msgspec.msgpack.encode(detector.state())) < 200


@pytest.mark.parametrize(
    "bad", [(math.nan, 9.0), (math.inf, 9.0), (-math.inf, 9.0), (1.0, math.nan), (1.0, -math.inf), (1.0, -1.0)]
)
def test_impossible_numbers_change_nothing(make: Make, bad: Update) -> None:
    numbers = stream(make(), seed=8)
    expected = verdicts(make(), numbers)
    detector = make()
    for number, verdict in zip(numbers, expected, strict=True):
        assert verdicts(detector, [number]) == [verdict]
        before = detector.state()
        detector.update(*bad)
        assert detector.state() == before


def test_reset_makes_it_new(make: Make) -> None:
    used = make()
    numbers = stream(used, seed=9)
    verdicts(used, numbers[:430])
    used.reset()
    assert used.state() == make().state()
    assert verdicts(used, numbers) == verdicts(make(), numbers)


def test_nothing_is_never_a_verdict(make: Make) -> None:
    detector = make()
    for _ in range(1000):
        detector.update(0.0, 0.0)
        assert not detector.drift_detected
    assert detector.evidence == 0


def test_a_state_given_away_is_a_copy(make: Make) -> None:
    detector = make()
    numbers = stream(detector, seed=10)
    verdicts(detector, numbers[:50])
    state = detector.state()
    copy = msgspec.msgpack.decode(msgspec.msgpack.encode(state))
    verdicts(detector, numbers[50:])
    assert state == copy
