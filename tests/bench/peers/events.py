"""The fields of the events that a peer needs: msgspec skips the rest, and nothing is validated twice."""

from datetime import datetime

import msgspec


class Result(msgspec.Struct, gc=False):
    object_id: str
    position: int
    title: str | None = None
    category: str | None = None


class Model(msgspec.Struct, gc=False):
    name: str
    version: str


class Search(msgspec.Struct, gc=False):
    query_id: str
    timestamp: datetime
    application: str
    surface: str
    user_query: str
    query_attributes: dict[str, str]
    model: Model
    latency_ms: float | None
    results: list[Result]


class Click(msgspec.Struct, gc=False):
    query_id: str
    timestamp: datetime
    action_name: str
    object_id: str


decode_search = msgspec.json.Decoder(Search).decode
decode_click = msgspec.json.Decoder(Click).decode
encode = msgspec.json.Encoder().encode
