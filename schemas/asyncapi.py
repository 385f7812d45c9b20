"""The AsyncAPI 3 document: the topic catalogue for tools and newcomers, with a reference to each record's schema."""

from typing import Any, Final

from schemas.json_schema import RECORDS
from schemas.settings import KafkaSettings
from schemas.topics import (
    ALERTS,
    CATALOG_ITEMS,
    CATALOGUE,
    CLICK_EVENTS,
    DEAD_LETTERS,
    DETECTOR_STATE,
    MATCH_SCORES,
    MODEL_EVENTS,
    ROLLUPS,
    SEARCH_EVENTS,
    SIGNALS,
    SILENCES,
    Topic,
)

_FORMAT: Final = "application/schema+json;version=draft-2020-12"
_STAGES: Final = frozenset({"score", "evaluate", "detect", "any stage"})
_MESSAGES: Final[dict[str, tuple[str, ...]]] = {
    SEARCH_EVENTS.name: ("search-event",),
    CLICK_EVENTS.name: ("click-event",),
    CATALOG_ITEMS.name: ("catalog-item",),
    MODEL_EVENTS.name: ("deployment", "worker-telemetry"),
    MATCH_SCORES.name: ("score-block", "score-control"),
    ROLLUPS.name: ("rollup", "rollup-control"),
    SIGNALS.name: ("signal-points",),
    DETECTOR_STATE.name: ("detector-state",),
    ALERTS.name: ("alert",),
    SILENCES.name: ("silence",),
    DEAD_LETTERS.name: ("dead-letter",),
}


def asyncapi(version: str) -> dict[str, Any]:
    """Give the AsyncAPI 3.0 document of the topic catalogue.

    Args:
        version: of the contracts, as `info.version` shows it.
    """
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "matchwatch",
            "version": version,
            "description": "Watches the search and recommendation models of an online shop while they serve.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in CATALOGUE},
        "operations": {name: operation for topic in CATALOGUE for name, operation in _operations(topic)},
        "components": {
            "messages": {name: _message(name, topic) for topic in CATALOGUE for name in _MESSAGES[topic.name]}
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    settings = topic.config()
    configuration: dict[str, Any] = {"cleanup.policy": [settings.pop("cleanup.policy")]}
    configuration |= {name: int(value) for name, value in settings.items() if value.isdigit()}
    defaults = KafkaSettings()
    return {
        "address": topic.name,
        "description": f"{topic.summary} Written by: {', '.join(topic.writers)}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _MESSAGES[topic.name]},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions(defaults.partitions),
                "replicas": defaults.replication_factor,
                "topicConfiguration": configuration,
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operations(topic: Topic) -> list[tuple[str, dict[str, Any]]]:
    """Say what matchwatch itself does with a topic: it sends what its stages write, and receives the rest."""
    action = "send" if _STAGES & set(topic.writers) else "receive"
    return [(f"{action}-{topic.name}", {"action": action, "channel": {"$ref": f"#/channels/{topic.name}"}})]


def _message(name: str, topic: Topic) -> dict[str, Any]:
    message: dict[str, Any] = {"name": name, "payload": {"schemaFormat": _FORMAT, "schema": _payload(name)}}
    if topic.value.startswith("MessagePack"):
        message["contentType"] = "application/vnd.msgpack"
    if topic is ALERTS:
        message["contentType"] = "application/cloudevents+json"
    if topic.key:
        message["bindings"] = {
            "kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": "0.5.0"}
        }
    return message


def _payload(name: str) -> dict[str, Any]:
    if name in RECORDS:
        return {"$ref": f"./{name}.json"}
    if name == "signal-points":
        return {"type": "array", "items": {"$ref": "./signal-point.json"}}
    return {"type": "object", "description": "Plain numbers under names that carry a version; for detect alone."}
