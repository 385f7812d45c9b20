"""What is sent, in which order and with which watermark: everything of a replay but Kafka itself."""

import gzip
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner

from schemas.settings import Settings
from schemas.timestamps import format_timestamp
from streams.cli.replay import command
from streams.control import read_arrival, read_watermark
from streams.replay import replay as replaying
from streams.replay.lines import UnreadableRecording
from streams.replay.replay import open_recordings, replay

T0 = 1_767_607_200_000
IN_2001, IN_2050 = 1_000_000_000_000, 2_524_608_000_000
CLOSES_MS = 1_830_000


class Written:
    """A sender that only writes down what it is given."""

    records: list[tuple[str, bytes | None, bytes | None]]
    watermarks: list[int]
    flushed: int
    arrivals: list[int | None]
    holds: ClassVar[bool] = False

    def __init__(self, brokers: str) -> None:
        self.brokers = brokers
        self.refused: Counter[str] = Counter()
        self.acknowledged: Counter[str] = Counter()
        Written.records, Written.watermarks, Written.flushed, Written.arrivals = [], [], 0, []

    def partitions(self, topic: str) -> int:
        return 1 if topic.endswith("model-events") else 2

    def holds_records(self, topic: str) -> bool:
        return self.holds and topic == "search-events"

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]],
        partition: int | None = None,
    ) -> None:
        assert partition is not None
        self.acknowledged[topic] += 1
        watermark_ms = read_watermark(key, value, headers)
        if watermark_ms is None:
            Written.records.append((topic, key, value))
            Written.arrivals.append(read_arrival(headers, 0))
        else:
            Written.watermarks.append(watermark_ms)

    def flush(self) -> None:
        Written.flushed = len(Written.records)


@pytest.fixture(autouse=True)
def _no_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "Sender", Written)


def _lines(folder: Path, topic: str, times: Sequence[int | None]) -> None:
    lines = [json.dumps({"query_id": f"q{number}", "timestamp": time}) for number, time in enumerate(times)]
    (folder / f"{topic}.ndjson").write_text("\n".join(lines), encoding="utf-8")


def _ubi(folder: Path, *documents: dict[str, Any]) -> Path:
    path = folder / "ubi.ndjson"
    common = {"application": "shop", "query_id": "q", "client_id": "c"}
    path.write_text("\n".join(json.dumps(common | document) for document in documents), encoding="utf-8")
    return path


def _click(time_ms: int, **more: Any) -> dict[str, Any]:
    return {"action_name": "click", "timestamp": time_ms, "event_attributes": {"object": {"object_id": "B1"}}} | more


def test_files_are_sent_as_one_stream_in_order_of_time(tmp_path: Path) -> None:
    _lines(tmp_path, "search-events", [T0, T0 + 2_000, T0 + 4_000])
    _lines(tmp_path, "click-events", [T0 + 1_000, T0 + 3_000, T0 + 5_000])
    (tmp_path / "search-events-2.ndjson").write_text(json.dumps({"timestamp": T0 + 2_500}), encoding="utf-8")
    placed = list(open_recordings([tmp_path], "matchwatch").placed)
    assert [record.time_ms for _, record in placed] == [T0 + gap for gap in (0, 1000, 2000, 2500, 3000, 4000, 5000)]
    replay([tmp_path], Settings())
    assert [value for _, _, value in Written.records] == [record.value for _, record in placed]


def test_items_go_first_and_of_one_time_deployments_before_searches_before_clicks(tmp_path: Path) -> None:
    for topic in ("click-events", "search-events", "model-events", "catalog-items"):
        _lines(tmp_path, topic, [T0])
    replay([tmp_path], Settings())
    assert [topic for topic, _, _ in Written.records] == [
        "catalog-items",
        "model-events",
        "search-events",
        "click-events",
    ]


def test_finish_closes_everything_up_to_the_last_search_however_long_it_is_alone(tmp_path: Path) -> None:
    _lines(tmp_path, "search-events", [*range(T0, T0 + 60_000, 1_000), T0 + 7 * 3_600_000])
    summary = replay([tmp_path], Settings(), finish=True)
    assert summary.watermark_ms == T0 + 7 * 3_600_000 + CLOSES_MS
    assert Written.watermarks == [summary.watermark_ms] * 4


def test_the_beginning_is_not_where_a_few_lines_dated_2001_say(tmp_path: Path) -> None:
    own = [*range(T0, T0 + 100_000, 1_000)]
    _lines(tmp_path, "search-events", [IN_2001, IN_2001 + 5, *own])
    summary = replay([tmp_path], Settings())
    assert (summary.first_ms, summary.last_ms) == (own[0], own[-1])


def test_a_second_year_after_a_long_first_one_is_no_beginning(tmp_path: Path) -> None:
    own = [*range(T0, T0 + 100_000, 1_000)]
    _lines(tmp_path, "search-events", [*own, *[time + 400 * 86_400_000 for time in own]])
    assert replay([tmp_path], Settings()).first_ms == T0


@pytest.mark.parametrize("stray", [IN_2001, IN_2050])
def test_one_click_of_a_ubi_log_dated_wildly_neither_begins_nor_ends_it(tmp_path: Path, stray: int) -> None:
    path = _ubi(tmp_path, *[_click(T0 + 1_000 * second) for second in range(10)], _click(stray))
    summary = replay([path], Settings(), format="ubi", finish=True)
    assert (summary.first_ms, summary.last_ms) == (T0, T0 + 9_000)
    assert summary.watermark_ms == T0 + 9_000 + CLOSES_MS
    assert format_timestamp(stray).encode() in b"".join(value or b"" for _, _, value in Written.records)
    assert len(Written.records) == 11


HOUR_MS = 3_600_000


def _now_ms() -> int:
    return int(time.time() * 1000)


def test_one_line_dated_hours_ahead_gets_the_arrival_of_now_and_ends_nothing(tmp_path: Path) -> None:
    now_ms = _now_ms()
    own = [*range(now_ms - 200_000, now_ms, 1_000)]
    _lines(tmp_path, "search-events", [*own[:100], now_ms + 5 * HOUR_MS, *own[100:], now_ms + 6 * HOUR_MS])
    summary = replay([tmp_path], Settings(), finish=True)
    assert summary.dated_ahead == {"search-events": 2}
    assert summary.last_ms == own[-1]
    assert summary.watermark_ms is not None
    assert summary.watermark_ms <= own[-1] + CLOSES_MS + 10_000
    told = [arrival for arrival in Written.arrivals if arrival is not None]
    assert len(Written.arrivals) == 202
    assert len(told) == 2
    assert all(now_ms <= arrival <= _now_ms() for arrival in told)


@pytest.mark.parametrize("start_ms", [-600_000, 24 * HOUR_MS])
def test_a_recording_that_runs_on_into_the_future_is_believed_where_the_log_is_empty(
    tmp_path: Path, start_ms: int
) -> None:
    first_ms = _now_ms() + start_ms
    _lines(tmp_path, "search-events", [first_ms + 60_000 * minute for minute in range(60)] + [first_ms + 9 * HOUR_MS])
    summary = replay([tmp_path], Settings())
    assert summary.dated_ahead == {}
    assert set(Written.arrivals) == {None}


def test_a_search_of_the_future_is_refused_where_others_lie_in_the_log(
    tmp_path: Path, runner: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Written, "holds", True)
    _lines(tmp_path, "search-events", [_now_ms() + 5 * HOUR_MS])
    done = runner.invoke(command, [str(tmp_path / "search-events.ndjson")])
    assert "dated ahead of this machine's clock: 1 of search-events; they go to dead-letters" in done.stdout
    assert None not in Written.arrivals
    # Within what any clock may be off it is a search like others.
    _lines(tmp_path, "search-events", [_now_ms() + 200_000])
    assert replay([tmp_path], Settings()).dated_ahead == {}
    assert Written.arrivals == [None]


def test_a_damaged_file_ends_a_replay_after_what_came_before_is_acknowledged(tmp_path: Path) -> None:
    (tmp_path / "catalog-items.ndjson").write_bytes(b'{"object_id":"sku-1"}\n')
    lines = b"".join(b'{"query_id":"%d","timestamp":%d}\n' % (number, T0 + number) for number in range(5_000))
    (tmp_path / "search-events.ndjson.gz").write_bytes(gzip.compress(lines)[:-1000])
    with pytest.raises(UnreadableRecording, match=r"search-events\.ndjson\.gz: the gzip file ends in the middle"):
        replay([tmp_path], Settings())
    assert Written.flushed == len(Written.records) > 1_000


@pytest.fixture
def runner(tmp_path: Path) -> CliRunner:
    return CliRunner(env={"MATCHWATCH_HOME": str(tmp_path / "home"), "COLUMNS": "120"})


def test_finish_where_nothing_has_a_time_says_that_nothing_was_finished(runner: CliRunner, tmp_path: Path) -> None:
    _lines(tmp_path, "search-events", [None])
    plain = runner.invoke(command, [str(tmp_path / "search-events.ndjson")])
    done = runner.invoke(command, [str(tmp_path / "search-events.ndjson"), "--finish"])
    assert (plain.exit_code, done.exit_code) == (0, 0)
    assert "finished" not in plain.stdout
    assert "not finished: no search or click has a time" in done.stdout
    assert Written.watermarks == []


@pytest.mark.parametrize("action", ["[/x]", "[red]x", "\x1b[2J", ":smile:"])
def test_names_from_a_log_are_neither_markup_nor_commands_to_the_terminal(
    runner: CliRunner, tmp_path: Path, action: str
) -> None:
    path = _ubi(tmp_path, _click(T0), _click(T0, action_name=action))
    done = runner.invoke(command, ["--format", "ubi", str(path)])
    assert done.exit_code == 0, done.output
    assert f"action not used: {action}".replace("\x1b", "�") in done.stdout
    assert "\x1b" not in done.stdout
