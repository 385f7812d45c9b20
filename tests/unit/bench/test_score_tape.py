"""A log of any length made of a short one is what evaluate expects, and what it counts is known beforehand."""

from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from detectors.evaluate import EvaluateFold
from detectors.fold_settings import FoldSettings
from schemas.rollup import LABEL_FREE
from schemas.scores import ScoreBlock, ScoreControl, decode_scores
from schemas.settings import Settings
from streams.bench.expected_counts import CountedRollups
from streams.bench.score_tape import ScoreTape
from streams.control import read_watermark
from streams.stages.click_rows import read_clicks
from tests.unit.bench.score_templates import small_template

START_MS = 1_780_000_000_000


class Log:
    """Keeps what is sent, by topic and partition."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, int], list[Any]] = {}

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]],
        partition: int | None = None,
    ) -> None:  # fmt: skip
        assert partition is not None
        records = self.records.setdefault((topic, partition), [])
        records.append(
            SimpleNamespace(
                topic=topic, partition=partition, offset=len(records), timestamp=2**41, key=key, value=value,
                headers=headers,
            )
        )  # fmt: skip

    def flush(self) -> None:
        """Nothing waits."""


def tape_of(log: Log, **settings: Any) -> ScoreTape:
    return ScoreTape(log, Settings(), small_template(), rate=2.0, start_ms=START_MS, block_searches=7, **settings)


def counted(log: Log) -> tuple[CountedRollups, dict[str, int]]:
    """What the fold counts of a log, and the totals of all partitions."""
    settings, found = Settings(), CountedRollups()
    totals: dict[str, int] = {}
    for number in range(settings.kafka.partitions):
        fold = EvaluateFold(FoldSettings.of(settings.fold), number)
        for record in log.records["match-scores", number]:
            fold.apply_scores(decode_scores(record.value), record.offset)
        for rows in read_clicks(log.records["click-events", number], settings.kafka.partitions, 300):
            fold.apply_clicks(rows.columns, 0)
            if rows.watermark_ms is not None:
                fold.finish_clicks(rows.watermark_ms)
        for rollup in fold.close():
            if rollup.horizon_s != LABEL_FREE and rollup.series.version != "*":
                found.add(rollup)
        for name, total in fold.totals.items():
            totals[name] = totals.get(name, 0) + total
    return found, totals


def test_the_fold_counts_what_the_tape_says_it_wrote() -> None:
    log = Log()
    tape = tape_of(log)
    tape.write(33)
    tape.write_until(START_MS + 200_000)
    tape.finish()
    found, totals = counted(log)
    assert tape.searches == 401
    assert found.counts() == tape.expected.counts()
    assert sum(clicks for _, _, clicks in found.counts().values()) > 0
    clicks = tape.clicks  # none is late, repeated or without its search
    assert totals == {"accepted_searches": tape.searches, "accepted_clicks": clicks, "matched_clicks": clicks}


def test_a_lost_click_and_a_lost_search_are_seen() -> None:
    log = Log()
    tape = tape_of(log, longest_delay_ms=10_000)
    tape.write(100)
    tape.finish()
    clicks = log.records["click-events", 0]
    place = next(place for place, record in enumerate(clicks) if record.value is not None)
    del clicks[place]
    found, _ = counted(log)
    expected = tape.expected.counts()
    assert found.counts().keys() == expected.keys()
    lost = [expected[key][2] - counts[2] for key, counts in found.counts().items()]
    assert sorted(lost)[-3:] == [0, 1, 1]  # in both horizons
    del log.records["match-scores", 1][0]
    assert counted(log)[0].counts().keys() <= expected.keys()
    assert sum(counts[0] for counts in counted(log)[0].counts().values()) == 2 * (100 - 7)


def test_a_repeat_that_differs_is_noted_and_the_first_one_counts() -> None:
    log = Log()
    tape = tape_of(log)
    tape.write(20)
    tape.finish()
    found, _ = counted(log)
    before = found.counts()
    rollup = next(iter(found.rollups()))
    found.add(msgspec.structs.replace(rollup))
    assert found.differing == 0
    found.add(msgspec.structs.replace(rollup, searches=rollup.searches + 1))
    assert found.differing == 1
    assert found.counts() == before


@pytest.mark.parametrize("partition", range(4))
def test_searches_and_clicks_come_in_the_order_of_their_times(partition: int) -> None:
    log = Log()
    tape = tape_of(log)
    for _ in range(5):
        tape.write(50)
    tape.finish()
    scores = [decode_scores(record.value) for record in log.records["match-scores", partition]]
    blocks = [block for block in scores if isinstance(block, ScoreBlock)]
    assert isinstance(scores[-1], ScoreControl)
    times = np.concatenate([np.frombuffer(block.times_ms, "<i8") for block in blocks])
    offsets = np.concatenate([np.frombuffer(block.source_offsets, "<i8") for block in blocks])
    assert (np.diff(times) >= 0).all()
    assert offsets.tolist() == list(range(offsets.size))
    records = log.records["click-events", partition]
    assert read_watermark(records[-1].key, records[-1].value, records[-1].headers) is not None
    (rows, _) = read_clicks(records, 4, 300)
    assert (np.diff(rows.columns.times_ms) >= 0).all()
    assert not rows.columns.flags.any()
