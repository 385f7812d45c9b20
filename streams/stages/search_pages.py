"""Search events as columns: the distinct items of each page in order of position, ready for the pool and the block."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from detectors.score_columns import spread
from inference.pairs import PairBatch, ScoredBatch
from schemas.events import Result, SearchEvent
from schemas.rollup import UNKNOWN
from schemas.scores import (
    FLAG_MISROUTED,
    FLAG_UNKNOWN_FIELDS,
    FLAG_UNSCORED,
    LONGEST_NAME,
    NULL_SCORE,
    SCORE_STEPS,
    ScoreBlock,
    Series,
    hash_bytes,
)
from schemas.wire import SearchRecord
from streams.stages.id_hashes import IdHashes
from streams.stages.item_texts import ItemTexts
from streams.stages.text_columns import TextNumbers, segment_value

_CATEGORY_SOURCE: Final = "results.category"
_ATTRIBUTE_PREFIX: Final = "query_attributes."
_AS_SENT: Final = 1 << 31
"""Positions up to here are stored as they are."""
_IN_ORDER: Final = list(range(1, 1001))
"""Positions as nearly every page has a part of them: one comparison instead of a sort."""


class SearchPages:
    """n searches, ready to be scored and written, in the order of the log.

    What a block needs of an event is taken at once, while it is in the processor's cache; the event itself is let go.

    Args:
        segments: where a search holds the value of each dimension.
        hashes: of object ids.
    """

    def __init__(self, segments: Mapping[str, str], hashes: IdHashes) -> None:
        self._hashes = hashes
        self.keys: list[bytes] = []
        """Query ids."""
        self.object_ids: list[str] = []
        """Of all pages, one behind the other."""
        self._queries: list[str] = []
        self._titles: list[str | None] = []
        self._source_offsets: list[int] = []
        self._times_ms: list[int] = []
        self._query_ids: list[int] = []
        self._latencies_ms: list[float | None] = []
        self._flags: list[int] = []
        self._item_counts: list[int] = []
        self._missing_titles: list[int] = []
        self._item_ids: list[bytes] = []
        self._unusual_positions: dict[int, Sequence[int]] = {}
        """By number of the search; the others' are 1, 2, 3 and so on."""
        self._series_numbers: dict[tuple[str, str, str, str], int] = {}
        self._series: list[int] = []
        self._categories = TextNumbers()
        self._segments = {name: TextNumbers() for name in segments}
        self._first_category = [name for name, source in segments.items() if source == _CATEGORY_SOURCE]
        self._attributes = [
            (source.removeprefix(_ATTRIBUTE_PREFIX), self._segments[name])
            for name, source in segments.items()
            if source != _CATEGORY_SOURCE
        ]

    def __len__(self) -> int:
        return len(self.keys)

    def add(
        self,
        event: SearchEvent | SearchRecord,
        time_ms: int,
        source_offset: int,
        items: ItemTexts,
        *,
        unknown_fields: bool,
    ) -> None:
        """Add one search; `mark_misrouted` comes later, for all at once."""
        self._add_page(event.results, items)
        key = event.query_id.encode()
        self.keys.append(key)
        self._query_ids.append(hash_bytes(key))
        self._queries.append(event.user_query)
        self._times_ms.append(time_ms)
        self._source_offsets.append(source_offset)
        self._latencies_ms.append(event.latency_ms)
        self._flags.append(FLAG_UNKNOWN_FIELDS if unknown_fields else 0)
        names = (event.application, event.surface, event.model.name, event.model.version)
        self._series.append(self._series_numbers.setdefault(names, len(self._series_numbers)))
        for attribute, column in self._attributes:
            column.append(segment_value(event.query_attributes.get(attribute)))

    def _add_page(self, results: Sequence[Result], items: ItemTexts) -> None:
        positions = [result.position for result in results]
        object_ids = [result.object_id for result in results]
        before = positions[0] - 1 if positions else 0
        if positions != _IN_ORDER[before : before + len(positions)] or len(set(object_ids)) != len(object_ids):
            results = distinct_items(results)
            object_ids = [result.object_id for result in results]
            self._unusual_positions[len(self._item_counts)] = [result.position for result in results]
        elif before:
            self._unusual_positions[len(self._item_counts)] = positions
        titles = [result.title for result in results]
        categories = [result.category for result in results]
        missing = 0
        if not all(titles):
            titles = [title or items.title(name) for title, name in zip(titles, object_ids, strict=True)]
            missing = sum(not title for title in titles)
        if not all(categories):
            categories = [
                category or items.category(name) or UNKNOWN
                for category, name in zip(categories, object_ids, strict=True)
            ]
        self.object_ids += object_ids
        self._item_ids.append(self._hashes.column(object_ids))
        self._titles += titles
        self._categories.extend(cast(list[str], categories))
        self._item_counts.append(len(object_ids))
        self._missing_titles.append(missing)
        for name in self._first_category:  # the category of the uppermost item: what the page is about
            self._segments[name].append(cast(str, categories[0]) if categories else UNKNOWN)

    def mark_misrouted(self, wrong: NDArray[np.bool_]) -> None:
        """Flag the searches that lie in a partition their id does not belong to, shape (n,)."""
        for place in np.flatnonzero(wrong):
            self._flags[place] |= FLAG_MISROUTED

    def pairs(self) -> PairBatch:
        """Give what the pool scores."""
        return PairBatch(
            queries=self._queries,
            object_ids=self.object_ids,
            texts=self._titles,
            lengths=np.array(self._item_counts, dtype=np.int32),
        )

    def block(self, scored: ScoredBatch | None) -> ScoreBlock:
        """Give the record of `match-scores`.

        Args:
            scored: what the pool said; None where it did not answer.
        """
        scores = np.full(len(self.object_ids), NULL_SCORE, dtype="<u2")
        tokens = unknown_tokens = np.zeros(len(self), dtype="<u4")
        flags = np.array(self._flags, dtype=np.uint8)
        if scored is None:
            flags |= FLAG_UNSCORED
        else:
            known = ~np.isnan(scored.scores)
            scores[known] = np.rint(scored.scores[known].astype(np.float64) * SCORE_STEPS).astype("<u2")
            tokens = scored.token_counts.astype("<u4")
            unknown_tokens = scored.unknown_token_counts.astype("<u4")
        series, series_index = self._cut_series()
        return ScoreBlock(
            match_model=(scored.model.name, scored.model.version) if scored else ("", ""),
            scoring_ms=scored.scoring_ms if scored else 0.0,
            source_offsets=np.array(self._source_offsets, dtype="<i8").tobytes(),
            times_ms=np.array(self._times_ms, dtype="<i8").tobytes(),
            query_ids=np.array(self._query_ids, dtype="<u8").tobytes(),
            series=series,
            series_index=series_index.tobytes(),
            latencies_ms=np.array(self._latencies_ms, dtype="<f8").tobytes(),  # None becomes NaN
            flags=flags.tobytes(),
            missing_titles=np.array(self._missing_titles, dtype="<u4").tobytes(),
            tokens=tokens.tobytes(),
            unknown_tokens=unknown_tokens.tobytes(),
            item_counts=np.array(self._item_counts, dtype="<u4").tobytes(),
            item_ids=b"".join(self._item_ids),
            positions=self._positions().tobytes(),
            scores=scores.tobytes(),
            categories=self._categories.column(),
            segments={name: column.column() for name, column in self._segments.items()},
        )

    def _cut_series(self) -> tuple[list[Series], NDArray[np.uint16]]:
        """Give the series with names of bounded length; cut, two of them may have become one."""
        cut = [tuple(name[:LONGEST_NAME] for name in names) for names in self._series_numbers]
        distinct = list(dict.fromkeys(cut))
        numbers = np.array([distinct.index(names) for names in cut], dtype="<u2")
        return [Series(*names) for names in distinct], numbers[self._series]

    def _positions(self) -> NDArray[np.uint32]:
        counts = np.array(self._item_counts, dtype=np.int64)
        firsts = np.cumsum(counts) - counts
        positions = spread(np.ones_like(counts), counts).astype("<u4")
        for number, page in self._unusual_positions.items():
            positions[firsts[number] : firsts[number] + counts[number]] = compact_positions(page)
        return positions


def compact_positions(page: Sequence[int]) -> Sequence[int]:
    """Give a page's positions in 32 bits, keeping what is asked of them: order, equality, and who follows directly.

    Positions beyond 2³¹ are renumbered with steps of 0, 1 and 2 (for a gap of any size).

    Args:
        page: ascending, from 1.

    >>> [position - _AS_SENT for position in compact_positions([_AS_SENT, 10**30, 10**30 + 1, 10**40])]
    [0, 2, 3, 5]
    """
    if not page or page[-1] <= _AS_SENT:
        return page
    compact: list[int] = []
    before, last = _AS_SENT, _AS_SENT
    for position in page:
        if position > _AS_SENT:
            last += min(position - before, 2)
            before = position
        compact.append(min(position, last))
    return compact


def distinct_items(results: Sequence[Result]) -> Sequence[Result]:
    """Give the distinct items of a page in order of position; of an item shown twice, its uppermost place."""
    positions = [result.position for result in results]
    if positions != sorted(positions):
        results = sorted(results, key=lambda result: result.position)
    first: dict[str, Result] = {}
    for result in results:
        first.setdefault(result.object_id, result)
    return list(first.values())
