"""Small hand-made logs for the oracle's own tests: events with sensible defaults, and blocks of match scores."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from tests.oracle.scores import NULL_SCORE, id_hash

START_MS = int(datetime(2026, 11, 23, 10, tzinfo=UTC).timestamp()) * 1000


def stamp(after_ms: int) -> str:
    """Write a time so many milliseconds after 2026-11-23T10:00:00Z."""
    time = datetime.fromtimestamp((START_MS + after_ms) // 1000, UTC)
    return time.strftime("%Y-%m-%dT%H:%M:%S") + f".{(START_MS + after_ms) % 1000:03d}Z"


def search_event(query_id: str, after_ms: int, *shown: str | tuple[str, int], **changes: Any) -> dict[str, Any]:
    """Give a search; items are object ids, or pairs with their position, else numbered from 1."""
    pairs = [item if isinstance(item, tuple) else (item, rank) for rank, item in enumerate(shown, 1)]
    return {
        "query_id": query_id,
        "timestamp": stamp(after_ms),
        "application": "shop-web",
        "surface": "search",
        "client_id": "c-1",
        "user_query": "running shoe",
        "query_attributes": {},
        "model": {"name": "shop-rank", "version": "3"},
        "latency_ms": 40.0,
        "results": [{"object_id": object_id, "position": position} for object_id, position in pairs],
        **changes,
    }


def search(query_id: str, after_ms: int, *shown: str | tuple[str, int], **changes: Any) -> bytes:
    """Give a search as a record."""
    return json.dumps(search_event(query_id, after_ms, *shown, **changes)).encode()


def click_event(query_id: str, after_ms: int, object_id: str, action: str = "click", **changes: Any) -> dict[str, Any]:
    """Give a click."""
    event = {"query_id": query_id, "timestamp": stamp(after_ms), "action_name": action, "client_id": "c-1"}
    return {**event, "object_id": object_id, **changes}


def click(query_id: str, after_ms: int, object_id: str, action: str = "click", **changes: Any) -> bytes:
    """Give a click as a record."""
    return json.dumps(click_event(query_id, after_ms, object_id, action, **changes)).encode()


Scored = tuple[int, str, int, Sequence[tuple[str, int, float | None]]]
"""Source offset, query id, milliseconds after the start, and (object id, position, score or None) of each item."""


def block(*searches: Scored) -> bytes:
    """Lay out a record of `match-scores`."""
    items = [item for *_, shown in searches for item in shown]

    def column(values: list[Any], kind: str) -> bytes:
        return np.array(values, dtype=kind).tobytes()

    zeros, none = column([0] * len(searches), "<u4"), [["unknown"], column([0] * len(items), "<u2")]
    return msgspec.msgpack.encode(
        [
            "block",
            ["shop-match", "1"],
            1.5,
            column([offset for offset, *_ in searches], "<i8"),
            column([START_MS + after_ms for _, _, after_ms, _ in searches], "<i8"),
            column([id_hash(query_id) for _, query_id, _, _ in searches], "<u8"),
            [["shop-web", "search", "shop-rank", "3"]],
            column([0] * len(searches), "<u2"),
            column([40.0] * len(searches), "<f8"),
            column([0] * len(searches), "<u1"),
            zeros,
            zeros,
            zeros,
            column([len(shown) for *_, shown in searches], "<u4"),
            column([id_hash(object_id) for object_id, _, _ in items], "<u8"),
            column([position for _, position, _ in items], "<u4"),
            column([NULL_SCORE if score is None else round(score * 4096) for *_, score in items], "<u2"),
            none,
            {},
        ]
    )
