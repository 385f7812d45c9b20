"""The demo's first part: a real shop's log through the whole pipeline."""

import time
from typing import Final

from schemas.errors import ServerUnavailable
from schemas.rollup import Rollup, decode_rollup
from schemas.settings import Settings
from schemas.topics import ROLLUPS
from streams.demo.crew import Crew
from streams.demo.tail import Tail
from streams.demo.ubi_figures import UbiFigures, figures
from streams.replay.replay import replay
from streams.replay.ubi import SAMPLE_LOG

_DEADLINE_S: Final = 90.0
_POLL_S: Final = 0.2


def run_ubi(settings: Settings, tail: Tail, crew: Crew) -> UbiFigures:
    """Replay the UBI log and wait until every cohort of it is closed.

    Raises:
        ServerUnavailable: a worker ended, or the cohorts were not closed in time.
    """
    summary = replay([SAMPLE_LOG], settings, format="ubi", finish=True)
    rollups: dict[tuple[object, ...], Rollup] = {}
    reached: dict[int, int] = {}
    deadline_s = time.monotonic() + _DEADLINE_S
    while len(reached) < settings.kafka.partitions or min(reached.values()) < (summary.watermark_ms or 0):
        crew.check()
        if time.monotonic() > deadline_s:
            raise ServerUnavailable(f"the UBI log was not counted within {_DEADLINE_S:.0f} s: see the workers' logs")
        for told in tail.poll(_POLL_S):
            if told.topic != ROLLUPS.name:
                continue
            record = decode_rollup(told.value)
            if isinstance(record, Rollup):
                key = (record.series, record.cohort_start_ms, record.horizon_s, record.partition)
                rollups.setdefault(key, record)
            else:
                reached[record.partition] = record.watermark_ms
    return figures(rollups.values(), settings.fold.horizons_s[-1])
