"""Dead letters go back once, whoever tries, and count like any event."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer

from schemas.dead_letters import Origin, dead_letter
from schemas.errors import BadRecord, DeliveryFailed
from schemas.rollup import RollupControl, encode_rollup
from schemas.settings import Settings
from streams.kafka_admin import connect, ensure_topics
from streams.replay.sender import Sender
from streams.retry.judge import Back
from streams.retry.transactions import Transactions
from tests.integration.pipeline.harness import Pipeline, Topic, wait_until
from tests.integration.readers.topic_writing import call, write
from tests.unit.retry.test_judge import T0, search

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

PARTITIONS = 4
ARRIVED = [("matchwatch-arrival", b"%d" % T0)]


def retry(settings: Settings, home: Path, *options: str) -> dict[str, Any]:
    result = call(settings, home, "dead-letters", "--retry", "--json", *options)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def letters(settings: Settings, home: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in call(settings, home, "dead-letters", "--json").stdout.splitlines()]


def test_what_a_stricter_setting_refused_counts_once_after_it_was_sent_back(
    fresh_settings: Callable[..., Settings], redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = fresh_settings(redis={"url": redis_url})
    ensure_topics(connect(settings.kafka), settings.kafka)
    topic = settings.kafka.topic_prefix + "search-events"
    sender = Sender(settings.kafka.brokers)
    for number in range(40):
        ahead_ms = 0 if number < 10 else 200_000
        event = search(query_id=f"q-{number}", timestamp=T0 + ahead_ms)
        sender.send(topic, b"q-%d" % number, event, ARRIVED)
    sender.send(topic, b"q-bad", b"{", ARRIVED)
    sender.send(topic, b"q-huge", b"[" + b" " * 600_000, ARRIVED)
    sender.flush()
    monkeypatch.setenv("MATCHWATCH_FOLD_MAX_AHEAD_S", "100")
    with Pipeline(settings, tmp_path) as strict:
        strict.start("score")
        wait_until(lambda: len(letters(settings, tmp_path)) == 32, "the dead letters")

    assert retry(settings, tmp_path)["sent"] == 0, "nothing was repaired yet"
    monkeypatch.setenv("MATCHWATCH_FOLD_MAX_AHEAD_S", "300")
    assert retry(settings, tmp_path, "--dry-run")["sent"] == 30
    assert retry(settings, tmp_path, "--reason", "not_json")["sent"] == 0
    first = retry(settings, tmp_path)
    assert (first["sent"], first["sent_before"], first["not_sent"]) == (30, 0, 2)
    again = retry(settings, tmp_path)
    assert (again["sent"], again["sent_before"], again["not_sent"]) == (0, 30, 2)
    not_sent = {line["verdict"] for line in again["lines"] if line["verdict"] != "sent_before"}
    assert not_sent == {"still_invalid", "cut"}
    shown = call(settings, tmp_path, "dead-letters").stdout
    (line,) = [line for line in shown.splitlines() if "too_far_ahead" in line]
    assert line.split("│")[3:5] == ["      30 ", "        30 "]

    with Pipeline(settings, tmp_path) as pipeline:
        for role in ("score", "evaluate"):
            pipeline.start(role)

        def counted() -> dict[str, int]:
            return json.loads(pipeline.run("counters", "--json"))["counters"]

        wait_until(lambda: counted().get("accepted_searches", 0) >= 40, "all searches")
        assert counted()["accepted_searches"] == 40
        assert counted().get("repeated_searches", 0) == 0
        assert counted().get("misrouted_searches", 0) == 0
        # A record that is refused again has a new origin, and says where it came from.
        assert retry(settings, tmp_path, "--force", "--reason", "not_json")["sent"] == 1
        wait_until(lambda: len(letters(settings, tmp_path)) == 33, "the letter of what was sent back")
        (twice,) = [one for one in letters(settings, tmp_path) if one["retry_of"]]
        first_place = next(one for one in letters(settings, tmp_path) if one["key_base64"] == twice["key_base64"])
        assert twice["retry_of"] == "{topic}/{partition}/{offset}".format(**first_place["origin"])
        assert twice["arrival"] == str(T0)


def test_an_event_that_the_running_pipeline_has_passed_is_not_sent(settings: Settings, tmp_path: Path) -> None:
    at_ms = T0 + 1
    control = RollupControl(
        partition=0, partitions=1, closed_through_ms={}, watermark_ms=at_ms, largest_time_ms=0, idle=False, wall_ms=0
    )
    write(settings, "rollups", [encode_rollup(control)])
    error = BadRecord("wrong_type", "$", "wrong")
    one, other = (
        dead_letter(error, Origin("search-events", 0, number), "score", search(timestamp=time_ms), b"q-1")
        for number, time_ms in enumerate((T0, at_ms))
    )
    write(settings, "dead-letters", [msgspec.json.encode(one), msgspec.json.encode(other)])
    assert {line["verdict"]: line["records"] for line in retry(settings, tmp_path)["lines"]} == {"late": 1, "sent": 1}


def test_what_was_refused_of_an_item_does_not_undo_what_came_after_it(settings: Settings, tmp_path: Path) -> None:
    old, new = (b'{"object_id":"%s","title":"%s"}' % pair for pair in ((b"sku-1", b"old"), (b"sku-1", b"new")))
    write(settings, "catalog-items", [old, new])
    error = BadRecord("wrong_type", "$", "wrong")
    letter = dead_letter(error, Origin("catalog-items", 0, 0), "score", old, b"sku-1")
    write(settings, "dead-letters", [msgspec.json.encode(letter)])
    assert [line["verdict"] for line in retry(settings, tmp_path)["lines"]] == ["superseded"]
    assert retry(settings, tmp_path, "--force")["sent"] == 1


def back(number: int) -> Back:
    return Back(Origin("search-events", 0, number), b"q-%d" % number, b"value", [], None)


def test_a_second_sender_locks_the_first_out_and_nothing_is_sent_twice(settings: Settings) -> None:
    first, second = Transactions(settings.kafka), Transactions(settings.kafka)
    first.begin()
    first.send([back(1)])
    second.begin()
    with pytest.raises(DeliveryFailed, match="another"):
        first.send([back(2)])
    second.send([back(2)])
    with Topic(settings, "search-events", PARTITIONS) as topic, Topic(settings, "dead-letters", PARTITIONS) as marks:
        assert len(list(topic.everything())) == 2
        assert len(list(marks.everything())) == 2


def test_what_a_dead_sender_left_half_sent_is_undone_by_the_next(settings: Settings) -> None:
    dead = Producer({
        "bootstrap.servers": settings.kafka.brokers,
        "transactional.id": f"{settings.kafka.group_prefix}-retry",
        "partitioner": "murmur2_random",
    })  # fmt: skip
    dead.init_transactions(20)
    dead.begin_transaction()
    dead.produce(settings.kafka.topic_prefix + "search-events", b"half", b"q-1")
    assert dead.flush(20) == 0  # and then it dies
    sender = Transactions(settings.kafka)
    sender.begin()
    sender.send([back(1)])
    with Topic(settings, "search-events", PARTITIONS) as topic:
        assert [value for _, value in topic.everything()] == [b"value"]
