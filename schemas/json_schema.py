"""JSON Schema (2020-12) of every record, generated from the structs that read and write them.

A schema describes what producers should write. It accepts whatever the decoders accept, and a little more: rules on
bytes, calendars and clocks have no words in JSON Schema. Bounds hold for numbers as they are written; a validator that
rounds them first may refuse the last fraction of a millisecond before one.
"""

from inspect import cleandoc
from typing import Any, Final

import msgspec

from schemas.alerts import Alert
from schemas.dead_letters import DeadLetter
from schemas.rollup import Rollup, RollupControl
from schemas.scores import ScoreBlock, ScoreControl
from schemas.signals import SignalPoint
from schemas.silences import Silence
from schemas.timestamps import END_MS, FIRST_MS, TIMESTAMP_PATTERN
from schemas.wire import ClickRecord, DeploymentRecord, ItemRecord, SearchRecord, WorkerRecord

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

RECORDS: Final[dict[str, type[msgspec.Struct]]] = {
    "search-event": SearchRecord,
    "click-event": ClickRecord,
    "catalog-item": ItemRecord,
    "deployment": DeploymentRecord,
    "worker-telemetry": WorkerRecord,
    "score-block": ScoreBlock,
    "score-control": ScoreControl,
    "rollup": Rollup,
    "rollup-control": RollupControl,
    "signal-point": SignalPoint,
    "alert": Alert,
    "silence": Silence,
    "dead-letter": DeadLetter,
}
"""Every record type by the name of its file; `score-*` and `rollup*` are MessagePack of the same shape."""

_TIMESTAMP: Final = {
    "description": "Event time: RFC 3339 with offset, or epoch milliseconds; years 2000 to 2089, cut to milliseconds.",
    "anyOf": [
        # To Python's validators `$` also stands before a line feed at the end, and to Go's a lookahead is no pattern.
        {"type": "string", "pattern": f"^(?:{TIMESTAMP_PATTERN})$", "not": {"pattern": r"\n"}},
        {"type": "number", "minimum": FIRST_MS, "exclusiveMaximum": END_MS},
    ],
}
_ANY_OBJECT: Final = {"type": "object"}
# Fields whose struct types are made for the fast decoder and say less, or more, than the contract.
_AS_IN_THE_CONTRACT: Final[dict[tuple[str, str], dict[str, Any]]] = {
    **{
        (record.__name__, "timestamp"): _TIMESTAMP
        for record in (SearchRecord, ClickRecord, DeploymentRecord, WorkerRecord)
    },
    ("SearchRecord", "query_attributes"): _ANY_OBJECT,
    ("ItemRecord", "attributes"): {"anyOf": [_ANY_OBJECT, {"type": "null"}], "default": None},
}


def json_schema(name: str) -> dict[str, Any]:
    """Give the JSON Schema of one of `RECORDS`."""
    record = RECORDS[name]
    (_,), components = msgspec.json.schema_components((record,), ref_template="#/$defs/{name}")
    for struct, schema in components.items():
        if "description" in schema:  # a docstring, which Python 3.13 keeps without its indentation
            schema["description"] = cleandoc(schema["description"])
        # The decoders ignore and count what they do not know, and a later version may add fields.
        schema.pop("additionalProperties", None)
        for field in schema.get("properties", {}):
            schema["properties"][field] = _AS_IN_THE_CONTRACT.get((struct, field), schema["properties"][field])
    root = components.pop(record.__name__)
    title = "".join(part.capitalize() for part in name.split("-"))
    schema = {"$schema": DIALECT, "$id": f"urn:matchwatch:schema:{name}", **root, "title": title}
    if components:
        schema["$defs"] = components
    return schema
