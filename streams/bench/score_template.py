"""Scored searches and their clicks, as score itself writes them, in arrays that a longer log is made of."""

import time
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.scores import ScoreBlock, Series, id_hash
from schemas.timestamps import timestamp_ms
from schemas.topics import SEARCH_EVENTS
from streams.bench.conditions import Committed
from streams.bench.loading import load_measured, own_topics
from streams.bench.pipeline import unique_name, worker_commands, worker_env
from streams.bench.program import BenchFailed, Program
from streams.bench.run import DONE_S
from streams.bench.score_blocks import read_score_blocks
from streams.bench.stand import Stand
from streams.bench.workload import Workload, make_workload
from streams.shop.clicks import POSITIONS

TEMPLATE_SEARCHES: Final = 10_000
PER_SEARCH: Final = ("latencies_ms", "flags", "missing_titles", "tokens", "unknown_tokens")
"""Columns of a block that are numbers of a search."""
_DTYPES: Final = {
    "latencies_ms": "<f8", "flags": "u1", "missing_titles": "<u4", "tokens": "<u4", "unknown_tokens": "<u4"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Texts:
    """A text column: distinct values, and which of them each row has."""

    values: list[str]
    index: NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class ScoreTemplate:
    """n searches with POSITIONS items each, in no partition yet."""

    match_model: tuple[str, str]
    scoring_ms: float
    numbers: dict[str, NDArray[Any]]
    """By the names of PER_SEARCH, [n]."""
    series: list[Series]
    series_index: NDArray[np.uint16]
    item_ids: NDArray[np.uint64]
    """[n, POSITIONS], as are positions, scores and categories."""
    positions: NDArray[np.uint32]
    scores: NDArray[np.uint16]
    categories: Texts
    segments: dict[str, Texts]
    click_rows: NDArray[np.int64]
    """[c], ascending: which search each click is on."""
    click_delays_ms: NDArray[np.int64]
    """[c]: after its search."""
    click_objects: list[str]
    """[c]: what was clicked; every click of a search on another item."""

    def __len__(self) -> int:
        return int(self.series_index.size)

    @property
    def clicks_per_search(self) -> float:
        """On average."""
        return self.click_rows.size / len(self)


class _Click(msgspec.Struct):
    query_id: str
    timestamp: str
    object_id: str


def make_template(stand: Stand, rate: float, searches: int = TEMPLATE_SEARCHES, seed: int = 1) -> ScoreTemplate:
    """Let score score a workload, and take what it wrote apart.

    Raises:
        BenchFailed: score ended, or did not write every search.
    """
    workload = make_workload(searches, now_ms=time.time_ns() // 1_000_000, rate=rate, seed=seed)
    name = unique_name("template")
    with own_topics(stand.settings, name) as settings:
        load_measured(settings, workload)
        command = {"score": worker_commands()["score"]}
        with Program(command, worker_env(settings), stand.folder / name, stand.lifeline) as score:
            scored = Committed(settings, {"score": [SEARCH_EVENTS.name]})
            score.wait_until("the template to be scored", scored, DONE_S)
        blocks = [block for part in read_score_blocks(settings).values() for block in part.values()]
    return _template(blocks, workload)


def _template(blocks: list[ScoreBlock], workload: Workload) -> ScoreTemplate:
    searches = {id_hash(event.key.decode()): row for row, event in enumerate(workload.searches)}
    ids = _joined(blocks, "query_ids", "<u8")
    if sorted(ids.tolist()) != sorted(searches):
        raise BenchFailed(f"score wrote {ids.size} searches of {len(searches)}")
    counts = _joined(blocks, "item_counts", "<u4")
    if not (counts == POSITIONS).all():
        raise BenchFailed(f"not every page of the template has {POSITIONS} distinct items")
    row_of = {query_id: row for row, query_id in enumerate(ids.tolist())}
    times_ms = _joined(blocks, "times_ms", "<i8")
    clicks = [msgspec.json.decode(event.value, type=_Click) for event in workload.clicks]
    rows = np.array([row_of[id_hash(click.query_id)] for click in clicks], np.int64)
    clicked_ms = np.array([timestamp_ms(click.timestamp, "timestamp") for click in clicks], np.int64)
    order = np.argsort(rows, kind="stable")
    series: dict[Series, int] = {}
    series_index = [
        np.array([series.setdefault(one, len(series)) for one in block.series], "<u2")[
            np.frombuffer(block.series_index, "<u2")
        ]
        for block in blocks
    ]
    shape = (ids.size, POSITIONS)
    return ScoreTemplate(
        match_model=blocks[0].match_model,
        scoring_ms=blocks[0].scoring_ms,
        numbers={name: _joined(blocks, name, _DTYPES[name]) for name in PER_SEARCH},
        series=list(series),
        series_index=np.concatenate(series_index),
        item_ids=_joined(blocks, "item_ids", "<u8").reshape(shape),
        positions=_joined(blocks, "positions", "<u4").reshape(shape),
        scores=_joined(blocks, "scores", "<u2").reshape(shape),
        categories=_texts([(block.categories.values, block.categories.index) for block in blocks], shape),
        segments={
            name: _texts([(block.segments[name].values, block.segments[name].index) for block in blocks], shape[:1])
            for name in blocks[0].segments
        },
        click_rows=rows[order],
        click_delays_ms=(clicked_ms - times_ms[rows])[order],
        click_objects=[clicks[place].object_id for place in order.tolist()],
    )


def _joined(blocks: list[ScoreBlock], name: str, dtype: str) -> NDArray[Any]:
    return np.concatenate([np.frombuffer(getattr(block, name), dtype) for block in blocks])


def _texts(columns: list[tuple[list[str], bytes]], shape: tuple[int, ...]) -> Texts:
    """Put text columns behind each other, with one list of values."""
    values: dict[str, int] = {}
    parts = [
        np.array([values.setdefault(value, len(values)) for value in texts], "<u2")[np.frombuffer(index, "<u2")]
        for texts, index in columns
    ]
    return Texts(list(values), np.concatenate(parts).reshape(shape))
