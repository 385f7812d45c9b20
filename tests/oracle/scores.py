"""Scores from the records of `match-scores`, read by the documented layout and held against the files' searches."""

import struct
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import xxhash

from tests.oracle.contracts import Search

SCORE_STEPS = 4096
NULL_SCORE = 0xFFFF

# Where each column stands behind the tag "block"; little-endian.
SOURCE_OFFSETS, TIMES_MS, QUERY_IDS, ITEM_COUNTS, ITEM_IDS, POSITIONS, SCORES = 3, 4, 5, 13, 14, 15, 16


@lru_cache(maxsize=1 << 20)
def id_hash(text: str) -> int:
    """Hash an id as the layout says: XXH3, 64 bits, of its UTF-8."""
    return xxhash.xxh3_64_intdigest(text.encode())


@dataclass(frozen=True)
class ScoredSearch:
    """One search as the score stage wrote it."""

    time_ms: int
    item_ids: list[int]
    positions: list[int]
    scores: list[int]


def searches_of(block: list[Any]) -> Iterator[tuple[int, int, ScoredSearch]]:
    """Take a block apart into (source offset, query id hash, search)."""

    def column(index: int, kind: str) -> list[int]:
        values: list[int] = np.frombuffer(block[index], dtype=kind).tolist()
        return values

    counts = column(ITEM_COUNTS, "<u4")
    item_ids, positions, scores = column(ITEM_IDS, "<u8"), column(POSITIONS, "<u4"), column(SCORES, "<u2")
    begin = 0
    for offset, time_ms, query_id, count in zip(
        column(SOURCE_OFFSETS, "<i8"), column(TIMES_MS, "<i8"), column(QUERY_IDS, "<u8"), counts, strict=True
    ):
        items = slice(begin, begin + count)
        yield offset, query_id, ScoredSearch(time_ms, item_ids[items], positions[items], scores[items])
        begin += count


class ScoredSearches:
    """All scored searches by partition and query id; repeats of an id in source order.

    What a restarted score stage wrote again is recognised by its source offset: the first writing counts.
    """

    def __init__(self, records: Iterable[tuple[int, bytes]]) -> None:
        self._waiting: dict[tuple[int, int], deque[ScoredSearch]] = defaultdict(deque)
        last_offset: dict[int, int] = {}
        for partition, value in records:
            record = msgspec.msgpack.decode(value)
            if record[0] != "block":
                continue
            for offset, query_id, search in searches_of(record):
                if offset > last_offset.get(partition, -1):
                    last_offset[partition] = offset
                    self._waiting[partition, query_id].append(search)

    def take(self, partition: int, search: Search) -> tuple[list[int] | None, str | None]:
        """Give the scores of the next search with this id, one for each of its items, or say what is wrong."""
        name = f"search {search.query_id!r} in partition {partition}"
        waiting = self._waiting.get((partition, id_hash(search.query_id)))
        if not waiting:
            return None, f"{name} is not in match-scores"
        scored = waiting.popleft()
        if scored.time_ms != search.time_ms:
            return None, f"{name} has time {search.time_ms}, in match-scores {scored.time_ms}"
        if scored.item_ids != [id_hash(object_id) for object_id, _ in search.items]:
            return None, f"{name} has other items in match-scores"
        if scored.positions != [min(position, 0xFFFFFFFF) for _, position in search.items]:
            return None, f"{name} has other positions in match-scores"
        if any(SCORE_STEPS < score != NULL_SCORE for score in scored.scores):
            return None, f"{name} has a score above 1 in match-scores"
        return scored.scores, None

    def leftovers(self) -> list[str]:
        """Name what was scored although no valid line of the files stands for it."""
        return [
            f"match-scores[{partition}] holds query id hash {query_id:#x} {len(waiting)} times more than the files"
            for (partition, query_id), waiting in self._waiting.items()
            if waiting
        ]


def write_scores(path: Path, records: Iterable[tuple[int, bytes]]) -> None:
    """Keep (partition, value) of records of `match-scores` in a file: two uint32 and the value, one after another."""
    with path.open("wb") as file:
        for partition, value in records:
            file.write(struct.pack("<II", partition, len(value)))
            file.write(value)


def read_scores(path: Path) -> Iterator[tuple[int, bytes]]:
    """Read back what `write_scores` kept."""
    data = path.read_bytes()
    at = 0
    while at < len(data):
        partition, length = struct.unpack_from("<II", data, at)
        at += 8
        yield partition, data[at : at + length]
        at += length
