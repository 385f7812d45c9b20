"""Rollups of cohorts that are not complete yet, by partition; and which came before."""

from enum import StrEnum
from typing import Any, Final

import msgspec
import xxhash

from detectors.bounded_values import bound_values
from detectors.rollup_merge import merge
from schemas.rollup import Rollup, Sketch, encode_rollup
from schemas.scores import Series

REMEMBERED_COHORTS: Final = 60
"""Decided cohorts of each horizon whose rollups are known again: evaluate repeats what it wrote since a commit."""
REMEMBERED_ROLLUPS: Final = 10_000
"""At most so many of them, over all horizons."""
PART_BYTES: Final = 250_000
"""About how large a part of the state becomes, far below what a broker takes."""

ROW_BYTES: Final = 40
"""Room for one remembered rollup beside its series' name."""

_encoder: Final = msgspec.msgpack.Encoder(order="deterministic")


class Arrival(StrEnum):
    """What a rollup is when it arrives."""

    FIRST = "first"
    REPEAT = "repeat"
    DIFFERING = "differing"
    """A repeat that says something else than the first did."""
    LATE = "late"
    """Its cohort has been decided without it."""


class PendingRollups:
    """The first rollup of each (series, cohort, horizon, partition), until its cohort is decided.

    Args:
        max_segment_values: values that the sum over partitions keeps for each segment dimension.
    """

    def __init__(self, max_segment_values: int = 50) -> None:
        self._max_segment_values = max_segment_values
        self._cohorts: dict[tuple[int, int], dict[tuple[Series, int], Rollup]] = {}
        self._hashes: dict[tuple[int, int], dict[tuple[Series, int], int]] = {}
        self._decided_through: dict[int, int] = {}

    def take(self, rollup: Rollup) -> Arrival:
        """Keep a rollup, unless it has come before or too late."""
        cohort = (rollup.horizon_s, rollup.cohort_start_ms)
        who = (rollup.series, rollup.partition)
        digest = _digest(rollup)
        known = self._hashes.get(cohort, {}).get(who)
        if known is not None:
            return Arrival.REPEAT if known == digest else Arrival.DIFFERING
        if rollup.cohort_start_ms < self._decided_through.get(rollup.horizon_s, rollup.cohort_start_ms):
            return Arrival.LATE
        self._hashes.setdefault(cohort, {})[who] = digest
        self._cohorts.setdefault(cohort, {})[who] = rollup
        return Arrival.FIRST

    def cohorts(self, horizon_s: int) -> list[int]:
        """Give the starts of the cohorts that wait, ascending."""
        return sorted(start for horizon, start in self._cohorts if horizon == horizon_s)

    def decide(self, horizon_s: int, start_ms: int) -> dict[Series, Rollup]:
        """Take a cohort out, summed over partitions; what comes for it from now on is late."""
        merged: dict[Series, Rollup] = {}
        waiting = self._cohorts.pop((horizon_s, start_ms), {})
        for (series, _), rollup in sorted(waiting.items(), key=lambda item: item[0]):
            merged[series] = merge(merged[series], rollup) if series in merged else rollup
        # Each partition keeps its own most frequent values: together they may be as many times more.
        return {series: bound_values(rollup, self._max_segment_values) for series, rollup in merged.items()}

    def decided_through(self, horizon_s: int, through_ms: int, bucket_s: int) -> None:
        """Say that every cohort before `through_ms` has been decided."""
        self._decided_through[horizon_s] = max(through_ms, self._decided_through.get(horizon_s, through_ms))
        oldest = through_ms - REMEMBERED_COHORTS * bucket_s * 1000
        for cohort in [key for key in self._hashes if key[0] == horizon_s and key[1] < oldest]:
            if cohort not in self._cohorts:
                del self._hashes[cohort]
        remembered = sum(map(len, self._hashes.values()))
        if remembered <= REMEMBERED_ROLLUPS:
            return
        for start_ms, horizon in sorted((key[1], key[0]) for key in self._hashes if key not in self._cohorts):
            remembered -= len(self._hashes.pop((horizon, start_ms)))
            if remembered <= REMEMBERED_ROLLUPS:
                return

    def state(self) -> list[dict[str, Any]]:
        """Give everything as plain numbers and names: what is decided, what is known, what waits, in bounded parts."""
        known = [
            (who[0], [horizon_s, start_ms, who[1], digest])
            for (horizon_s, start_ms), group in self._hashes.items()
            for who, digest in group.items()
        ]
        known.sort(key=lambda entry: entry[0])  # of one series together, so that its name is written once a part
        parts: list[dict[str, Any]] = [{"decided_through": dict(self._decided_through)}]
        room = 0
        for series, row in known:
            repeated = "known" in parts[-1] and parts[-1]["known"][-1][0] == msgspec.to_builtins(series)
            size = ROW_BYTES + (0 if repeated else len(_encoder.encode(series)))
            if size > room or "known" not in parts[-1]:
                parts.append({"known": []})
                room, repeated = PART_BYTES, False
            if not repeated:
                parts[-1]["known"].append([msgspec.to_builtins(series), []])
            parts[-1]["known"][-1][1].append(row)
            room -= size
        room = 0
        for rollup in (rollup for group in self._cohorts.values() for rollup in group.values()):
            size = len(encode_rollup(rollup))
            if size > room or "waiting" not in parts[-1]:
                parts.append({"waiting": []})
                room = PART_BYTES
            parts[-1]["waiting"].append(msgspec.to_builtins(rollup))
            room -= size
        return parts

    def restore(self, parts: list[dict[str, Any]]) -> None:
        """Take up where another one gave its `state`."""
        for part in parts:
            for horizon_s, end in part.get("decided_through", {}).items():
                self._decided_through[int(horizon_s)] = end
            for plain_series, rows in part.get("known", []):
                series = msgspec.convert(plain_series, Series)
                for horizon_s, start_ms, partition, digest in rows:
                    self._hashes.setdefault((horizon_s, start_ms), {})[series, partition] = digest
            for plain in part.get("waiting", []):
                rollup = msgspec.convert(plain, Rollup)
                cohort = (rollup.horizon_s, rollup.cohort_start_ms)
                self._cohorts.setdefault(cohort, {})[rollup.series, rollup.partition] = rollup


def _digest(rollup: Rollup) -> int:
    """Hash a rollup, whatever order its tables were filled in."""
    latency, scoring = rollup.latency_ms, rollup.scoring_ms
    rest = msgspec.structs.replace(rollup, latency_ms=Sketch(), scoring_ms=Sketch())
    sketches = [(x.count, x.total, x.zeros, sorted(x.bins.items())) for x in (latency, scoring)]
    return xxhash.xxh3_64_intdigest(_encoder.encode((rest, sketches)))
