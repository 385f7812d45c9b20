"""Fuzz what the stages read of matchwatch's own topics: records there are broken, too, and stop nobody."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any, Final

import msgspec

from detectors.checkpoint import Checkpoint, LogMark
from detectors.detect_fold import DetectFold
from detectors.detect_fold_settings import DetectFoldSettings
from schemas.errors import CommitUnreadable
from schemas.rollup import encode_rollup
from schemas.scores import encode_scores
from streams.stages.detect import UNUSABLE_STATE
from streams.stages.rollup_records import NotARollup, read_rollup
from streams.stages.score_line import read_totals
from streams.transport import TP, RecordBatch
from tests.fuzz.mutator import Mutator
from tests.fuzz.shop import PARTITIONS, FuzzedShop, Sent
from tests.fuzz.stages import InProcess, fuzz_settings

ODD: Final[tuple[Any, ...]] = (
    *(None, True, -1, 0, 1, 2**31, 2**53, 2**62, 2**63, 2**64 - 1, -(2**63), 0.5, 1e308, -1e308),
    *(
        float("nan"),
        float("inf"),
        "",
        "x",
        "运动" * 200,
        b"",
        b"\xff" * 7,
        b"\x00" * 64,
        [],
        [[]],
        {},
        {"x": 1},
        [0] * 70,
    ),
)


class Breaker:
    """Breaks MessagePack records by structure and by bytes."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        self._bytewise = Mutator(self._rng)

    def broken(self, record: bytes) -> bytes:
        """Give the record with something changed."""
        return self.broken_bytes(record) if self._rng.random() < 0.3 else self.broken_structure(record)

    def broken_bytes(self, record: bytes) -> bytes:
        """Give the record with some bytes changed."""
        return self._bytewise.raw(record) or b""

    def broken_structure(self, record: bytes) -> bytes:
        """Give the record with some values changed."""
        value = msgspec.msgpack.decode(record, strict=False)
        for _ in range(self._rng.choice((1, 1, 1, 2, 4))):
            places = list(_places(value))
            if not places:
                break
            container, key = self._rng.choice(places)
            self._change(container, key)
        try:
            return msgspec.msgpack.encode(value)
        except OverflowError:  # an integer beyond 64 bits has no MessagePack
            return record

    def _change(self, container: Any, key: Any) -> None:
        draw = self._rng.random()
        if draw < 0.1:
            del container[key]
        elif draw < 0.25 and type(container[key]) in (int, float):
            container[key] = self._rng.choice((-1, 1, 2, 1000)) * container[key] + self._rng.choice((-1, 0, 1))
        elif draw < 0.4 and type(container[key]) is bytes:
            container[key] = self._bytewise.raw(container[key]) or b""
        elif draw < 0.5 and type(container[key]) is list:
            container[key] = container[key] * 2
        else:
            container[key] = deepcopy(self._rng.choice(ODD))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from _places(inner)


def fuzz_inner(records: int, seed: int) -> Counter[str]:
    """Break so many records of each inner topic; gives how many were read and left out.

    Raises:
        Exception: whatever a stage would have ended with.
    """
    samples = _Samples(seed)
    breaker = Breaker(seed)
    counts: Counter[str] = Counter()
    steps: tuple[Callable[[], None], ...] = (
        lambda: samples.scores(breaker, counts),
        lambda: samples.rollup(breaker, counts),
        lambda: samples.state(breaker, counts),
        lambda: samples.metadata(breaker, counts),
    )
    try:
        for number in range(records):
            steps[number % 3 if number % 50 else 3]()
    finally:
        samples.close()
    return counts


class _Samples:
    """Valid records of each inner topic, and their readers."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        settings = fuzz_settings()
        stages = InProcess(settings)
        shop = FuzzedShop(seed, untouched=0.9)
        self._scores: list[bytes] = []
        self._rollups: list[bytes] = []
        for _ in range(60):
            batch = [shop.next() for _ in range(200)]
            searches = [sent for sent in batch if sent.topic == "search-events"]
            for number in range(PARTITIONS):
                records = [sent for sent in searches if sent.partition == number]
                tp = TP("search-events", number)
                for work in stages.score.read(RecordBatch(tp, records, records[-1].offset + 1, 1, 0)):
                    if len(work.pages):
                        self._scores.append(encode_scores(work.pages.block(None)))
            stages.take(batch)
        self._stages = stages
        self._broken = InProcess(settings)
        self._settings = DetectFoldSettings(bucket_s=settings.fold.bucket_s)
        self._state = stages.detect.state()
        self._rollups = [encode_rollup(record) for record in stages.kept]
        self._detect = DetectFold(self._settings)
        self._offset = 0

    def close(self) -> None:
        self._stages.close()
        self._broken.close()

    def scores(self, breaker: Breaker, counts: Counter[str]) -> None:
        partition = self._broken.evaluate[0]
        offset = partition.scores.position
        value = breaker.broken(self._rng.choice(self._scores))
        before = partition.fold.totals.get("unreadable_score_records", 0)
        partition.apply(partition.scores.tp, [Sent("match-scores", 0, offset, 0, None, value)], offset + 1)
        left_out = partition.fold.totals.get("unreadable_score_records", 0) - before
        counts["match-scores left out" if left_out else "match-scores read"] += 1
        if offset % 50 == 0:
            for rollup in partition.fold.close():
                encode_rollup(rollup)
            partition.fold.checkpoint(offset, 0, "hash").encode()
        if offset % 500 == 0:  # a wild time makes all that follows late
            self._broken.evaluate[0] = self._broken.new_partition(0)

    def rollup(self, breaker: Breaker, counts: Counter[str]) -> None:
        self._offset += 1
        try:
            record = read_rollup(breaker.broken(self._rng.choice(self._rollups)), PARTITIONS)
        except (msgspec.DecodeError, NotARollup):
            counts["rollups left out"] += 1
            return
        counts["rollups read"] += 1
        self._detect.apply(record, self._offset)
        if self._offset % 100 == 0:
            msgspec.msgpack.encode(self._detect.state())
        if self._offset % 500 == 0:
            self._detect = DetectFold(self._settings)

    def state(self, breaker: Breaker, counts: Counter[str]) -> None:
        state = dict(self._state)
        name = self._rng.choice([*state, "fold"])
        try:
            state[name] = msgspec.msgpack.decode(breaker.broken(msgspec.msgpack.encode(state[name])), strict=False)
            fold = DetectFold.from_state(state, self._settings)
        except UNUSABLE_STATE:
            counts["detector-state left out"] += 1
            return
        counts["detector-state read"] += 1
        fold.state()

    def metadata(self, breaker: Breaker, counts: Counter[str]) -> None:
        point = Checkpoint(LogMark(10, 5, 3), LogMark(20, 5), {0: 1, 60: 1}, {"accepted_searches": 7}, "hash")
        plain = msgspec.json.decode(point.encode())
        if self._rng.random() < 0.7:
            plain = msgspec.msgpack.decode(breaker.broken_structure(msgspec.msgpack.encode(plain)), strict=False)
            broken = json.dumps(plain, default=str).encode()
        else:
            broken = breaker.broken_bytes(point.encode().encode())
        text = broken.decode("utf-8", "surrogateescape" if self._rng.random() < 0.1 else "replace")
        read_totals(text)
        try:
            Checkpoint.decode(text)
        except CommitUnreadable:
            counts["commit metadata left out"] += 1
        else:
            counts["commit metadata read"] += 1
