"""The records that the contract gives as examples, and a way to change one field of them."""

import copy
import json
from typing import Any

SEARCH: dict[str, Any] = {
    "query_id": "q-81f3",
    "timestamp": "2026-11-23T10:00:00.123Z",
    "application": "shop-web",
    "surface": "search",
    "client_id": "c-17",
    "session_id": "s-9",
    "user_query": "运动鞋",
    "query_attributes": {"device": "mobile", "locale": "zh-CN"},
    "model": {"name": "shop-rank", "version": "3"},
    "latency_ms": 41.7,
    "results": [
        {"object_id": "sku-1", "position": 1, "title": "男士跑步运动鞋 透气", "category": "shoes", "price": 299.0}
    ],
}
CLICK: dict[str, Any] = {
    "query_id": "q-81f3",
    "timestamp": "2026-11-23T10:00:04.500Z",
    "action_name": "click",
    "client_id": "c-17",
    "object_id": "sku-1",
    "position": 1,
}
ITEM: dict[str, Any] = {
    "object_id": "sku-1",
    "title": "男士跑步运动鞋 透气",
    "category": "shoes",
    "price": 299.0,
    "attributes": {},
}
DEPLOYMENT: dict[str, Any] = {
    "type": "deployment",
    "timestamp": "2026-11-23T10:00:00Z",
    "model": {"name": "shop-rank", "version": "4"},
    "role": "live",
    "share": 1.0,
    "by": "cd",
    "note": "weekly",
}
WORKER: dict[str, Any] = {
    "type": "worker",
    "timestamp": "2026-11-23T10:00:00Z",
    "worker": "gpu-1",
    "models": [{"name": "shop-match", "version": "1", "state": "ready"}],
    "rss_bytes": 1,
    "gpu_memory_bytes": 0,
    "queue_depth": 0,
    "rows_total": 12,
}

ABSENT = object()


def changed(record: dict[str, Any], path: str, value: Any) -> bytes:
    """Write a record with one value replaced (or removed): path as `results.0.position`."""
    document = copy.deepcopy(record)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = document
    for part in parents:
        place = place[part]
    if value is ABSENT:
        del place[last]
    else:
        place[last] = value
    return json.dumps(document, ensure_ascii=False).encode()


def raw_field(record: dict[str, Any], name: str, text: str | bytes) -> bytes:
    """Write a record with one top-level field's JSON text given literally, repeated at the end."""
    literal = text.encode() if isinstance(text, str) else text
    return json.dumps(record, ensure_ascii=False).encode()[:-1] + b',"' + name.encode() + b'":' + literal + b"}"
