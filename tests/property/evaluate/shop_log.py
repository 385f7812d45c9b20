"""Small random logs of one partition, and what a brute-force count makes of them."""

import math
from collections import defaultdict
from dataclasses import dataclass
from random import Random

import numpy as np

from detectors.click_join import ClickColumns
from detectors.fold_settings import FoldSettings
from schemas.scores import FLAG_MISROUTED, FLAG_UNKNOWN_FIELDS, NULL_SCORE, Column, ScoreBlock, Series

SETTINGS = FoldSettings(
    bucket_ms=10_000, horizons_s=(20, 90), lateness_ms=15_000, dimensions=("device",), max_segment_values=50
)

KINDS = ("shoes", "bags", "hats")
FLAGS = [0, 0, 0, FLAG_MISROUTED, FLAG_UNKNOWN_FIELDS, FLAG_MISROUTED | FLAG_UNKNOWN_FIELDS]


@dataclass
class Search:
    query_id: int
    time_ms: int
    version: str
    device: str
    items: list[tuple[int, int, int]]  # id, position, score
    flags: int = 0


@dataclass
class Click:
    query_id: int
    item_id: int
    time_ms: int
    action: int
    flags: int = 0


@dataclass
class Log:
    blocks: list[list[Search]]
    clicks: list[list[Click]]


def make_log(seed: int, searches: int = 120) -> Log:
    """Make a log with late, repeated and unordered records; query ids come back after they are forgotten."""
    random = Random(seed)
    now = 1_700_000_000_000
    shown: list[Search] = []
    clicks: list[Click] = []
    for _ in range(searches):
        now += random.choice([0, 500, 3_000, 9_000, 9_000, 40_000])
        time_ms = now + random.choice([0, 0, 0, -5_000, -14_000, -25_000, 12_000])
        if shown and random.random() < 0.15:  # noqa: SIM108 - the ternary is longer than the line
            query_id = random.choice(shown).query_id
        else:
            query_id = random.getrandbits(64)
        count = random.choice([0, 1, 3, 6])
        positions = sorted(random.choices(range(1, 15), k=count))
        items = [(random.getrandbits(64), position, random.choice([0, 5, 9, NULL_SCORE])) for position in positions]
        flags = random.choice(FLAGS)
        search = Search(query_id, time_ms, random.choice("12"), random.choice(["phone", "desk"]), items, flags)
        shown.append(search)
        for item in items:
            if random.random() < 0.4:
                delay = random.choice([-16_000, -15_000, -1, 0, 20_000, 20_001, 60_000, 90_000, 90_001, 200_000])
                item_id = item[0] if random.random() < 0.9 else random.getrandbits(64)
                action = random.choice([1, 1, 1, 2, 0])
                clicks.append(Click(query_id, item_id, time_ms + delay, action, random.choice(FLAGS)))
    clicks.sort(key=lambda click: click.time_ms + random.choice([0, 0, 10_000, 20_000]))
    return Log(_batches(random, shown), _batches(random, clicks))


def _batches(random, records):
    batches, start = [], 0
    while start < len(records):
        size = random.choice([1, 2, 5, 17])
        batches.append(records[start : start + size])
        start += size
    return batches


def tokens_of(search: Search) -> tuple[int, int]:
    """Give how many tokens its query has, and how many of them are unknown."""
    tokens = search.query_id % 20
    return tokens, search.query_id // 20 % (tokens + 1)


def as_block(searches: list[Search], first_source_offset: int) -> ScoreBlock:
    """Write searches as score does."""
    n = len(searches)
    items = [item for search in searches for item in search.items]
    versions = sorted({search.version for search in searches})
    devices = sorted({search.device for search in searches})
    kinds = list(dict.fromkeys(KINDS[item[0] % 3] for item in items))
    return ScoreBlock(
        match_model=("m", str(first_source_offset % 2)),
        scoring_ms=1.5 + first_source_offset % 7,
        source_offsets=np.arange(first_source_offset, first_source_offset + n, dtype="<i8").tobytes(),
        times_ms=np.array([s.time_ms for s in searches], dtype="<i8").tobytes(),
        query_ids=np.array([s.query_id for s in searches], dtype="<u8").tobytes(),
        series=[Series("shop", "search", "rank", version) for version in versions],
        series_index=np.array([versions.index(s.version) for s in searches], dtype="<u2").tobytes(),
        latencies_ms=np.array([float(s.time_ms % 97) for s in searches], dtype="<f8").tobytes(),
        flags=bytes(s.flags for s in searches),
        missing_titles=np.zeros(n, dtype="<u4").tobytes(),
        tokens=np.array([tokens_of(s)[0] for s in searches], dtype="<u4").tobytes(),
        unknown_tokens=np.array([tokens_of(s)[1] for s in searches], dtype="<u4").tobytes(),
        item_counts=np.array([len(s.items) for s in searches], dtype="<u4").tobytes(),
        item_ids=np.array([item[0] for item in items], dtype="<u8").tobytes(),
        positions=np.array([item[1] for item in items], dtype="<u4").tobytes(),
        scores=np.array([item[2] for item in items], dtype="<u2").tobytes(),
        categories=Column(kinds, np.array([kinds.index(KINDS[i[0] % 3]) for i in items], dtype="<u2").tobytes()),
        segments={
            "device": Column(devices, np.array([devices.index(s.device) for s in searches], dtype="<u2").tobytes())
        },
    )


def as_columns(clicks: list[Click]) -> ClickColumns:
    """Write clicks as the stage decodes them."""
    return ClickColumns(
        np.array([c.query_id for c in clicks], dtype=np.uint64),
        np.array([c.item_id for c in clicks], dtype=np.uint64),
        np.array([c.time_ms for c in clicks], dtype=np.int64),
        np.array([c.action for c in clicks], dtype=np.uint8),
        np.array([c.flags for c in clicks], dtype=np.uint8),
    )


def _rate_order(row: dict[str, float], clicked: list[bool]) -> None:
    places = [place for place, hit in enumerate(clicked, 1) if hit]
    if places:
        gain = sum(1 / math.log2(place + 1) for place in places if place <= 10)
        ideal = sum(1 / math.log2(place + 1) for place in range(1, min(10, len(places)) + 1))
        row["clicked_searches"] += 1
        row["ndcg"] += gain / ideal
        row["ndcg_squares"] += (gain / ideal) ** 2
        row["reciprocal_ranks"] += 1 / places[0]
        row["reciprocal_rank_squares"] += places[0] ** -2


def _count_flags(totals: dict[str, int], events: str, flags: int) -> None:
    totals[f"misrouted_{events}"] += bool(flags & FLAG_MISROUTED)
    totals[f"{events}_with_unknown_fields"] += bool(flags & FLAG_UNKNOWN_FIELDS)


def brute_force(log: Log) -> tuple[dict, dict]:  # noqa: PLR0912 - one loop a rule, on purpose
    """Count with loops over all records what the fold counts with arrays."""
    totals: dict[str, int] = defaultdict(int)
    accepted: list[Search] = []
    sightings: dict[int, list[int]] = defaultdict(list)
    largest = -1
    for search in [search for block in log.blocks for search in block]:
        watermark = largest - SETTINGS.lateness_ms
        if largest >= 0 and search.time_ms < watermark:
            totals["late_searches"] += 1
            continue
        _count_flags(totals, "searches", search.flags)
        cohort_end = search.time_ms // 10_000 * 10_000 + 10_000
        before = sightings[search.query_id]
        if before and (largest < 0 or max(before) + SETTINGS.remember_ms > watermark):
            totals["repeated_searches"] += 1
        else:
            totals["accepted_searches"] += 1
            accepted.append(search)
        sightings[search.query_id].append(cohort_end)
        largest = max(largest, search.time_ms)
    hits: dict[int, dict[int, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    largest = -1
    for click in [click for batch in log.clicks for click in batch]:
        if largest >= 0 and click.time_ms < largest - SETTINGS.lateness_ms:
            totals["late_clicks"] += 1
            continue
        _count_flags(totals, "clicks", click.flags)
        largest = max(largest, click.time_ms)
        if click.action == 0:
            totals["unknown_actions"] += 1
            continue
        totals["accepted_clicks"] += 1
        for number, search in enumerate(accepted):
            delay = click.time_ms - search.time_ms
            in_range = -SETTINGS.lateness_ms <= delay <= SETTINGS.horizons_s[-1] * 1000
            if search.query_id == click.query_id and in_range and click.item_id in [item[0] for item in search.items]:
                hits[number][click.item_id].append((delay, click.action))
                totals["matched_clicks"] += 1
                break
        else:
            totals["unmatched_clicks"] += 1
    rows: dict[tuple, dict] = {}
    for number, search in enumerate(accepted):
        for horizon in SETTINGS.horizons_s:
            for version in (search.version, "*"):
                key = (version, search.time_ms // 10_000 * 10_000, horizon)
                row = rows.setdefault(key, defaultdict(int))
                clicked = {
                    item for item, acts in hits[number].items() if any(d <= horizon * 1000 and a == 1 for d, a in acts)
                }
                row["searches"] += 1
                tokens, unknown = tokens_of(search)
                if tokens:
                    row[f"unknown_share_{math.ceil(16 * unknown / tokens)}"] += 1
                row["impressions"] += len(search.items)
                row["zero_results"] += not search.items
                row["clicks"] += len(clicked)
                row["purchases"] += sum(
                    any(d <= horizon * 1000 and a == 2 for d, a in acts) for acts in hits[number].values()
                )
                row["xx"] += len(clicked) ** 2
                row["xm"] += len(clicked) * len(search.items)
                _rate_order(row, [item in clicked for item, _, _ in search.items])
                lowest = max((position for item, position, _ in search.items if item in clicked), default=-10)
                for item, position, score in search.items:
                    for other, other_position, other_score in search.items:
                        if item not in clicked or other in clicked or other_position > lowest + 1:
                            continue
                        if NULL_SCORE in (score, other_score):
                            continue
                        row["concordant"] += score > other_score
                        row["discordant"] += score < other_score
                        row["tied"] += score == other_score
                        row["shown_concordant"] += position < other_position
    return {key: dict(row) for key, row in rows.items()}, {name: n for name, n in totals.items() if n}
