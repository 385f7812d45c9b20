"""One suite over each detector."""

import math
import random
from collections.abc import Callable

import msgspec
import pytest

from detectors.absence import AbsenceDetector
from detectors.adwin import AdwinDetector
from detectors.drift import Detector
from detectors.page_hinkley import PageHinkleyDetector
from detectors.threshold import ThresholdDetector

Make = Callable[[], Detector]
MAKERS: dict[str, Make] = {
    "adwin": lambda: AdwinDetector("down"),
    "page_hinkley": lambda: PageHinkleyDetector("down"),
    "threshold": lambda: ThresholdDetector("down", limit=-3.0),
    "absence": lambda: AbsenceDetector(expected=25.0),
}


@pytest.fixture(params=sorted(MAKERS))
def make(request: pytest.FixtureRequest) -> Make:
    return MAKERS[request.param]


def stream(seed: int, length: int = 1500) -> list[float]:
    """Noise around 0 with two lasting drops to −5, and zeros for those that count."""
    rng = random.Random(seed)
    return [rng.gauss(0.0, 1.0) if not 400 <= i % 700 < 460 else -5.0 * (i % 3 > 0) for i in range(length)]


def verdicts(detector: Detector, numbers: list[float]) -> list[object]:
    seen: list[object] = []
    for x in numbers:
        detector.update(x, weight=7.0)
        seen.append((detector.drift_detected, detector.estimate, detector.change))
    return seen


def test_a_known_drop_is_found_with_direction_and_levels(make: Make) -> None:
    detector = make()
    for x in [1.0, 2.0] * 30:
        detector.update(x, weight=10.0)
        assert not detector.drift_detected
        assert detector.change is None
    found = None
    for i in range(30):
        detector.update(-5.0, weight=10.0)
        if detector.drift_detected:
            found = i
            break
    assert found is not None
    assert found < 15
    assert detector.change is not None
    assert detector.change.direction == "down"
    assert detector.change.updates_ago == found + 1
    assert detector.change.after < detector.change.before


def test_a_detector_restored_anywhere_goes_on_as_if_nothing_had_happened(make: Make) -> None:
    numbers = stream(seed=5)
    expected = verdicts(make(), numbers)
    rng = random.Random(6)
    for cut in sorted(rng.sample(range(len(numbers)), 12)):
        first = make()
        verdicts(first, numbers[:cut])
        packed = msgspec.msgpack.encode(first.state())
        second = make()
        second.restore(msgspec.msgpack.decode(packed))
        assert (second.drift_detected, second.change) == (first.drift_detected, first.change)
        assert verdicts(second, numbers[cut:]) == expected[cut:]


def test_the_state_is_bounded_plain_numbers(make: Make) -> None:
    detector = make()
    sizes = []
    for i, x in enumerate(stream(seed=7, length=3000)):
        detector.update(x, weight=1e-3)
        if i % 100 == 99:
            sizes.append(len(msgspec.msgpack.encode(detector.state())))
    assert max(sizes) < 4000


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_change_nothing(make: Make, bad: float) -> None:
    numbers = stream(seed=8, length=600)
    expected = verdicts(make(), numbers)
    detector = make()
    seen = []
    for x in numbers:
        detector.update(x, weight=7.0)
        seen.append((detector.drift_detected, detector.estimate, detector.change))
        before = detector.state()
        detector.update(bad, weight=7.0)
        assert detector.state() == before
    assert seen == expected


def test_reset_makes_it_new(make: Make) -> None:
    numbers = stream(seed=9, length=500)
    used = make()
    verdicts(used, numbers[:430])
    used.reset()
    assert used.state() == make().state()
    assert verdicts(used, numbers) == verdicts(make(), numbers)


def test_the_state_that_is_given_away_is_a_copy(make: Make) -> None:
    detector = make()
    verdicts(detector, stream(seed=10, length=50))
    state = detector.state()
    copy = msgspec.msgpack.decode(msgspec.msgpack.encode(state))
    verdicts(detector, stream(seed=11, length=50))
    assert state == copy
    again = make()
    again.restore(state)
    verdicts(again, stream(seed=12, length=50))
    assert state == copy
