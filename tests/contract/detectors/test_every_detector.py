"""One suite over each detector."""

import copy
import random

import msgspec
import pytest

from tests.contract.detectors.kinds import KINDS, AnyDetector, Args, Kind

TIMED = [name for name, kind in sorted(KINDS.items()) if kind.step_ms]


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


def verdicts(detector: AnyDetector, updates: list[Args]) -> list[object]:
    seen: list[object] = []
    for args in updates:
        detector.update(*args)
        seen.append((detector.drift_detected, detector.estimate, detector.change))
    return seen


def successor(kind: Kind, detector: AnyDetector) -> AnyDetector:
    restored = kind.make()
    restored.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(detector.state())))
    return restored


def updates_until_found(kind: Kind, detector: AnyDetector, rng: random.Random, first: int) -> int:
    for i in range(kind.within):
        detector.update(*kind.draw(rng, first + i, True))
        if detector.drift_detected:
            return i + 1
    pytest.fail(f"not found within {kind.within} updates")


def test_a_known_change_is_found_with_direction_and_levels(kind: Kind) -> None:
    detector = kind.make()
    for args in kind.usual(seed=3, first=0, last=kind.learn):
        detector.update(*args)
        assert not detector.drift_detected
        assert detector.change is None
    changed = updates_until_found(kind, detector, random.Random(4), kind.learn)
    assert detector.change is not None
    for name, value in kind.found.items():
        assert getattr(detector.change, name) == value
    assert (detector.change.after > detector.change.before) == (detector.change.direction == "up")
    assert detector.change.updates_ago >= 1
    if kind.dates_to_the_update:
        assert detector.change.updates_ago == changed


def test_a_detector_restored_anywhere_goes_on_as_if_nothing_had_happened(kind: Kind) -> None:
    updates = kind.stream(seed=5)
    expected = verdicts(kind.make(), updates)
    assert any(detected for detected, *_ in expected)  # type: ignore[misc]
    one = kind.make()
    cuts = sorted(random.Random(6).sample(range(len(updates)), 12))
    for first, last in zip([0, *cuts], [*cuts, len(updates)], strict=True):
        assert verdicts(one, updates[first:last]) == expected[first:last]
        other = successor(kind, one)
        assert (other.drift_detected, other.estimate, other.change) == (one.drift_detected, one.estimate, one.change)
        one = other


def test_the_state_is_bounded_plain_numbers(kind: Kind) -> None:
    detector = kind.make()
    sizes = []
    for i, args in enumerate(kind.stream(seed=7) + kind.usual(seed=8, first=0, last=2500)):
        detector.update(*args)
        if i % 50 == 49:
            sizes.append(len(msgspec.msgpack.encode(detector.state())))
    assert max(sizes) < kind.state_bytes


def test_impossible_updates_change_nothing(kind: Kind) -> None:
    assert kind.bad
    updates = kind.stream(seed=8)
    expected = verdicts(kind.make(), updates)
    detector = kind.make()
    seen = []
    for i, args in enumerate(updates):
        seen += verdicts(detector, [args])
        if i % 7 == 0:
            before = copy.deepcopy(detector.state())
            for bad in kind.bad:
                detector.update(*bad)
                assert detector.state() == before
    assert seen == expected


@pytest.mark.parametrize("length", [1, 2, 300])
def test_nothing_is_never_a_verdict(kind: Kind, length: int) -> None:
    for nothing in kind.nothing:
        detector = kind.make()
        for i in range(length):
            args = list(nothing)
            if kind.step_ms:
                args[kind.time_at] += i * kind.step_ms
            detector.update(*args)
            assert not detector.drift_detected, nothing


def test_one_odd_update_alone_is_no_verdict(kind: Kind) -> None:
    detector = kind.make()
    detector.update(*kind.single)
    assert not detector.drift_detected


def test_nothing_in_between_silences_no_detector(kind: Kind) -> None:
    detector = kind.make()
    for args in kind.usual(seed=10, first=0, last=kind.learn):
        detector.update(*args)
    last = kind.usual(seed=10, first=kind.learn - 1, last=kind.learn)[0]
    for _ in range(20):
        for nothing in kind.nothing[:1]:
            args = nothing
            if kind.step_ms:
                args = (*nothing[: kind.time_at], last[kind.time_at], *nothing[kind.time_at + 1 :])
            detector.update(*args)
    detector.update(*(kind.bad[0]))
    updates_until_found(kind, detector, random.Random(11), kind.learn)


def test_reset_makes_it_new(kind: Kind) -> None:
    updates = kind.stream(seed=9)
    used = kind.make()
    verdicts(used, updates[: kind.learn + 2 * kind.within])
    used.reset()
    assert used.state() == kind.make().state()
    assert verdicts(used, updates) == verdicts(kind.make(), updates)


def test_inputs_and_the_state_that_is_given_away_are_not_touched(kind: Kind) -> None:
    detector = kind.make()
    updates = kind.stream(seed=10)
    same = copy.deepcopy(updates)
    verdicts(detector, updates[: kind.learn])
    assert updates == same
    state = detector.state()
    kept = copy.deepcopy(state)
    verdicts(detector, updates[kind.learn :])
    assert state == kept
    other = kind.make()
    other.restore(state)
    verdicts(other, updates[kind.learn :])
    assert state == kept


@pytest.mark.parametrize("name", TIMED)
def test_a_clock_that_goes_back_a_little_changes_nothing(name: str) -> None:
    kind = KINDS[name]
    updates = kind.stream(seed=12)
    detector, undisturbed = kind.make(), kind.make()
    for i, args in enumerate(updates):
        assert verdicts(detector, [args]) == verdicts(undisturbed, [args])
        if i % 5 == 4:
            detector.update(*updates[i - 3])
    assert detector.state() == undisturbed.state()


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("days", [-70, -7, 3, 70])
def test_a_clock_that_jumps_is_no_verdict_and_silences_nothing(name: str, days: int) -> None:
    kind = KINDS[name]
    detector = kind.make()
    for args in kind.usual(seed=13, first=0, last=kind.learn):
        detector.update(*args)
    jump = days * 48 * 1_800_000 // kind.step_ms
    first = kind.learn + jump
    rng = random.Random(14)
    for i in range(first, first + 20):
        detector.update(*kind.draw(rng, i, False))
        assert not detector.drift_detected
    updates_until_found(kind, detector, rng, first + 20)
