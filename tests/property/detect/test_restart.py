"""A successor that loads the state goes on exactly where its predecessor stopped."""

from dataclasses import replace
from functools import lru_cache

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.detect_fold import DetectFold
from detectors.outputs import Output
from detectors.rules import DEFAULT_RULES
from schemas.rollup import Rollup, RollupControl, decode_rollup, encode_rollup
from tests.unit.detect.shop_rollups import HEALTHY, START_MS, Behaviour, Shop

# ADWIN beside Page–Hinkley, so that both are restored.
RULES = tuple(
    msgspec.structs.replace(rule, detector="adwin") if rule.name == "latency_p95_rise" else rule
    for rule in DEFAULT_RULES
)


def story(t: float) -> Behaviour:
    """A bad ranker for six minutes; slow searches and lost clicks later."""
    if 900 <= t < 1260:
        return replace(HEALTHY, match=0.6, ctr=0.06, version="4")
    if t >= 1500:
        return replace(HEALTHY, latency_ms=80.0, ctr=0.0, gone_category=0)
    return HEALTHY


@lru_cache
def log() -> tuple[Rollup | RollupControl, ...]:
    shop = Shop(rate=40, minutes=32, seed=2, story=story, partitions=2, versions=True, surfaces=("search", "ads"))
    return tuple(shop.records())


def new_fold(state: dict[str, object] | None = None) -> DetectFold:
    fold = DetectFold(rules=RULES, state=state)
    fold.apply_deployment(START_MS + 900_000, "shop-rank", "4", "live")
    return fold


def run(fold: DetectFold, first: int, last: int) -> list[Output]:
    return [x for offset in range(first, last) for x in fold.apply(log()[offset], offset)]


@lru_cache
def expected() -> list[bytes]:
    fold = new_fold()
    return [msgspec.json.encode(x) for offset, record in enumerate(log()) for x in fold.apply(record, offset)]


def test_the_log_has_every_kind_of_output() -> None:
    text = b"\n".join(expected())
    for word in (b"match_drop", b"latency_p95_rise", b"click_tracking_lost", b"exposure_shift", b'"resolved"'):
        assert word in text


def test_the_same_log_gives_the_same_bytes() -> None:
    fold = new_fold()
    again = [
        msgspec.json.encode(x)
        for offset, record in enumerate(log())
        for x in fold.apply(decode_rollup(encode_rollup(record)), offset)
    ]
    assert again == expected()


@settings(max_examples=12, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_any_crash_points_give_the_outputs_of_a_run_without_a_crash(cuts: list[float]) -> None:
    ends = sorted({int(x * len(log())) for x in cuts} | {len(log())})
    outputs: list[bytes] = []
    fold, first = new_fold(), 0
    for end in ends:
        outputs += [msgspec.json.encode(x) for x in run(fold, first, end)]
        stored = {name: msgspec.msgpack.encode(part) for name, part in fold.state().items()}
        fold = new_fold({name: msgspec.msgpack.decode(part, strict=False) for name, part in stored.items()})
        assert fold.offset == end - 1
        assert fold.counters == fold.counters
        # The successor reads a little twice: what has been applied is ignored.
        assert run(fold, max(0, end - 5), end) == []
        first = end
    assert outputs == expected()


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rollups_between_two_controls_does_not_matter(random: object) -> None:
    shuffled: list[Rollup | RollupControl] = []
    batch: list[Rollup | RollupControl] = []
    for record in log()[:900]:
        if isinstance(record, RollupControl):
            random.shuffle(batch)  # type: ignore[attr-defined]
            shuffled += [*batch, record]
            batch = []
        else:
            batch.append(record)
    one, other = new_fold(), new_fold()
    plain = [msgspec.json.encode(x) for o, r in enumerate(log()[: len(shuffled)]) for x in one.apply(r, o)]
    mixed = [msgspec.json.encode(x) for o, r in enumerate(shuffled) for x in other.apply(r, o)]
    assert mixed == plain
