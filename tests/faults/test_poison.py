"""Records that nobody can read, in every topic: no worker stops, each is counted or refused, and all else is right."""

import json
from pathlib import Path

import msgspec
import pytest

from streams.control import ARRIVAL_HEADER, WATERMARK_HEADER
from streams.readers.counter_store import CounterStore
from tests.faults.conftest import SceneMaker
from tests.faults.crew import wait_until
from tests.faults.measures import metric
from tests.faults.moments import SeededMoments
from tests.faults.scene import ROLES, Scene
from tests.faults.script import CATALOG, CLICKS, SEARCHES, Due, ScriptedFeed, load_of, send_now

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.redis, pytest.mark.timeout(400)]
pack = msgspec.msgpack.encode
UNREADABLE = "matchwatch_unreadable_records_total"

NOT_OURS = (
    b"",
    b"\xc1",
    b'{"query_id": "q',
    b"\xff\xfe\x00",
    b"\x81\xa4type\xa2\xff\xfe",  # a tag that is no UTF-8
    b"\x81\xa1a" * 5_000 + b"\xc0",  # deeper than any stack
    pack(["block", 1]),
    pack(["control", "zero", 4]),
    pack({"type": "control", "partition": "zero"}),
    pack({"offset": "none", "part": None}),
    pack([]),
    b"x" * 900_000,
)
"""For the topics that only our own stages write."""
NO_EVENTS = (
    b"",
    b"\x00",
    b"null",
    b"[]",
    b"{" * 5_000,
    b"[" * 100_000,
    b'{"query_id": "\xff\xfe"}',
    b'{"query_id": "q", "timestamp": 1e999}',
    pack({"query_id": "q", "timestamp": 1}),
    b"\x00\x00\x00\x00\x07" + b"\x02Avro",
)
"""For the shop's topics."""
MOST = {SEARCHES: 1_100_000, CLICKS: 1_100_000, CATALOG: 1_100_000, "model-events": 900_000}
"""Bytes of the largest record; the topics of events take more than the contract does."""


def poison_for_shop() -> list[Due]:
    """Give broken events, with and without keys, and control records that are none."""
    records = []
    for topic, most in MOST.items():
        values = (*NO_EVENTS, b"x" * most)
        records += [Due(0, topic, b"poison-%d" % number, value) for number, value in enumerate(values)]
    for topic in (SEARCHES, CLICKS):
        records += [
            Due(0, topic, None, None),
            Due(0, topic, b"key", None),
            Due(0, topic, None, None, ((WATERMARK_HEADER, b"next year"),)),
            Due(0, topic, None, None, ((WATERMARK_HEADER, b"99999999999999"),)),
            Due(0, topic, None, None, ((WATERMARK_HEADER, b""),)),
            Due(0, topic, None, None, (("matchwatch-watermarks", b"1"),)),
            Due(0, topic, b"key", b"{}", ((WATERMARK_HEADER, b"4000000000000"),)),
            Due(0, topic, b"key", b"{}", ((ARRIVAL_HEADER, b"\xff"), ("traceparent", b"\x00" * 1000))),
        ]
    return records


def poison_for_us(play: Scene) -> list[Due]:
    """Give what none of our stages writes, for every topic that they read, in every partition."""
    records = []
    for topic, partitions in (
        ("match-scores", play.settings.kafka.partitions),
        ("rollups", 1),
        ("detector-state", 1),
        ("alerts", 1),
    ):
        for partition in range(partitions):
            keys = [b"a/fold", b"b/fold"] if topic == "detector-state" else [b"poison"]
            records += [Due(0, topic, key, value, (), partition) for key in keys for value in NOT_OURS]
            records.append(Due(0, topic, b"null", None, (), partition))
    return records


def counted(play: Scene) -> int:
    """Say how many records of `match-scores` evaluate has left out."""
    with CounterStore(play.settings) as store:
        return store.read(5.0).counters.get("unreadable_score_records", 0)


def test_records_that_nobody_can_read_stop_no_worker_and_change_nothing(
    make_scene: SceneMaker, rng: SeededMoments, recording: Path
) -> None:
    with make_scene(f"poison in every topic, before and after kill -9 of all ({rng.name})") as play:
        play.begin(feed=lambda: ScriptedFeed(load_of(recording), play.settings))
        workers = play.crew.running()
        poison = poison_for_shop() + poison_for_us(play)
        play.busy_moment("evaluate", rng.share(0.3, 0.4))
        places = send_now(play.settings, poison)
        assert len(places) == len(poison)
        shops = set(MOST)
        play.strangers |= {place for place in places if place[0] not in shops}
        in_scores = sum(topic == "match-scores" for topic, _, _ in places)
        in_rollups = sum(topic == "rollups" for topic, _, _ in places)
        wait_until(lambda: counted(play) >= in_scores, lambda: f"{counted(play)} of {in_scores} counted by evaluate")
        (detect,) = play.crew.running("detect")
        wait_until(lambda: metric(detect, UNREADABLE) >= in_rollups, lambda: f"not counted by detect: {in_rollups}")
        assert play.crew.running() == workers, play.crew.said()
        play.crew.kill()
        for role in ROLES:
            play.crew.start(role)
        play.crew.started()
        play.feed.reach(1.0)
        play.title += f": {len(poison)} records"
        play.judge()
        assert counted(play) == in_scores, "what was left out is counted otherwise by the successor"
        letters = {json.loads(letter.value)["origin"]["topic"] for letter in play.read("dead-letters")}
        assert len(letters) == len(shops)
