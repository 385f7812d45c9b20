"""The evaluate stage alone, on scores and clicks that are ready, against the floor of reading and decoding them.

    search-events ─► score ─► match-scores ─┐              ┌─ floor of the same bytes
    click-events ───────────────────────────┴─► evaluate   └─ floor of the search JSON

A fatter record in between must not look better: the floor of the search JSON is what every pipeline has to read.
"""

import subprocess
import sys
import time
import tracemalloc
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from confluent_kafka import Consumer, TopicPartition

from detectors.evaluate import EvaluateFold, FoldSettings
from schemas.scores import ScoreBlock, decode_scores
from schemas.settings import Settings
from schemas.topics import CLICK_EVENTS, MATCH_SCORES, SEARCH_EVENTS
from streams.bench.conditions import AllClosed, Committed
from streams.bench.floor import Reading, Stretch
from streams.bench.loading import load_measured, load_warm, own_topics
from streams.bench.options import Options
from streams.bench.pipeline import unique_name, worker_commands, worker_env
from streams.bench.program import BenchFailed, Program
from streams.bench.report import Figure, figure
from streams.bench.run import DONE_S, READY_S
from streams.bench.stand import Stand, stand
from streams.bench.workload import Workload, make_workload

RATIO_TARGET: Final = 0.40
JSON_TARGET: Final = 1.6
BYTES_TARGET: Final = 400.0
OPEN_SEARCHES: Final = 100_000
"""In one partition: at 50 searches a second as many as half an hour brings."""
_TIMEOUT_S: Final = 10.0


class _Costs(msgspec.Struct, frozen=True):
    """CPU microseconds a search of one run, and bytes of an open search."""

    stage: float
    floor: float
    json_floor: float
    open_search_bytes: float


def bench(options: Options) -> list[Figure]:
    """Measure the stage, the floors and the memory."""
    runs = []
    with stand(options.settings, options.tell) as place:
        for number in range(options.runs):
            now_ms = time.time_ns() // 1_000_000
            workload = make_workload(options.searches, now_ms=now_ms, rate=options.rate, seed=number + 1)
            runs.append(_measure(place, workload, unique_name("evaluate")))
            options.tell(
                f"{number + 1}: evaluate {runs[-1].stage:.1f}, floor {runs[-1].floor:.1f}, "
                f"JSON floor {runs[-1].json_floor:.1f} µs a search"
            )
    return [
        figure("evaluate", [1e6 / run.stage for run in runs], "searches/CPU-s"),
        figure("floor", [1e6 / run.floor for run in runs], "searches/CPU-s"),
        figure("json_floor", [1e6 / run.json_floor for run in runs], "searches/CPU-s"),
        figure("evaluate_ratio", [run.floor / run.stage for run in runs], "ratio", RATIO_TARGET),
        figure("evaluate_vs_json_floor", [run.json_floor / run.stage for run in runs], "ratio", JSON_TARGET),
        figure("open_search_bytes", [run.open_search_bytes for run in runs], "bytes", BYTES_TARGET, "less"),
    ]


def _measure(place: Stand, workload: Workload, name: str) -> _Costs:
    commands, folder = worker_commands(), place.folder / name
    with own_topics(place.settings, name) as settings:
        env = worker_env(settings)
        load_warm(settings, workload)
        score = Program({"score": commands["score"]}, env, folder, place.lifeline)
        stage = Program({"evaluate": commands["evaluate"]}, env, folder, place.lifeline)
        scored = {"score": [SEARCH_EVENTS.name]}
        counted = {"evaluate": [MATCH_SCORES.name, CLICK_EVENTS.name]}
        with score, stage, AllClosed(settings, workload.last_search_ms) as closed:
            stage.wait_until("the first pass to be scored", Committed(settings, scored), READY_S)
            stage.wait_until("the first pass to be counted", Committed(settings, counted), READY_S)
            stage.halt()
            before = _ends(settings)
            load_measured(settings, workload)
            score.wait_until("the searches to be scored", Committed(settings, scored), DONE_S)
            score.halt()
            after = _ends(settings)
            began = stage.cpu_seconds()
            stage.go_on()
            stage.wait_until("the last cohort to close", closed, DONE_S)
            ended = stage.cpu_seconds()
        expected = len(workload.warm_searches) + len(workload.searches)
        if closed.searches != expected:
            raise BenchFailed(f"{closed.searches} searches are in the rollups of the longest horizon, not {expected}")
        searches = len(workload.searches)
        return _Costs(
            stage=(ended["evaluate"] - began["evaluate"]) / searches * 1e6,
            floor=_floor(settings, before, after, ("scores", "clicks")) / searches * 1e6,
            json_floor=_floor(settings, before, after, ("searches",)) / searches * 1e6,
            open_search_bytes=_open_search_bytes(settings, before, after),
        )


_KINDS: Final = {"scores": MATCH_SCORES.name, "clicks": CLICK_EVENTS.name, "searches": SEARCH_EVENTS.name}
_Ends = dict[tuple[str, int], int]


def _ends(settings: Settings) -> _Ends:
    """Where the logs end now, by kind and partition."""
    kafka = settings.kafka
    asking = Consumer({"bootstrap.servers": kafka.brokers, "group.id": "bench-ends", "log_level": 0})
    try:
        return {
            (kind, number): asking.get_watermark_offsets(
                TopicPartition(kafka.topic_prefix + topic, number), timeout=_TIMEOUT_S
            )[1]
            for kind, topic in _KINDS.items()
            for number in range(kafka.partitions)
        }
    finally:
        asking.close()


def _stretches(settings: Settings, before: _Ends, after: _Ends, kinds: Sequence[str]) -> list[Stretch]:
    prefix = settings.kafka.topic_prefix
    return [
        Stretch(kind, prefix + _KINDS[kind], number, before[kind, number], end)
        for (kind, number), end in after.items()
        if kind in kinds
    ]


def _floor(settings: Settings, before: _Ends, after: _Ends, kinds: Sequence[str]) -> float:
    """CPU seconds of the floor."""
    arguments = [stretch.argument() for stretch in _stretches(settings, before, after, kinds)]
    command = [sys.executable, "-m", "streams.bench.floor", settings.kafka.brokers, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=DONE_S)
    except subprocess.SubprocessError as error:
        raise BenchFailed(f"the floor did not come to its end: {error}") from error
    return msgspec.json.decode(done.stdout, type=Reading).cpu_s


def _open_search_bytes(settings: Settings, before: _Ends, after: _Ends) -> float:
    """Memory that Python and NumPy hold for each of OPEN_SEARCHES open searches, whatever it is made of."""
    shape = FoldSettings.of(settings.fold)
    blocks = _blocks(settings, before, after)
    _filled(shape, blocks, 1)  # what is imported on the way is no memory of a search
    tracemalloc.start()
    try:
        began, _ = tracemalloc.get_traced_memory()
        fold = _filled(shape, blocks, OPEN_SEARCHES)
        ended, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (ended - began) / fold.open_searches


def _filled(shape: FoldSettings, blocks: Sequence[ScoreBlock], searches: int) -> EvaluateFold:
    """Give a fold with at least so many open searches: the blocks again and again, each time later, with other ids."""
    times = [np.frombuffer(block.times_ms, "<i8") for block in blocks]
    span_ms = -(-(max(map(np.max, times)) - min(map(np.min, times)) + 1) // shape.bucket_ms) * shape.bucket_ms
    fold = EvaluateFold(shape, 0)
    offset = passed = 0
    while fold.open_searches < searches:
        for block, times_ms in zip(blocks, times, strict=True):
            ids = np.frombuffer(block.query_ids, "<u8") ^ np.uint64(passed << 40)
            offsets = np.arange(offset, offset + times_ms.size, dtype="<i8")
            again = msgspec.structs.replace(
                block,
                times_ms=(times_ms + passed * span_ms).tobytes(),
                query_ids=ids.tobytes(),
                source_offsets=offsets.tobytes(),
            )
            fold.apply_scores(again, offset)
            offset += times_ms.size
            fold.close()
        passed += 1
    return fold


def _blocks(settings: Settings, before: _Ends, after: _Ends) -> list[ScoreBlock]:
    """Give the score blocks of partition 0."""
    kafka = settings.kafka
    reading = Consumer({"bootstrap.servers": kafka.brokers, "group.id": "bench-blocks", "log_level": 0})
    topic = kafka.topic_prefix + MATCH_SCORES.name
    try:
        reading.assign([TopicPartition(topic, 0, before["scores", 0])])
        found: list[ScoreBlock] = []
        end, position = after["scores", 0], before["scores", 0]
        while position < end:
            for message in reading.consume(1000, timeout=_TIMEOUT_S):
                if message.error() is not None:
                    raise BenchFailed(f"match-scores cannot be read: {message.error()}")
                record = decode_scores(message.value() or b"")
                position = (message.offset() or 0) + 1
                if isinstance(record, ScoreBlock):
                    found.append(record)
        return found
    finally:
        reading.close()
