from detectors.detect_fold import DetectFold, DetectFoldSettings
from detectors.outputs import Transition
from tests.unit.detect.following import seconds
from tests.unit.detect.shop_rollups import HEALTHY, START_MS, Behaviour, Shop, changed_at


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
