from collections.abc import Iterable, Iterator
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from detectors.detect_fold import DetectFold
from detectors.detect_fold_settings import DetectFoldSettings
from detectors.divergence import jensen_shannon, jensen_shannon_error
from detectors.outputs import Transition
from detectors.rules import DEFAULT_RULES, Rule
from schemas.rollup import Rollup, RollupControl
from tests.unit.detect.following import seconds
from tests.unit.detect.shop_rollups import HEALTHY, START_MS, Behaviour, Shop, Story, changed_at


def transitions(fold: DetectFold, shop: Shop) -> list[Transition]:
    return [x for o, record in enumerate(shop.records()) for x in fold.apply(record, o) if isinstance(x, Transition)]


def test_a_change_that_lasts_becomes_the_new_level_and_the_next_one_is_found_from_there() -> None:
    def story(t: float) -> Behaviour:
        return HEALTHY if t < 1500 else changed_at(4200, match=0.45)(t) if t >= 4200 else changed_at(0, match=0.6)(t)

    fold = DetectFold(DetectFoldSettings(accept_s=900))
    found = transitions(fold, Shop(rate=40, minutes=80, seed=31, story=story, surfaces=("search",)))
    assert [x.data.status for x in found] == ["firing", "resolved", "firing"]
    assert "new level" in found[1].data.summary
    assert found[2].data.expected is not None
    assert abs(found[2].data.expected - 0.6) < 0.02
    assert abs(seconds(found[2].data.started_at) - 4200) <= 60


def test_a_deployment_that_is_learned_later_is_named_in_the_next_notification() -> None:
    def story(t: float) -> Behaviour:
        return changed_at(1500, match=0.6)(t) if t < 2100 else HEALTHY

    fold = DetectFold()
    found: list[Transition] = []
    for offset, record in enumerate(Shop(rate=40, minutes=45, seed=32, story=story, surfaces=("search",)).records()):
        found += [x for x in fold.apply(record, offset) if isinstance(x, Transition)]
        if len(found) == 1:
            fold.apply_deployment(START_MS + 1_495_000, "anything", "9", "canary")
    assert [x.data.status for x in found] == ["firing", "resolved"]
    assert found[0].data.suspected_cause is None
    assert found[1].data.suspected_cause is not None
    assert (found[1].data.suspected_cause.model, found[1].data.suspected_cause.role) == ("anything", "canary")


def test_samples_come_from_the_suspected_version_while_both_are_live() -> None:
    fold = DetectFold()
    fold.apply_deployment(START_MS + 1_500_000, "shop-rank", "4", "live")
    shop = Shop(
        rate=40, minutes=30, seed=33, story=changed_at(1500, match=0.6, version="4"), surfaces=("ads",), versions=True
    )
    of_new = set[int]()
    found: list[Transition] = []
    for offset, record in enumerate(shop.records()):
        if not hasattr(record, "closed_through_ms") and record.series.version == "4":
            of_new |= {x.id_hash for x in record.exemplars}
        found += [x for x in fold.apply(record, offset) if isinstance(x, Transition)]
    assert {x.id_hash for x in found[0].exemplars} <= of_new
    means = [sum(s for s in x.scores if s is not None) / len(x.scores) for x in found[0].exemplars]
    assert means == sorted(means)


def test_an_alert_is_a_cloud_event_once_its_texts_are_read() -> None:
    shop = Shop(rate=40, minutes=30, seed=34, story=changed_at(1500, match=0.6), surfaces=("search",))
    transition = transitions(DetectFold(), shop)[0]
    alert = transition.alert("2026-11-23T10:00:00Z", [], replayed=True)
    assert (alert.id, alert.subject) == (transition.id, transition.data.fingerprint)
    assert (alert.source, alert.type) == ("matchwatch/shop", "matchwatch.alert.firing")
    assert alert.data.replayed


def steps(*changes: tuple[float, dict[str, object]]) -> Story:
    """From each second on, healthy but for what is said."""

    def story(t: float) -> Behaviour:
        now: dict[str, object] = {}
        for second, change in changes:
            now = change if t >= second else now
        return replace(HEALTHY, **now)  # type: ignore[arg-type]

    return story


def run(
    shop: Shop, deployments: Iterable[tuple[float, str]] = (), rules: tuple[Rule, ...] = DEFAULT_RULES
) -> list[Transition]:
    fold = DetectFold(rules=rules)
    for second, version in deployments:
        fold.apply_deployment(START_MS + int(second * 1000), "shop-rank", version, "live")
    return transitions(fold, shop)


@pytest.mark.parametrize("seed", range(3))
def test_a_second_episode_soon_after_the_first_has_its_own_beginning_and_cause(seed: int) -> None:
    story = steps((1500, {"match": 0.6}), (2100, {}), (2500, {"match": 0.6}))
    shop = Shop(rate=40, minutes=50, seed=seed, story=story, surfaces=("search",))
    found = run(shop, [(1500, "4"), (2100, "3"), (2500, "5")])
    assert [x.data.status for x in found] == ["firing", "resolved", "firing"]
    first, _, second = (x.data for x in found)
    assert abs(seconds(first.started_at) - 1500) <= 20
    assert abs(seconds(second.started_at) - 2500) <= 20
    assert first.suspected_cause is not None
    assert second.suspected_cause is not None
    assert (first.suspected_cause.version, second.suspected_cause.version) == ("4", "5")
    assert second.value is not None
    assert abs(second.value - 0.6) < 0.02


def test_a_new_match_model_ends_the_alert_of_the_old_one_and_starts_none() -> None:
    story = steps((1500, {"match": 0.6}), (2400, {"match": 0.6, "match_model": "shop-match/2"}))
    found = run(Shop(rate=40, minutes=60, seed=3, story=story, surfaces=("search",)))
    assert [x.data.status for x in found] == ["firing", "resolved"]


def test_a_few_searches_by_another_match_model_hide_no_drop() -> None:
    class Mixed(Shop):
        def records(self) -> Iterator[Rollup | RollupControl]:
            for record in super().records():
                if isinstance(record, Rollup):
                    models = {"shop-match/1": record.searches, "shop-match/2": 1}
                    yield msgspec.structs.replace(record, match_models=models)
                else:
                    yield record

    found = run(Mixed(rate=40, minutes=40, seed=1, story=changed_at(1500, match=0.5), surfaces=("search",)))
    assert [(x.data.rule, x.data.status) for x in found] == [("match_drop", "firing")]


@pytest.mark.parametrize(
    ("rate", "gone", "explains"), [(2, {"volume": 0}, "searches_absent"), (2, {"ctr": 0}, "click_tracking_lost")]
)
def test_what_an_alert_explained_does_not_fire_when_that_alert_resolves(
    rate: float, gone: dict[str, object], explains: str
) -> None:
    found = run(Shop(rate=rate, minutes=200, seed=1, story=steps((7200, gone), (8700, {}))))
    assert {x.data.rule for x in found} == {explains}
    assert {x.data.status for x in found} == {"firing", "resolved"}


def test_half_of_the_way_back_is_not_back() -> None:
    story = steps((1500, {"match": 0.3}), (2400, {"match": 0.56}))
    found = run(Shop(rate=40, minutes=60, seed=1, story=story, surfaces=("search",)))
    assert [x.data.status for x in found] == ["firing"]


@pytest.mark.parametrize(
    ("signal", "limit", "direction", "horizon_s", "breaks"),
    [
        ("latency_p95", 250.0, "up", 0, {"latency_ms": 400.0}),
        ("exposure_js", 0.05, "up", 0, {"gone_category": 0}),
        ("click_rate", 10.0, "down", 60, {"ctr": 0.01}),
    ],
)
def test_a_limit_is_in_the_unit_that_people_are_shown(
    signal: str, limit: float, direction: str, horizon_s: int, breaks: dict[str, object]
) -> None:
    rule = Rule(
        name="limit",
        signal=signal,
        detector="threshold",
        settings={"limit": limit},
        direction="up" if direction == "up" else "down",
        horizon_s=horizon_s,
        min_n=100,
    )
    found = run(
        Shop(rate=40, minutes=40, seed=3, story=changed_at(1500, **breaks), surfaces=("search",)), rules=(rule,)
    )
    assert [x.data.status for x in found] == ["firing"]
    assert seconds(found[0].data.detected_at) > 1500
    assert found[0].data.value is not None
    assert (found[0].data.value > limit) == (direction == "up")


def test_the_error_of_a_divergence_is_its_scatter_over_samples() -> None:
    rng = np.random.default_rng(5)
    names = [f"c{number}" for number in range(8)]
    shares = np.array([0.3, 0.2, 0.15, 0.1, 0.1, 0.08, 0.05, 0.02])
    reference = dict(zip(names, [10, 20, 10, 20, 10, 10, 10, 10], strict=True))
    samples = [dict(zip(names, rng.multinomial(2000, shares).tolist(), strict=True)) for _ in range(400)]
    scatter = float(np.std([jensen_shannon(sample, reference) for sample in samples]))
    errors = [jensen_shannon_error(sample, reference) for sample in samples]
    assert abs(float(np.mean(errors)) / scatter - 1) < 0.15


def test_words_of_a_rule_may_change_while_it_fires() -> None:
    shop = Shop(rate=40, minutes=60, seed=1, story=steps((1500, {"match": 0.6}), (2400, {})), surfaces=("search",))
    fold = DetectFold()
    found: list[Transition] = []
    for offset, record in enumerate(shop.records()):
        found += [x for x in fold.apply(record, offset) if isinstance(x, Transition)]
        if len(found) == 1 and fold.offset == offset:
            reworded = tuple(msgspec.structs.replace(rule, runbook="https://wiki/x") for rule in DEFAULT_RULES)
            fold = DetectFold.from_state(fold.state(), rules=reworded)
    assert [x.data.status for x in found] == ["firing", "resolved"]
