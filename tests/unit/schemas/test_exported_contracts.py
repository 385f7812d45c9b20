"""The contracts as files: checked in, held to the code, and true of the examples."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from schemas.alerts import Alert, AlertData, AlertSeries, encode_alert
from schemas.dead_letters import MAX_KEPT_KEY_BYTES, DeadLetter, Origin, dead_letter
from schemas.decode import decode_search
from schemas.errors import BadRecord
from schemas.export import documents, export
from schemas.json_schema import RECORDS
from schemas.topics import CATALOGUE
from streams.cli.schema import command
from tests.unit.schemas.contract_examples import ABSENT, CLICK, DEPLOYMENT, ITEM, SEARCH, WORKER, changed

GENERATED = Path(__file__).parents[3] / "schemas" / "generated"
EXAMPLES = {
    "search-event": SEARCH,
    "click-event": CLICK,
    "catalog-item": ITEM,
    "deployment": DEPLOYMENT,
    "worker-telemetry": WORKER,
}


def test_the_checked_in_files_are_what_the_code_says() -> None:
    written = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in GENERATED.glob("*.json")}
    assert written == json.loads(json.dumps(documents())), "run: matchwatch schema export schemas/generated"


@pytest.mark.parametrize("name", RECORDS)
def test_every_schema_is_valid_2020_12(name: str) -> None:
    Draft202012Validator.check_schema(documents()[f"{name}.json"])


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_contracts_own_examples_are_valid(name: str) -> None:
    Draft202012Validator(documents()[f"{name}.json"]).validate(EXAMPLES[name])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("query_id", ""),
        ("query_id", ABSENT),
        ("latency_ms", ABSENT),
        ("latency_ms", -1),
        ("surface", "email"),
        ("timestamp", "2026-11-23 10:00:00Z"),
        ("timestamp", "2026-11-23T10:00:00"),
        ("timestamp", True),
        ("timestamp", 5),
        ("timestamp", "2026-11-23T10:00:00Z\n"),
        ("timestamp", 3_786_912_000_000),
        ("results.0.position", 0),
        ("results.0.object_id", ""),
        ("model.version", ""),
    ],
)
def test_the_search_schema_refuses_what_the_contract_refuses(path: str, value: Any) -> None:
    validator = Draft202012Validator(documents()["search-event.json"])
    assert not validator.is_valid(json.loads(changed(SEARCH, path, value)))


@pytest.mark.parametrize(
    ("path", "value"),
    [("timestamp", 946_684_800_000), ("timestamp", 3_786_911_999_999), ("results.0.position", 10**30)],
)
def test_the_search_schema_accepts_what_the_contract_accepts(path: str, value: Any) -> None:
    raw = changed(SEARCH, path, value)
    assert decode_search(raw, None, 300).query_id == SEARCH["query_id"]
    Draft202012Validator(documents()["search-event.json"]).validate(json.loads(raw))


def test_a_dead_letter_keeps_the_key_where_the_record_has_one_cut_where_it_is_long() -> None:
    origin = Origin("catalog-items", 0, 1)
    error = BadRecord("bad_key", "key", "not UTF-8")

    def kept(key: bytes | None) -> bytes | None:
        letter = dead_letter(error, origin, "score", None, key)
        return None if letter.key_base64 is None else base64.b64decode(letter.key_base64)

    assert [kept(key) for key in (None, b"", b"\xff", b"k" * 50_000)] == [None, b"", b"\xff", b"k" * MAX_KEPT_KEY_BYTES]


def test_alerts_and_dead_letters_fit_their_schemas() -> None:
    data = AlertData(
        fingerprint="f",
        rule="r",
        severity="warning",
        status="firing",
        signal="ctr",
        series=AlertSeries("a", "search", "*", "*"),
        value=0.1,
        expected=0.2,
        threshold=None,
        direction="down",
        n=100,
        standard_error=0.01,
        started_at="2026-11-23T10:00:00.000Z",
        detected_at="2026-11-23T10:01:00.000Z",
        summary="s",
        runbook_url="",
    )
    alert = Alert(id="i", source="matchwatch/a", type="matchwatch.alert.firing", subject="f", time="t", data=data)
    Draft202012Validator(documents()["alert.json"]).validate(json.loads(encode_alert(alert)))
    letter = DeadLetter("not_json", "$", "m", Origin("search-events", 0, 1), "score", "", 0)
    Draft202012Validator(documents()["dead-letter.json"]).validate(
        {name: getattr(letter, name) for name in letter.__struct_fields__ if name != "origin"}
        | {"origin": {"topic": "search-events", "partition": 0, "offset": 1}}
    )


def test_the_asyncapi_document_has_every_topic_and_every_reference_in_it_leads_somewhere() -> None:
    document = documents()["asyncapi.json"]
    assert document["asyncapi"] == "3.0.0"
    assert list(document["channels"]) == [topic.name for topic in CATALOGUE]

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if "$ref" in value else []
            return own + [found for inner in value.values() for found in references(inner)]
        return [found for inner in value for found in references(inner)] if isinstance(value, list) else []

    for reference in references(document):
        file, _, pointer = reference.partition("#")
        place: Any = documents()[Path(file).name] if file else document
        for part in pointer.split("/")[1:]:
            place = place[part]


def test_the_command_writes_every_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["export", str(tmp_path / "out"), "--json"])
    assert result.exit_code == 0
    assert {Path(path).name for path in json.loads(result.output)} == set(documents())
    assert export(tmp_path / "out") == sorted((tmp_path / "out").iterdir())
