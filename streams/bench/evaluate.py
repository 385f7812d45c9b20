"""The evaluate stage alone, on scores and clicks that are ready, against the floor of reading and decoding them.

    search-events ─► score ─► match-scores ─┐              ┌─ floor of the same bytes
    click-events ───────────────────────────┴─► evaluate   └─ floor of the search JSON

A fatter record in between must not look better: the floor of the search JSON is what every pipeline has to read.

A cohort's rollups cost the same however few searches it holds, so the cost of a search depends on the shop's rate. It
is measured at two: that of a shop of usual size, and a tenfold one, where a cohort's searches are many.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final

import msgspec
from confluent_kafka import Consumer, TopicPartition

from detectors.fold_settings import FoldSettings
from schemas.settings import Settings
from schemas.topics import CLICK_EVENTS, MATCH_SCORES, SEARCH_EVENTS
from streams.bench.conditions import AllClosed, Committed
from streams.bench.floor import Reading, Stretch
from streams.bench.loading import load_measured, load_warm, own_topics
from streams.bench.open_search_bytes import open_search_bytes
from streams.bench.options import Options
from streams.bench.pipeline import unique_name, worker_commands, worker_env
from streams.bench.program import BenchFailed, Program
from streams.bench.report import Figure, figure
from streams.bench.run import DONE_S, READY_S
from streams.bench.score_blocks import read_score_blocks
from streams.bench.stand import Stand, stand
from streams.bench.workload import Workload, make_workload

RATIO_TARGET: Final = 0.40
JSON_TARGET: Final = 1.6
BYTES_TARGET: Final = 400.0
FAST_RATE: Final = 2_000
"""Searches a second of event time of the second measurement."""
FAST_PART: Final = 16 / 3
"""So many times the searches of a run, for 30,000 of them would be one cohort and a half: 160,000 are eight."""
_TIMEOUT_S: Final = 10.0


class _Costs(msgspec.Struct, frozen=True):
    """CPU microseconds a search of one run, and bytes of an open search."""

    stage: float
    floor: float
    json_floor: float
    open_search_bytes: float


def bench(options: Options) -> list[Figure]:
    """Measure the stage and the floors at both rates, in turns, and the memory."""
    usual, fast = [], []
    with stand(options.settings, options.tell) as place:
        for number in range(options.runs):
            usual.append(_run(options, place, options.rate, options.searches, number + 1))
            if options.rate != FAST_RATE:
                fast.append(_run(options, place, FAST_RATE, round(options.searches * FAST_PART), number + 1))
    return [*_figures(usual), *(_figures(fast, f"_at_{FAST_RATE}") if fast else ())]


def _figures(runs: Sequence[_Costs], at: str = "") -> list[Figure]:
    return [
        figure(f"evaluate{at}", [1e6 / run.stage for run in runs], "searches/CPU-s"),
        figure(f"floor{at}", [1e6 / run.floor for run in runs], "searches/CPU-s"),
        figure(f"json_floor{at}", [1e6 / run.json_floor for run in runs], "searches/CPU-s"),
        figure(f"evaluate_ratio{at}", [run.floor / run.stage for run in runs], "ratio", RATIO_TARGET),
        figure(f"evaluate_vs_json_floor{at}", [run.json_floor / run.stage for run in runs], "ratio", JSON_TARGET),
        figure(f"open_search_bytes{at}", [run.open_search_bytes for run in runs], "bytes", BYTES_TARGET, "less"),
    ]


def _run(options: Options, place: Stand, rate: float, searches: int, number: int) -> _Costs:
    workload = make_workload(searches, now_ms=time.time_ns() // 1_000_000, rate=rate, seed=number)
    found = _measure(place, workload, unique_name("evaluate"))
    options.tell(
        f"{number}: at {rate:g} searches a second evaluate {found.stage:.1f}, floor {found.floor:.1f}, "
        f"JSON floor {found.json_floor:.1f} µs a search"
    )
    return found


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
        closed.must_hold(len(workload.warm_searches) + len(workload.searches))
        searches = len(workload.searches)
        first, end = before["scores", 0], after["scores", 0]
        blocks = [block for offset, block in read_score_blocks(settings)[0].items() if first <= offset < end]
        return _Costs(
            stage=(ended["evaluate"] - began["evaluate"]) / searches * 1e6,
            floor=_floor(settings, before, after, ("scores", "clicks")) / searches * 1e6,
            json_floor=_floor(settings, before, after, ("searches",)) / searches * 1e6,
            open_search_bytes=open_search_bytes(FoldSettings.of(settings.fold), blocks),
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
