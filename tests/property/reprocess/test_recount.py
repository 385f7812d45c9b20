"""A span that is recomputed holds what a fold holds that has read everything, however the logs are read."""

import json
from dataclasses import dataclass, field
from random import Random

import pytest

from detectors.checkpoint import LogMark
from detectors.evaluate import EvaluateFold
from detectors.fold_settings import FoldSettings
from detectors.outputs import SignalBatch
from schemas.config import parse_settings
from schemas.rollup import Rollup, RollupControl, encode_rollup
from schemas.scores import ScoreControl, decode_scores, encode_scores, id_hash
from streams.reprocess.recount import Decided, Recount, Start
from streams.reprocess.skim import ClicksSkim, ScoresSkim
from streams.reprocess.span import Span
from streams.stages.click_rows import read_clicks
from streams.transport import TP
from tests.property.evaluate.shop_log import SETTINGS, as_block, make_log

PARTITIONS = 2
ACTIONS = {0: "hover", 1: "click", 2: "purchase"}
TOML = {
    "fold": {
        "bucket_s": 10,
        "horizons_s": [20, 90],
        "lateness_s": 15,
        "segments": {"device": "query_attributes.device"},
    },
    "kafka": {"partitions": PARTITIONS},
}


@dataclass
class Record:
    topic: str
    partition: int
    offset: int
    value: bytes | None
    timestamp: int = 1 << 45
    key: bytes | None = b"k"
    headers: list[tuple[str, bytes]] = field(default_factory=list)


def make_sources(seed: int) -> dict[TP, list[Record]]:
    """Records of both topics of both partitions."""
    sources: dict[TP, list[Record]] = {}
    for partition in range(PARTITIONS):
        log = make_log(10 * seed + partition)
        for search in {id(s): s for block in log.blocks for s in block}.values():
            search.query_id = id_hash(str(search.query_id))
            search.items = [(id_hash(str(item)), position, score) for item, position, score in search.items]
        blocks, place = [], 0
        for number, searches in enumerate(log.blocks):
            blocks.append(Record("match-scores", partition, number, encode_scores(as_block(searches, place))))
            place += len(searches)
        clicks = [
            {
                "query_id": str(click.query_id),
                "object_id": str(click.item_id),
                "timestamp": click.time_ms,
                "action_name": ACTIONS[click.action],
                "client_id": "c",
            }
            for batch in log.clicks
            for click in batch
        ]
        sources[TP("match-scores", partition)] = blocks
        sources[TP("click-events", partition)] = [
            Record("click-events", partition, number, json.dumps(click).encode()) for number, click in enumerate(clicks)
        ]
    return sources


def found_starts(sources: dict[TP, list[Record]], from_ms: int, random: Random) -> dict[int, Start]:
    starts = {}
    for partition in range(PARTITIONS):
        scores, clicks = sources[TP("match-scores", partition)], sources[TP("click-events", partition)]
        of_scores, of_clicks = ScoresSkim(SETTINGS, from_ms), ClicksSkim(SETTINGS, from_ms, PARTITIONS, 1 << 30)
        of_scores.take(scores)
        while clicks:
            size = random.randint(1, 20)
            of_clicks.take(clicks[:size])
            clicks = clicks[size:]
        starts[partition] = Start(
            of_scores.start or LogMark(len(scores), 0),
            of_clicks.start or LogMark(len(sources[TP("click-events", partition)]), 0),
        )
    return starts


def run(sources: dict[TP, list[Record]], span: Span, starts: dict[int, Start], random: Random) -> list[Decided]:
    """Read in a random interleaving, in random portions."""
    recount = Recount(parse_settings(TOML, {}), span, starts, [])
    left = {tp: sources[tp][offset:] for tp, offset in recount.positions().items()}
    decided = []
    while left:
        tp = random.choice(sorted(left))
        size = random.randint(1, 9)
        portion, left[tp] = left[tp][:size], left[tp][size:]
        if portion:
            decided += recount.apply(tp, portion, portion[-1].offset + 1)
        else:
            decided += recount.end(tp, standing=False)
            del left[tp]
    decided += recount.finish()
    assert recount.open_cohorts < 60
    return decided


def live(sources: dict[TP, list[Record]]) -> dict[tuple, bytes]:
    """Fold everything from the start of the logs, as the live stage does."""
    found = {}
    for partition in range(PARTITIONS):
        fold = EvaluateFold(FoldSettings.of(parse_settings(TOML, {}).fold), partition)
        for record in sources[TP("match-scores", partition)]:
            fold.apply_scores(decode_scores(record.value), record.offset)
        for rows in read_clicks(sources[TP("click-events", partition)], PARTITIONS, 1 << 30):
            fold.apply_clicks(rows.columns, 0)
        for rollup in fold.close():
            found[key(rollup)] = encode_rollup(rollup)
    return found


def key(rollup: Rollup) -> tuple:
    return rollup.series, rollup.cohort_start_ms, rollup.horizon_s, rollup.partition


@pytest.mark.parametrize("seed", range(25))
def test_it_equals_what_the_live_fold_makes_of_the_whole_log(seed: int) -> None:
    random = Random(seed)
    sources = make_sources(seed)
    expected = live(sources)
    starts_ms = sorted({start_ms for _, start_ms, _, _ in expected})
    from_ms, to_ms = sorted(random.sample(starts_ms, 2))
    span = Span(from_ms, to_ms)
    starts = found_starts(sources, from_ms, random)

    decided = run(sources, span, starts, random)

    rollups = [record for step in decided for record in step.records if isinstance(record, Rollup)]
    through_ms = decided[-1].records[-1].closed_through_ms
    wanted = {what: value for what, value in expected.items() if from_ms <= what[1] < min(to_ms, through_ms[what[2]])}
    assert {key(rollup): encode_rollup(rollup) for rollup in rollups} == wanted
    assert len(rollups) == len(wanted)


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_reading_changes_nothing_that_comes_out(seed: int) -> None:
    sources = make_sources(seed)
    times = sorted({start_ms for _, start_ms, _, _ in live(sources)})
    span = Span(times[3], times[-3])
    starts = found_starts(sources, span.from_ms, Random(1))
    one, other = (run(sources, span, starts, Random(order)) for order in (1, 2))
    assert [record for step in one for record in step.records] == [record for step in other for record in step.records]
    assert [output for step in one for output in step.outputs] == [output for step in other for output in step.outputs]
    assert any(step.outputs for step in one)


def test_behind_the_end_of_a_recording_nobody_is_missed() -> None:
    sources = make_sources(3)
    last_ms = max(start_ms for _, start_ms, _, _ in live(sources))
    for partition in range(PARTITIONS):
        scores = sources[TP("match-scores", partition)]
        word = ScoreControl(partition, 0, {}, idle=False, wall_ms=0, watermark_ms=last_ms + 3_600_000)
        scores.append(Record("match-scores", partition, len(scores), encode_scores(word)))
        clicks = sources[TP("click-events", partition)]
        header = ("matchwatch-watermark", b"%d" % (last_ms + 3_600_000))
        clicks.append(Record("click-events", partition, len(clicks), None, key=None, headers=[header]))
    span = Span.of(last_ms - 600_000, None, 10)

    for order in (1, 2):
        decided = run(sources, span, found_starts(sources, span.from_ms, Random(1)), Random(order))
        last = decided[-1].records[-1]
        assert isinstance(last, RollupControl)
        assert last.closed_through_ms[90] > last_ms + 3_000_000
        assert last_ms <= last.largest_time_ms < last_ms + 60_000
        points = [output for step in decided for output in step.outputs if isinstance(output, SignalBatch)]
        assert last_ms <= max(point.cohort_start_ms for point in points) <= last.largest_time_ms
