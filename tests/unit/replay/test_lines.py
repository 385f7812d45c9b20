import gzip
import json
import os
import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.replay.lines import UnreadableRecording, event_record, item_record, read_records
from streams.replay.replay import Format, NothingToReplay, RecordedTwice, files_of

SEARCH = "search-events"


def test_an_event_is_sent_as_it_is_under_its_query_id() -> None:
    line = b'{ "timestamp":"2026-01-05T10:00:00.123+01:00", "query_id":"q-\\u8dd1", "x":[1e999] }'
    record = event_record(SEARCH, line)
    assert record.value == line
    assert record.key == b"q-\xe8\xb7\x91"
    assert record.time_ms == 1_767_603_600_123


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (b'{"query_id":"a","query_id":"b","timestamp":1}', b"b"),
        (b'{"query_id":"a","timestamp":', b"a"),
        (b'{"x":NaN,"query_id":"a"}', b"a"),
        (b'{"query_id":"a\xff"}', b"a\xff"),
        (b'\xef\xbb\xbf{"query_id":"a"}', b"a"),
        (b'\x00\x00\x00\x00\x07{"query_id":"q-\\u0061"}', b"q-a"),
        (b'{"query_id":""}', b""),
        (b'{"query_id":7}', None),
        (b"not json", None),
        (b"[]", None),
        (b"[" * 5000, None),
        (b"\x00", None),
    ],
)
def test_the_key_of_a_broken_line_is_its_query_id_if_there_is_one(line: bytes, key: bytes | None) -> None:
    record = event_record(SEARCH, line)
    assert (record.key, record.value) == (key, line)


@pytest.mark.parametrize(
    "timestamp",
    [
        '"2026-01-05T10:00:00"',
        '"2026-01-05 10:00:00Z"',
        '"1767603600123"',
        "5",
        "1e400",
        "true",
        "null",
        "{}",
        '"1999-12-31T23:59:59Z"',
    ],
)
def test_a_time_that_breaks_the_contract_is_no_time(timestamp: str) -> None:
    line = f'{{"query_id":"a","timestamp":{timestamp}}}'.encode()
    assert event_record(SEARCH, line).time_ms is None


def test_epoch_milliseconds_are_cut() -> None:
    assert event_record(SEARCH, b'{"timestamp":1767603600123.9}').time_ms == 1_767_603_600_123


@given(st.binary(max_size=200))
def test_no_bytes_stop_the_reader(line: bytes) -> None:
    for topic_record in (event_record(SEARCH, line), item_record(line)):
        assert topic_record.value in {line, None}


def test_a_withdrawn_item_is_a_null_value_and_an_unreadable_one_has_a_key() -> None:
    assert item_record(b'{"object_id":"sku-1","withdrawn":true}')[1:3] == (b"sku-1", None)
    assert item_record(b'{"object_id":"sku-1","withdrawn":false}').value is not None
    broken = [item_record(line) for line in (b"{", b'{"object_id":""}', b'{"object_id":5}')]
    assert len({record.key for record in broken}) == 3
    assert all(record.key and record.value for record in broken)


@pytest.mark.parametrize(
    "rest",
    [
        b'"price":"bad"',
        b'"price":1e999',
        b'"title":"\xff"',
        b'"x":' + b"[" * 600 + b"]" * 600,
        b'"x":"' + b"x" * 1_048_576 + b'"',
        b'"withdrawn":1',
        b'"withdrawn":null',
    ],
)
def test_a_withdrawal_that_breaks_the_contract_is_sent_as_it_is(rest: bytes) -> None:
    line = b'{"object_id":"sku-1","withdrawn":true,' + rest + b"}"
    assert item_record(line).value == line


def test_a_withdrawal_behind_a_confluent_header_is_a_null_value() -> None:
    assert item_record(b'\0\0\0\0\7{"object_id":"sku-1","x":1,"withdrawn": true }')[1:3] == (b"sku-1", None)


def test_packed_and_plain_files_read_the_same_and_an_empty_line_is_a_record(tmp_path: Path) -> None:
    text = b'{"query_id":"a"}\r\n\n{"query_id":"b"}\n  \nrubbish'
    (tmp_path / "search-events.ndjson").write_bytes(text)
    (tmp_path / "search-events-2.ndjson.gz").write_bytes(gzip.compress(text))
    plain = list(read_records(tmp_path / "search-events.ndjson", SEARCH))
    assert [record.key for record in plain] == [b"a", None, b"b", None, None]
    assert [record.value for record in plain] == [b'{"query_id":"a"}', b"", b'{"query_id":"b"}', b"  ", b"rubbish"]
    assert plain == list(read_records(tmp_path / "search-events-2.ndjson.gz", SEARCH))


@pytest.mark.parametrize("packed", [False, True])
def test_a_pipe_is_read_although_it_cannot_be_wound_back(tmp_path: Path, packed: bool) -> None:
    pipe = tmp_path / "search-events.pipe"
    os.mkfifo(pipe)
    text = b'{"query_id":"a"}\n{"query_id":"b"}\n'
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(pipe.write_bytes, gzip.compress(text) if packed else text)
        assert [record.key for record in read_records(pipe, SEARCH)] == [b"a", b"b"]
        written.result()


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "search-events.ndjson").touch()
    assert list(read_records(tmp_path / "search-events.ndjson", SEARCH)) == []


def _packed(lines: int) -> bytes:
    chance = random.Random(1)
    return gzip.compress(b"".join(b'{"query_id":"%d"}\n' % chance.getrandbits(64) for _ in range(lines)), mtime=0)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda whole: whole[: len(whole) // 2], "ends in the middle, after line [1-9][0-9]+; copy it again"),
        (lambda whole: whole[:-8] + b"\0" * 8, "is damaged after line 20000 .*CRC.*; copy it again"),
        (lambda whole: whole[:5000] + b"\xff" * 5000 + whole[10000:], "is damaged after line [0-9]+ .*; copy it again"),
        (lambda whole: whole + b"more", "is damaged after line 20000 .*; copy it again"),
    ],
)
def test_a_damaged_file_is_named_with_the_last_line_that_could_be_read(
    tmp_path: Path, damage: Callable[[bytes], bytes], words: str
) -> None:
    file = tmp_path / "search-events.ndjson.gz"
    file.write_bytes(damage(_packed(20_000)))
    with pytest.raises(UnreadableRecording, match=f"{re.escape(str(file))}: the gzip file {words}"):
        list(read_records(file, SEARCH))


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "search-events").mkdir()
    with pytest.raises(UnreadableRecording, match=r"search-events: cannot be read after line 0 .*check the file"):
        list(read_records(tmp_path / "search-events", SEARCH))


def test_a_model_event_is_keyed_by_its_model(tmp_path: Path) -> None:
    lines = [
        {"type": "deployment", "timestamp": 1767603600123, "model": {"name": "m", "version": "1"}},
        {"type": "worker"},
    ]
    file = tmp_path / "model-events.ndjson"
    file.write_text("\n".join(map(json.dumps, lines)))
    assert [(record.key, record.time_ms) for record in read_records(file, "model-events")] == [
        (b"m", 1_767_603_600_123),
        (None, None),
    ]


def test_a_folder_is_searched_for_recordings_and_truth_is_none(tmp_path: Path) -> None:
    for name in ("search-events.ndjson", "click-events.ndjson.gz", "truth.json", "notes.txt"):
        (tmp_path / name).touch()
    assert {topic: [f.name for f in files] for topic, files in files_of([tmp_path], "matchwatch").items()} == {
        "search-events": ["search-events.ndjson"],
        "click-events": ["click-events.ndjson.gz"],
    }


def test_paths_that_hold_nothing_are_refused_with_the_cure(tmp_path: Path) -> None:
    other = tmp_path / "other.ndjson"
    other.touch()
    for path, words in ((tmp_path / "none", "no such file"), (other, "search-events.ndjson"), (tmp_path, "nothing to")):
        with pytest.raises(NothingToReplay, match=words):
            files_of([path], "matchwatch")


@pytest.mark.parametrize("format_", ["matchwatch", "ubi"])
def test_a_recording_beside_its_packed_copy_or_named_twice_is_refused(tmp_path: Path, format_: Format) -> None:
    plain, packed = tmp_path / "search-events.ndjson", tmp_path / "search-events.ndjson.gz"
    plain.touch()
    for paths in ([plain, plain], [tmp_path, plain], [tmp_path, tmp_path]):
        with pytest.raises(RecordedTwice, match=r"search-events\.ndjson and .*search-events\.ndjson hold the same"):
            files_of(paths, format_)
    packed.touch()
    with pytest.raises(RecordedTwice, match=r"search-events\.ndjson and .*search-events\.ndjson\.gz hold the same"):
        files_of([tmp_path], format_)


def test_parts_of_one_topic_and_files_of_two_folders_are_different_recordings(tmp_path: Path) -> None:
    for name in ("a/search-events-1.ndjson", "a/search-events-2.ndjson.gz", "b/search-events-1.ndjson"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert len(files_of([tmp_path / "a", tmp_path / "b"], "matchwatch")["search-events"]) == 3
