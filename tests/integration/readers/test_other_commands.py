import base64
import json
import threading
from pathlib import Path

import msgspec
import pytest
import redis

from schemas.alerts import RESOLVED_TYPE, encode_alert
from schemas.dead_letters import Origin, dead_letter
from schemas.errors import BadRecord
from schemas.scores import PIPELINE
from schemas.settings import Settings
from schemas.signals import SignalPoint, encode_signals
from streams.readers.counter_store import CounterStore
from streams.stack.ports import free_ports
from streams.stack.process import spawn, stop
from streams.stack.redis import redis_program
from tests.integration.readers.topic_writing import EVERY, SEARCH, call, write
from tests.unit.readers.alert_example import ALERT

pytestmark = pytest.mark.kafka

T0 = 1_795_428_000_000


def point(signal: str, number: int, value: float | None = 0.5) -> SignalPoint:
    return SignalPoint(
        signal=signal,
        series=SEARCH,
        cohort_start_ms=T0 + 10_000 * number,
        bucket_s=10,
        horizon_s=60,
        n=8,
        value=value,
        numerator=4.0,
        denominator=8.0,
        standard_error=None,
        reason=None if value is not None else "no_scores",
    )


def test_signals_are_printed_once_each_and_by_pattern(settings: Settings, tmp_path: Path) -> None:
    blocks = [[point("ctr", number), point("match_at_10", number, None)] for number in range(3)]
    every = [msgspec.structs.replace(one, series=EVERY) for one in blocks[0]]
    write(settings, "signals", [encode_signals(block) for block in (*blocks, blocks[0], every)])

    def printed(*options: str) -> list[dict[str, object]]:
        result = call(settings, tmp_path, "signals", "--json", *options)
        assert result.exit_code == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    assert len(printed()) == 8
    first = printed()[0]
    assert first["series"] == {"application": "shop-web", "surface": "search", "model": "shop-rank", "version": "3"}
    assert (first["cohort_start"], first["value"], first["n"]) == ("2026-11-23T10:00:00.000Z", 0.5, 8)
    without = printed("--signal", "match*", "--series", "*/search/*/3")
    assert [(one["value"], one["reason"]) for one in without] == [(None, "no_scores")] * 3
    assert [one["cohort_start"] for one in printed("--signal", "ctr", "--last", "1")] == ["2026-11-23T10:00:20.000Z"]
    assert len(printed("--series", "*/[*]/[*]")) == 2
    assert len(printed("--last", "1")) == 2
    later = msgspec.structs.replace(point("latency_p95", 9), series=EVERY, horizon_s=0)
    write(settings, "signals", [encode_signals([later])])

    def table(*options: str) -> list[tuple[str, ...]]:
        shown = call(settings, tmp_path, "signals", *options)
        assert shown.exit_code == 0, shown.stderr
        return [tuple(line.split()[:5]) for line in shown.stdout.splitlines() if "shop-web" in line]

    newest = [
        ("11-23", "10:00:00", "shop-web/search/*/*", "ctr", "60s"),
        ("11-23", "10:00:00", "shop-web/search/*/*", "match_at_10", "60s"),
        ("11-23", "10:01:30", "shop-web/search/*/*", "latency_p95", "–"),
    ]
    assert table() == newest, "of each horizon the newest cohort of all versions together"
    assert [row[1] for row in table("--all")] == ["10:00:20", "10:00:20", "10:01:30"]
    ahead = msgspec.structs.replace(point("misrouted_rate", 13), series=PIPELINE, horizon_s=0)
    write(settings, "signals", [encode_signals([ahead])])
    assert table() == newest, "the pipeline's own signals, which are ahead, hide none of the shop's"
    assert "*/*/*/*" in call(settings, tmp_path, "signals").stdout
    assert table("--series", "*/3", "--signal", "ctr") == [
        ("11-23", "10:00:20", "shop-web/search/shop-rank/3", "ctr", "60s")
    ]
    assert call(settings, tmp_path, "signals", "--signal", "x").stdout == "no signal of a closed cohort matches\n"


@pytest.mark.parametrize("name", ["rollups", "signals"])
def test_before_any_cohort_is_closed_people_are_told_so(settings: Settings, tmp_path: Path, name: str) -> None:
    assert call(settings, tmp_path, name).stdout == "no cohort is closed yet\n"
    assert call(settings, tmp_path, name, "--json").stdout == ""


def test_alerts_are_printed_as_they_lie_in_the_topic_each_id_once(settings: Settings, tmp_path: Path) -> None:
    resolved = msgspec.structs.replace(
        ALERT, id="a2", type=RESOLVED_TYPE, data=msgspec.structs.replace(ALERT.data, status="resolved")
    )
    later = msgspec.structs.replace(ALERT, time="2026-11-23T10:21:00.000Z")
    write(settings, "alerts", [encode_alert(one) for one in (ALERT, later, resolved)])

    result = call(settings, tmp_path, "alerts", "--json")
    assert result.stdout.splitlines() == [encode_alert(one).decode() for one in (ALERT, resolved)]
    (last,) = call(settings, tmp_path, "alerts", "--json", "--last", "1").stdout.splitlines()
    assert json.loads(last)["id"] == "a2"
    of_rule = call(settings, tmp_path, "alerts", "--json", "--rule", ALERT.data.rule, "--last", "1").stdout
    assert json.loads(of_rule)["id"] == "a2"
    assert call(settings, tmp_path, "alerts", "--rule", "another").stdout == "no alerts\n"
    shown = call(settings, tmp_path, "alerts").stdout
    assert "FIRING · critical" in shown
    assert "resolved critical" in shown
    assert max(map(len, shown.splitlines())) < 1000, "no panel is as wide as a console without an edge"
    assert len(call(settings, tmp_path, "alerts", "--brief").stdout.splitlines()) == 2


def test_without_alerts_people_are_told_so(settings: Settings, tmp_path: Path) -> None:
    assert call(settings, tmp_path, "alerts").stdout == "no alerts\n"
    assert call(settings, tmp_path, "alerts", "--json").stdout == ""


def test_dead_letters_are_printed_once_each_and_grouped_for_people(settings: Settings, tmp_path: Path) -> None:
    original = b'\xff{"query_id":'
    letters = [
        dead_letter(BadRecord(reason, "$.x", "so \x1b[31mwrong"), Origin("search-events", 1, offset), "score", original)
        for reason, offset in (("not_json", 3), ("not_json", 4), ("not_json", 3), ("missing_field", 9))
    ]
    write(settings, "dead-letters", [msgspec.json.encode(one) for one in letters], partition=2)

    result = call(settings, tmp_path, "dead-letters", "--json")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["reason"], one["origin"]["offset"]) for one in found] == [
        ("not_json", 3),
        ("not_json", 4),
        ("missing_field", 9),
    ]
    assert base64.b64decode(found[0]["original_base64"]) == original
    table = call(settings, tmp_path, "dead-letters").stdout
    (line,) = [line for line in table.splitlines() if "not_json" in line]
    assert "│       2 │" in line
    assert "\x1b" not in table


def test_counters_are_added_up_and_missing_partitions_are_named(settings: Settings, tmp_path: Path) -> None:
    prefix = settings.kafka.group_prefix
    with redis.Redis.from_url(settings.redis.url) as client:
        client.hset(f"{prefix}:counters:0", mapping={"accepted_searches": 5, "late_clicks": 1})
        client.hset(f"{prefix}:counters:2", mapping={"accepted_searches": 7})
        client.hset(f"{prefix}:detect", mapping={"alerts_total": 3})

    result = call(settings, tmp_path, "counters", "--json")
    found = json.loads(result.stdout)
    assert found["counters"] == {"accepted_searches": 12, "late_clicks": 1}
    assert found["partitions"]["2"] == {"accepted_searches": 7}
    assert found["missing_partitions"] == [1, 3]
    assert found["detect"] == {"alerts_total": 3}
    table = call(settings, tmp_path, "counters")
    assert table.exit_code == 0
    assert "nothing from partition 1, 3 yet" in table.stderr


def test_counters_wait_for_a_redis_that_comes_up_later(settings: Settings, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    late = msgspec.structs.replace(
        settings, redis=msgspec.structs.replace(settings.redis, url=f"redis://127.0.0.1:{port}/0")
    )
    started = []
    timer = threading.Timer(
        0.7,
        lambda: started.append(
            spawn([redis_program(), "--port", str(port), "--save", "", "--dir", str(tmp_path)], tmp_path / "redis.log")
        ),
    )
    timer.start()
    try:
        with CounterStore(late) as store:
            assert store.read(wait_s=20).missing_partitions == [0, 1, 2, 3]
    finally:
        timer.join()
        for server in started:
            stop(server)
