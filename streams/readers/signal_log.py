"""The topic `signals` as a reader wants it: each point once, and only what is asked for."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec
import xxhash

from detectors.worker_watch import WORKER_SIGNALS
from schemas.scores import PIPELINE, Series
from schemas.signals import SignalPoint
from schemas.timestamps import format_timestamp
from streams.readers.rollup_row import series_names
from streams.readers.topic_reader import TopicReader

_decoder: Final = msgspec.json.Decoder(list[SignalPoint])


def read_signals(
    reader: TopicReader, *, series: str = "*", signal: str = "*", last: int | None = None
) -> Iterator[SignalPoint]:
    """Give the points of `signals`, as they were written; what a worker wrote again after a crash is left out.

    Args:
        reader: of `signals`.
        series: pattern for `application/surface/model/version`, with *, ? and [...].
        signal: pattern for the signal's name.
        last: of each horizon only so many of the newest cohorts, ascending; None: all.
    """
    points = _points(reader, series, signal)
    if last is None:
        yield from points
        return
    # The pipeline's own signals wait for no late event: they are ahead of those of the shop. Workers have a clock of
    # their own.
    newest: dict[tuple[int, bool, bool], dict[int, list[SignalPoint]]] = {}
    for point in points:
        kind = (point.horizon_s, point.series == PIPELINE, point.signal in WORKER_SIGNALS)
        cohorts = newest.setdefault(kind, {})
        cohorts.setdefault(point.cohort_start_ms, []).append(point)
        if len(cohorts) > last:
            del cohorts[min(cohorts)]
    found = [(start_ms, kind) for kind, cohorts in newest.items() for start_ms in cohorts]
    for start_ms, kind in sorted(found):
        yield from newest[kind][start_ms]


def signal_row(point: SignalPoint) -> dict[str, Any]:
    """Give a point as a flat JSON object: what `matchwatch signals --json` prints."""
    return {
        "signal": point.signal,
        "series": series_names(point.series),
        "cohort_start": format_timestamp(point.cohort_start_ms),
        "bucket_s": point.bucket_s,
        "horizon_s": point.horizon_s,
        "n": point.n,
        "value": point.value,
        "reason": point.reason,
        "standard_error": point.standard_error,
        "numerator": point.numerator,
        "denominator": point.denominator,
    }


def series_path(series: Series) -> str:
    """Write a series as patterns see it."""
    return f"{series.application}/{series.surface}/{series.model}/{series.version}"


def _points(reader: TopicReader, series: str, signal: str) -> Iterator[SignalPoint]:
    seen: set[int] = set()
    for record in reader.to_end():
        for point in reader.decode(record, _decoder.decode) or ():
            if not fnmatchcase(point.signal, signal) or not fnmatchcase(series_path(point.series), series):
                continue
            identity = f"{point.cohort_start_ms} {point.horizon_s} {point.signal} {series_path(point.series)}"
            digest = xxhash.xxh3_64_intdigest(identity.encode())
            if digest not in seen:
                seen.add(digest)
                yield point
