import msgspec
import pytest

from detectors.alert_silences import MAX_SILENCES, AlertSilences, alert_names, fits
from detectors.detect_fold import DetectFold
from detectors.outputs import Transition
from schemas.alerts import FIRING_TYPE, RESOLVED_TYPE, SILENCED_TYPE
from schemas.silences import Silence, SilenceMatcher, decode_silence, encode_silence
from schemas.timestamps import format_timestamp
from tests.unit.detect.following import seconds
from tests.unit.detect.shop_rollups import HEALTHY, START_MS, Behaviour, Shop, changed_at
from tests.unit.readers.alert_example import ALERT


def silence(start_s: float, end_s: float, *matchers: SilenceMatcher, silence_id: str = "s") -> Silence:
    return Silence(
        id=silence_id,
        matchers=list(matchers) or [SilenceMatcher("rule", "match_drop")],
        starts_at=format_timestamp(START_MS + int(start_s * 1000)),
        ends_at=format_timestamp(START_MS + int(end_s * 1000)),
        created_by="dana",
        comment="rolling back",
    )


def story(t: float) -> Behaviour:
    return changed_at(1500, match=0.6)(t) if t < 2100 else HEALTHY


SHOP = Shop(rate=40, minutes=45, seed=32, story=story, surfaces=("search",))
RECORDS = list(SHOP.records())


def told(*silences: Silence, learned_after: int = 0) -> list[Transition]:
    """Fold the shop's log; the silences are learned after so many transitions."""
    fold = DetectFold()
    found: list[Transition] = []
    for offset, record in enumerate(RECORDS):
        if len(found) >= learned_after:
            for one in silences:
                fold.apply_silence(one.id, one)
        found += [x for x in fold.apply(record, offset) if isinstance(x, Transition)]
    return found


def kinds(found: list[Transition]) -> list[tuple[str, str, int]]:
    return [(x.type.rpartition(".")[2], x.data.status, x.data.repeat) for x in found]


def test_a_silenced_alert_lives_and_is_published_under_its_ids_but_tells_nobody() -> None:
    plain, found = told(), told(silence(0, 2700))
    assert kinds(plain) == [("firing", "firing", 0), ("resolved", "resolved", 0)]
    assert kinds(found) == [("silenced", "firing", 0), ("silenced", "resolved", 0)]
    assert [x.id for x in found] == [x.id for x in plain]
    assert [x.data.silenced_by for x in found] == [["s"], ["s"]]
    unmarked = [msgspec.structs.replace(x.data, silenced_by=[]) for x in found]
    assert unmarked == [x.data for x in plain]


def test_when_a_silence_ends_while_the_alert_fires_subscribers_are_told() -> None:
    found = told(silence(0, 1800))
    assert kinds(found) == [("silenced", "firing", 0), ("firing", "firing", 1), ("resolved", "resolved", 1)]
    assert found[1].cohort_start_ms == START_MS + 1_790_000, "at the first cohort that ends no earlier"
    assert "still" in found[1].data.summary
    assert not found[1].data.silenced_by


def test_one_that_another_silence_covers_as_well_stays_silenced() -> None:
    other = silence(1700, 1900, SilenceMatcher("signal", "match*", is_pattern=True), silence_id="t")
    found = told(silence(0, 1800), other)
    assert found[0].data.silenced_by == ["s"]
    assert [x.cohort_start_ms for x in found if x.data.repeat == 1][:1] == [START_MS + 1_890_000]


def test_who_was_told_that_it_fires_is_told_that_it_has_resolved() -> None:
    found = told(silence(0, 2700), learned_after=1)
    assert kinds(found) == [("firing", "firing", 0), ("resolved", "resolved", 0)]
    assert found[1].data.silenced_by == ["s"]


def test_one_that_is_withdrawn_tells_of_what_still_fires() -> None:
    fold = DetectFold()
    fold.apply_silence("s", silence(0, 2700))
    found: list[Transition] = []
    for offset, record in enumerate(RECORDS):
        found += [x for x in fold.apply(record, offset) if isinstance(x, Transition)]
        if len(found) == 1:
            fold.apply_silence("s", None)
    assert [x.type for x in found] == [SILENCED_TYPE, FIRING_TYPE, RESOLVED_TYPE]


def test_it_holds_from_its_start_until_before_its_end() -> None:
    fired = seconds(format_timestamp(told()[0].cohort_start_ms)) + 10
    assert told(silence(fired, fired + 1))[0].type == SILENCED_TYPE
    assert told(silence(fired + 0.001, fired + 1))[0].type == FIRING_TYPE
    assert told(silence(0, fired))[0].type == FIRING_TYPE


def test_a_state_from_before_there_were_silences_is_gone_on_from() -> None:
    fold = DetectFold()
    for offset, record in enumerate(RECORDS[: len(RECORDS) // 2]):
        fold.apply(record, offset)
    state = fold.state()
    for name in ("silences", "incidents"):
        del state[name]
        state["fold"]["part"]["parts"].remove(name)
    for name, part in state.items():
        if name.startswith("series:"):
            for watched in part["part"]["watched"]:
                for field in ("hushed", "untold"):
                    del watched["life"][field]
    assert DetectFold.from_state(state).offset == fold.offset


@pytest.mark.parametrize(
    ("matcher", "fitting"),
    [
        (SilenceMatcher("rule", "ctr_drop"), True),
        (SilenceMatcher("rule", "ctr_*"), False),
        (SilenceMatcher("rule", "ctr_*", is_pattern=True), True),
        (SilenceMatcher("rule", "CTR_*", is_pattern=True), False),
        (SilenceMatcher("rule", "ctr_drop", is_equal=False), False),
        (SilenceMatcher("application", "shop-app", is_equal=False), True),
        (SilenceMatcher("surface", "a*", is_pattern=True, is_equal=False), True),
        (SilenceMatcher("version", "*"), True),
        (SilenceMatcher("version", "5"), False),
        (SilenceMatcher("severity", "critical"), True),
        (SilenceMatcher("signal", "ctr"), True),
        (SilenceMatcher("model", ""), False),
    ],
)
def test_a_matcher_compares_by_equality_or_by_shell_pattern(matcher: SilenceMatcher, fitting: bool) -> None:
    names = alert_names(ALERT.data)
    assert fits([matcher], names) is fitting
    assert not fits([matcher, SilenceMatcher("surface", "ads")], names), "all must fit"


def test_what_is_remembered_is_bounded_and_what_ends_last_is_kept() -> None:
    known = AlertSilences()
    for number in range(MAX_SILENCES + 50):
        known.put(silence(0, 10 + number, silence_id=f"s{number}"))
    state = known.state()["known"]
    assert len(state) == MAX_SILENCES
    assert {one["id"] for one in state} == {f"s{number}" for number in range(50, MAX_SILENCES + 50)}


def test_what_is_no_silence_is_refused_and_what_is_one_comes_back() -> None:
    one = silence(0, 10)
    for right in (one, silence(0, 366 * 86_400)):
        assert decode_silence(encode_silence(right)) == right
    plain = msgspec.to_builtins(one)
    changes: list[dict[str, object]] = [
        {"matchers": []},
        {"id": ""},
        {"starts_at": "2026-11-23T10:00:00"},
        {"ends_at": "1970-01-01T00:00:00Z"},
        {"ends_at": format_timestamp(START_MS - 1)},
        {"ends_at": format_timestamp(START_MS + 366 * 86_400_000 + 1)},
        {"ends_at": "2089-01-01T00:00:00Z"},
        {"matchers": [{"name": "colour", "value": "red"}]},
    ]
    for change in changes:
        with pytest.raises(msgspec.DecodeError):
            decode_silence(msgspec.json.encode(plain | change))
    with pytest.raises(msgspec.DecodeError):
        decode_silence(b"\xff")


def test_a_successor_knows_the_silences_of_the_topic_and_none_that_was_withdrawn_meanwhile() -> None:
    fold = DetectFold()
    fold.apply_silence("s", silence(0, 2700))
    found: list[Transition] = []
    offset = 0
    while not found:
        found = [x for x in fold.apply(RECORDS[offset], offset) if isinstance(x, Transition)]
        offset += 1
    topic = AlertSilences()
    topic.hear("s", silence(0, 2700))
    topic.hear("s", None)
    for number in range(MAX_SILENCES + 1):  # so many withdrawals that nobody could remember each of them
        topic.hear(f"other-{number}", None)
    successor = DetectFold.from_state(fold.state())
    successor.know_silences(topic)
    for later, record in enumerate(RECORDS[offset:], offset):
        found += [x for x in successor.apply(record, later) if isinstance(x, Transition)]
    assert [x.type for x in found] == [SILENCED_TYPE, FIRING_TYPE, RESOLVED_TYPE]
