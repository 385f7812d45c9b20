"""Search events as columns: the distinct items of each page in order of position, ready for the pool and the block."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from inference.pairs import PairBatch, ScoredBatch
from schemas.events import Result, SearchEvent
from schemas.rollup import OTHER, UNKNOWN
from schemas.scores import (
    FLAG_MISROUTED,
    FLAG_UNKNOWN_FIELDS,
    FLAG_UNSCORED,
    LONGEST_NAME,
    NULL_SCORE,
    SCORE_STEPS,
    Column,
    ScoreBlock,
    Series,
    id_hash,
)
from streams.stages.item_texts import ItemTexts

LONGEST_VALUE: Final = 64
"""Characters kept of a segment value or category."""
MAX_TEXTS: Final = 1000
"""Distinct values of one column of a block."""
_CATEGORY_SOURCE: Final = "results.category"
_ATTRIBUTE_PREFIX: Final = "query_attributes."
_MAX_KNOWN_IDS: Final = 500_000
_AS_SENT: Final = 1 << 31
"""Positions up to here are stored as they are."""
_IN_ORDER: Final = list(range(1, 101))
"""Positions as nearly every page has them: one comparison instead of a sort."""


class IdHashes:
    """Remembers the hashes of object ids, which come again and again; bounded by forgetting all at once."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def of(self, texts: Sequence[str]) -> list[int]:
        """Give `id_hash` of each text."""
        if len(self._known) + len(texts) > _MAX_KNOWN_IDS:
            self._known.clear()
        known = self._known
        hashes = list(map(known.get, texts))
        if None in hashes:
            for text in texts:
                if text not in known:
                    known[text] = id_hash(text)
        return [known[text] for text in texts] if None in hashes else cast(list[int], hashes)


def text_column(values: Sequence[str]) -> Column:
    """Give a column of texts; long ones are cut, and those beyond MAX_TEXTS distinct ones are `other`."""
    distinct = dict.fromkeys(values)
    if len(distinct) > MAX_TEXTS:
        kept = set(itertools.islice(distinct, MAX_TEXTS - 1))
        values = [value if value in kept else OTHER for value in values]
        distinct = dict.fromkeys(values)
    numbers = {value: number for number, value in enumerate(distinct)}
    index = np.fromiter(map(numbers.__getitem__, values), dtype="<u2", count=len(values))
    return Column([value[:LONGEST_VALUE] for value in numbers], index.tobytes())


@dataclass(slots=True)
class SearchPages:
    """n searches, ready to be scored and written; lists are in the order of the log."""

    events: list[SearchEvent] = field(default_factory=list)
    source_offsets: list[int] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)
    item_counts: list[int] = field(default_factory=list)
    missing_titles: list[int] = field(default_factory=list)
    object_ids: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    titles: list[str | None] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.events)

    def add(self, event: SearchEvent, source_offset: int, items: ItemTexts, *, unknown_fields: bool) -> None:
        """Add one search; `mark_misrouted` comes later, for all at once."""
        page = distinct_items(event.results)
        object_ids = [result.object_id for result in page]
        titles = [result.title for result in page]
        categories = [result.category for result in page]
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
        self.positions += [result.position for result in page]
        self.titles += titles
        self.categories += cast(list[str], categories)
        self.events.append(event)
        self.source_offsets.append(source_offset)
        self.flags.append(FLAG_UNKNOWN_FIELDS if unknown_fields else 0)
        self.item_counts.append(len(page))
        self.missing_titles.append(missing)

    def mark_misrouted(self, wrong: NDArray[np.bool_]) -> None:
        """Flag the searches that lie in a partition their id does not belong to, shape (n,)."""
        for place in np.flatnonzero(wrong):
            self.flags[place] |= FLAG_MISROUTED

    def pairs(self) -> PairBatch:
        """Give what the pool scores."""
        return PairBatch(
            queries=[event.user_query for event in self.events],
            object_ids=self.object_ids,
            texts=self.titles,
            lengths=np.array(self.item_counts, dtype=np.int32),
        )

    def block(self, scored: ScoredBatch | None, segments: Mapping[str, str], hashes: IdHashes) -> ScoreBlock:
        """Give the record of `match-scores`.

        Args:
            scored: what the pool said; None where it did not answer.
            segments: where a search holds the value of each dimension.
            hashes: of object ids.
        """
        count, items = len(self.events), len(self.object_ids)
        scores = np.full(items, NULL_SCORE, dtype="<u2")
        tokens = unknown_tokens = np.zeros(count, dtype="<u4")
        flags = np.array(self.flags, dtype=np.uint8)
        if scored is None:
            flags |= FLAG_UNSCORED
        else:
            known = ~np.isnan(scored.scores)
            scores[known] = np.rint(scored.scores[known].astype(np.float64) * SCORE_STEPS).astype("<u2")
            tokens = scored.token_counts.astype("<u4")
            unknown_tokens = scored.unknown_token_counts.astype("<u4")
        series: dict[tuple[str, str, str, str], int] = {}
        series_index = [
            series.setdefault(
                (
                    event.application[:LONGEST_NAME],
                    event.surface,
                    event.model.name[:LONGEST_NAME],
                    event.model.version[:LONGEST_NAME],
                ),
                len(series),
            )
            for event in self.events
        ]
        latencies = [np.nan if event.latency_ms is None else event.latency_ms for event in self.events]
        return ScoreBlock(
            match_model=(scored.model.name, scored.model.version) if scored else ("", ""),
            scoring_ms=scored.scoring_ms if scored else 0.0,
            source_offsets=np.array(self.source_offsets, dtype="<i8").tobytes(),
            times_ms=np.array([event.time_ms for event in self.events], dtype="<i8").tobytes(),
            query_ids=np.array([id_hash(event.query_id) for event in self.events], dtype="<u8").tobytes(),
            series=[Series(*names) for names in series],
            series_index=np.array(series_index, dtype="<u2").tobytes(),
            latencies_ms=np.array(latencies, dtype="<f8").tobytes(),
            flags=flags.tobytes(),
            missing_titles=np.array(self.missing_titles, dtype="<u4").tobytes(),
            tokens=tokens.tobytes(),
            unknown_tokens=unknown_tokens.tobytes(),
            item_counts=np.array(self.item_counts, dtype="<u4").tobytes(),
            item_ids=np.array(hashes.of(self.object_ids), dtype="<u8").tobytes(),
            positions=_position_column(self.positions, self.item_counts),
            scores=scores.tobytes(),
            categories=text_column(self.categories),
            segments={name: self._segment(source) for name, source in segments.items()},
        )

    def _segment(self, source: str) -> Column:
        if source == _CATEGORY_SOURCE:
            return text_column(self._first_categories())
        attribute = source.removeprefix(_ATTRIBUTE_PREFIX)
        return text_column([segment_value(event.query_attributes.get(attribute)) for event in self.events])

    def _first_categories(self) -> list[str]:
        """Give the category of each search's uppermost item: what the page is about."""
        values, item = [], 0
        for count in self.item_counts:
            values.append(self.categories[item] if count else UNKNOWN)
            item += count
        return values


def _position_column(positions: Sequence[int], item_counts: Sequence[int]) -> bytes:
    if max(positions, default=0) > _AS_SENT:  # JSON's integers have no end
        ends = list(itertools.accumulate(item_counts))
        pages = [positions[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        positions = [position for page in pages for position in compact_positions(page)]
    return np.array(positions, dtype="<u4").tobytes()


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
    if positions != _IN_ORDER[: len(positions)] and positions != sorted(positions):
        results = sorted(results, key=lambda result: result.position)
    if len({result.object_id for result in results}) == len(results):
        return results
    first: dict[str, Result] = {}
    for result in results:
        first.setdefault(result.object_id, result)
    return list(first.values())


def segment_value(value: Any) -> str:
    """Give a segment value as text: `unknown` where absent or not a plain value."""
    if isinstance(value, str):
        return value[:LONGEST_VALUE] or UNKNOWN
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:LONGEST_VALUE] if isinstance(value, int | float) else UNKNOWN
