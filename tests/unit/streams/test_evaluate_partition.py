"""When a partition counts as idle."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from schemas.scores import ScoreControl, encode_scores
from streams.metrics import Metrics
from streams.stages.evaluate_partition import SCORE_SPEAKS_S, EvaluatePartition, Part
from streams.stages.unreadable_records import UnreadableRecords
from streams.transport import TP, Source
from tests.property.evaluate.shop_log import SETTINGS, Search, as_block

SCORES, CLICKS = TP("match-scores", 0), TP("click-events", 0)
NOW_MS = 1_700_000_000_000


@dataclass
class Log:
    """What a source says of the logs' ends."""

    behind: set[TP] = field(default_factory=set)
    held: set[TP] = field(default_factory=set)

    def at_end(self, tp: TP) -> bool:
        return tp not in self.behind | self.held

    def paused(self) -> frozenset[TP]:
        return frozenset(self.held)


@dataclass
class Record:
    value: bytes
    offset: int
    topic: str = SCORES.topic
    partition: int = 0
    timestamp: int = NOW_MS
    key: bytes | None = None
    headers: tuple[()] = ()


class Shop:
    """A partition to which score speaks every second."""

    def __init__(self) -> None:
        self.partition = EvaluatePartition(
            SETTINGS,
            number=0,
            partitions=1,
            max_ahead_s=300,
            idle_timeout_s=30,
            scores=Part(SCORES, 0, 0),
            clicks=Part(CLICKS, 0, 0),
            checkpoint=None,
            from_next_cohort=False,
            unreadable=UnreadableRecords(Metrics("evaluate")),
        )
        self.log = Log()
        self.now_s = 0.0

    def hear(self, record: Any) -> None:
        offset = self.partition.scores.position
        self.partition.apply(SCORES, [cast(Any, Record(encode_scores(record), offset))], offset + 1)

    def pass_time(self, seconds: int, *, score_says_idle: bool | None = True) -> None:
        for _ in range(seconds):
            self.now_s += 1.0
            if score_says_idle is not None:
                self.hear(ScoreControl(0, 0, {}, score_says_idle, NOW_MS))
            self.partition.look(cast(Source, self.log), self.now_s)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_partition_is_idle_when_score_says_so_and_no_click_has_come_for_the_timeout(shop: Shop) -> None:
    shop.pass_time(25)
    assert not shop.partition.idle
    shop.pass_time(10)
    assert shop.partition.idle


def test_clicks_that_are_held_for_searches_that_do_not_come_keep_nothing_awake(shop: Shop) -> None:
    shop.log.held.add(CLICKS)
    shop.pass_time(2)
    assert shop.partition.idle


def test_a_search_ends_idleness_before_score_says_so(shop: Shop) -> None:
    shop.pass_time(40)
    assert shop.partition.idle
    shop.hear(as_block([Search(1, NOW_MS, "1", "phone", [])], 0))
    assert not shop.partition.idle, "a control that carries its time calls it idle until the next look"
    shop.pass_time(1, score_says_idle=None)
    assert not shop.partition.idle


def test_a_backlog_of_scores_is_not_idle(shop: Shop) -> None:
    shop.pass_time(40)
    shop.log.behind.add(SCORES)
    shop.pass_time(5)
    assert not shop.partition.idle


def test_the_word_of_a_score_that_has_fallen_silent_lapses(shop: Shop) -> None:
    shop.pass_time(40)
    assert shop.partition.idle
    shop.pass_time(int(SCORE_SPEAKS_S) + 2, score_says_idle=None)
    assert not shop.partition.idle


def test_events_wait_at_score_and_here_until_they_are_read(shop: Shop) -> None:
    source, now_ms = cast(Source, shop.log), NOW_MS + 5_000
    assert shop.partition.lag_ms(source, now_ms) is None  # score has not spoken
    shop.hear(ScoreControl(0, 0, {}, False, NOW_MS))
    assert shop.partition.lag_ms(source, now_ms) is None  # an older score says nothing of it
    shop.hear(ScoreControl(0, 0, {}, False, NOW_MS, lag_ms=700))
    assert shop.partition.lag_ms(source, now_ms) == 700
    shop.log.behind.add(SCORES)
    assert shop.partition.lag_ms(source, now_ms) == 5_700
    shop.log.behind = {CLICKS}  # of which none has been read: since when they wait is not known
    assert shop.partition.lag_ms(source, now_ms) == 700
    click = Record(b"", 0, CLICKS.topic, timestamp=NOW_MS - 20_000)
    shop.partition.apply(CLICKS, [cast(Any, click)], 1)
    assert shop.partition.lag_ms(source, now_ms) == 25_700
    shop.log.behind, shop.log.held = set(), {CLICKS}  # they wait for searches
    assert shop.partition.lag_ms(source, now_ms) == 700
