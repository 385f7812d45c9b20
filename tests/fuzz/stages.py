"""The stages' own classes put together in this process, without a broker between them; only the model is a stand-in.

What passes between two stages is encoded and decoded as on the wire.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from detectors.detect_fold import DetectFold
from detectors.detect_fold_settings import DetectFoldSettings
from detectors.fold_settings import FoldSettings
from detectors.outputs import SignalBatch
from inference.pairs import PairBatch, ScoredBatch
from inference.pool import ModelName
from schemas.config import parse_settings
from schemas.rollup import Rollup, encode_rollup
from schemas.scores import ScoreControl, encode_scores
from schemas.settings import Settings
from schemas.signals import encode_signals
from streams.metrics import Metrics
from streams.stages.evaluate_partition import EvaluatePartition, Part
from streams.stages.rollout import Rollout
from streams.stages.rollup_records import read_rollup
from streams.stages.score import ScoreStage
from streams.stages.score_line import Work
from streams.stages.unreadable_records import UnreadableRecords
from streams.transport import TP, RecordBatch
from tests.fuzz.shop import PARTITIONS, Sent

MODELS: Final = Path(__file__).parents[2] / "models"
MODEL: Final = ModelName("shop-match", "1")


def fuzz_settings() -> Settings:
    """Give settings with which a million records are some hundred cohorts."""
    return parse_settings(
        {
            "kafka": {"partitions": PARTITIONS},
            "score": {"models_dir": str(MODELS)},
            "fold": {"bucket_s": 60, "horizons_s": [60, 600], "lateness_s": 30, "max_ahead_s": 60},
        },
        {},
    )


class CheapPool:
    """Scores without a model: what fuzz asks is not how good scores are."""

    async def score(self, batch: PairBatch) -> ScoredBatch:
        """Give a score to each item with a text, none to the others."""
        known = np.array([bool(text and text.strip()) for text in batch.texts], dtype=bool)
        scores = np.where(known, np.linspace(0, 1, known.size), np.nan).astype(np.float32)
        tokens = np.array([len(query.split()) for query in batch.queries], dtype=np.int32)
        return ScoredBatch(scores, MODEL, tokens, tokens // 2, 1.5)

    async def set_live(self, model: ModelName) -> None:
        """Any will do."""

    async def close(self) -> None:
        """Nothing is held."""


class ScoreSteps(ScoreStage):
    """Score's reading, without its connections."""

    def read(self, batch: RecordBatch) -> list[Work]:
        """Give the steps of a batch."""
        return self._works(batch)

    async def take_items(self, records: Sequence[Any]) -> Counter[str]:
        """Take records of the catalogue; gives the reasons of refused ones."""
        await self._items.take(records)
        self._items.bad.take()
        reasons, self._items.bad.reasons = self._items.bad.reasons, Counter()
        return reasons


class InProcess:
    """Feeds records through all stages and keeps their accounts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loop = asyncio.new_event_loop()
        self._pool = CheapPool()
        metrics = Metrics("score")
        self.score = ScoreSteps(settings, metrics)
        self.rollout = Rollout(settings.score, settings.fold.max_ahead_s, self._pool, metrics)
        self._loop.run_until_complete(self.rollout.start())
        self.evaluate = [self.new_partition(number) for number in range(PARTITIONS)]
        fold = settings.fold
        self.detect = DetectFold(DetectFoldSettings(bucket_s=fold.bucket_s, max_segment_values=fold.max_segment_values))
        self.counts: Counter[str] = Counter()
        """Of this program's own counters: verdicts of score, of the catalogue and of the deployments."""
        self.kept: list[Rollup] = []
        """The newest rollups."""
        self._rollup_offset = 0

    def new_partition(self, number: int) -> EvaluatePartition:
        """Give a partition of evaluate that has read nothing."""
        return EvaluatePartition(
            FoldSettings.of(self._settings.fold),
            number=number,
            partitions=PARTITIONS,
            max_ahead_s=self._settings.fold.max_ahead_s,
            idle_timeout_s=30,
            scores=Part(TP("match-scores", number), 0, 0),
            clicks=Part(TP("click-events", number), 0, 0),
            checkpoint=None,
            from_next_cohort=False,
            unreadable=UnreadableRecords(Metrics("evaluate")),
        )

    def take(self, batch: Sequence[Sent]) -> dict[tuple[str, int, int], str]:
        """Take records in the order of their logs; gives the reason of each refused one by its place."""
        by_place: dict[TP, list[Sent]] = {}
        for record in batch:
            by_place.setdefault(TP(record.topic, record.partition), []).append(record)
        refused: dict[tuple[str, int, int], str] = {}
        for tp in sorted(by_place, key=lambda tp: (tp.topic != "search-events", tp)):
            records = by_place[tp]
            if tp.topic == "search-events":
                refused |= _reasons(self._searches(tp, records))
            elif tp.topic == "click-events":
                refused |= _reasons(self._clicks(tp, records))
            elif tp.topic == "catalog-items":
                for record in records:  # one by one, so that each has its own verdict
                    for reason in self._loop.run_until_complete(self.score.take_items([record])):
                        refused[tp.topic, tp.partition, record.offset] = reason
            else:
                self._loop.run_until_complete(self.rollout.take(records))
                self.rollout.bad.take()
        self._close()
        return refused

    def finish(self, watermark_ms: int) -> None:
        """End both topics, so that every cohort closes."""
        for partition in self.evaluate:
            control = ScoreControl(partition.number, 0, {}, idle=False, wall_ms=0, watermark_ms=watermark_ms)
            self._scores(partition, encode_scores(control))
            end = Sent("click-events", partition.number, partition.clicks.position, 0, None, None)
            end.headers = (("matchwatch-watermark", b"%d" % watermark_ms),)
            partition.apply(partition.clicks.tp, [end], end.offset + 1)
        self._close()
        self.close()

    def close(self) -> None:
        """Let go of what is held."""
        self._loop.run_until_complete(self.score.on_stopped())
        self._loop.close()

    def totals(self) -> Counter[str]:
        """Add up evaluate's counters."""
        return sum((Counter(partition.fold.totals) for partition in self.evaluate), Counter[str]())

    def _searches(self, tp: TP, records: list[Sent]) -> list[bytes]:
        letters: list[bytes] = []
        partition = self.evaluate[tp.partition]
        for work in self.score.read(RecordBatch(tp, records, records[-1].offset + 1, 1, 0)):
            letters += [letter.value or b"" for letter in work.letters]
            self.counts.update({f"searches {verdict}": number for verdict, number in work.verdicts.items()})
            if len(work.pages):
                scored = self._loop.run_until_complete(self._pool.score(work.pages.pairs()))
                self._scores(partition, encode_scores(work.pages.block(scored)))
        return letters

    def _scores(self, partition: EvaluatePartition, value: bytes) -> None:
        offset = partition.scores.position
        partition.apply(
            partition.scores.tp, [Sent("match-scores", partition.number, offset, 0, None, value)], offset + 1
        )

    def _clicks(self, tp: TP, records: list[Sent]) -> list[bytes]:
        rows = self.evaluate[tp.partition].apply(tp, records, records[-1].offset + 1)
        return [letter.value or b"" for row in rows for letter in row.letters]

    def _close(self) -> None:
        for partition in self.evaluate:
            closed = partition.fold.close()
            wall_ms = time.time_ns() // 1_000_000
            self.kept = [*closed, *self.kept][:500]
            for record in [*closed, partition.fold.control(PARTITIONS, wall_ms, idle=False)]:
                self._rollup_offset += 1
                for output in self.detect.apply(read_rollup(encode_rollup(record), PARTITIONS), self._rollup_offset):
                    if isinstance(output, SignalBatch):
                        self.counts["signals"] += len(output.points)
                        encode_signals(output.points)
                    else:
                        self.counts["alerts"] += 1
            self.counts["rollups"] += len(closed)


def _reasons(letters: list[bytes]) -> dict[tuple[str, int, int], str]:
    found = {}
    for letter in map(json.loads, letters):
        origin = letter["origin"]
        found[origin["topic"], origin["partition"], origin["offset"]] = letter["reason"]
    return found
