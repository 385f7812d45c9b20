import base64
from dataclasses import dataclass, field

import msgspec
import pytest

from schemas.dead_letters import DeadLetter
from schemas.decode import decode_catalog_item
from schemas.errors import BadRecord
from streams.stages.bad_records import BadRecords


@dataclass
class Record:
    key: bytes | None
    value: bytes | None = None
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    topic: str = "catalog-items"
    partition: int = 2
    offset: int = 7
    timestamp: int = 0


@pytest.mark.parametrize("key", [b"\xff", b"", None])
def test_a_withdrawal_of_an_unreadable_key_leaves_a_dead_letter_with_the_key(key: bytes | None) -> None:
    record, bad = Record(key), BadRecords("score", "catalog-items")
    with pytest.raises(BadRecord) as refused:
        decode_catalog_item(record.key, record.value)
    bad.add(refused.value, record)
    (sent,) = bad.take()
    letter = msgspec.json.decode(sent.value, type=DeadLetter)
    assert letter.reason == "bad_key"
    assert (None if letter.key_base64 is None else base64.b64decode(letter.key_base64)) == key
