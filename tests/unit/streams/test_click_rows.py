from dataclasses import dataclass, field

import msgspec
import pytest

from detectors.click_join import ACTION_CLICK, ACTION_PURCHASE, ACTION_UNKNOWN
from schemas.scores import FLAG_UNKNOWN_FIELDS
from streams.control import watermark_headers
from streams.stages.click_rows import read_clicks

NOW_MS = 1_767_607_200_000


@dataclass
class Record:
    value: bytes | None
    key: bytes | None = b"q-1"
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    topic: str = "click-events"
    partition: int = 0
    offset: int = 0
    timestamp: int = NOW_MS


def click(**fields: object) -> Record:
    event = {"query_id": "q-1", "object_id": "i", "action_name": "click", "client_id": "c", "timestamp": NOW_MS}
    return Record(msgspec.json.encode({**event, **fields}))


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("click", ACTION_CLICK),
        ("item_click", ACTION_CLICK),
        ("global_click", ACTION_CLICK),
        ("purchase", ACTION_PURCHASE),
        ("add_to_cart", ACTION_UNKNOWN),
        ("Click", ACTION_UNKNOWN),
    ],
)
def test_ubi_words_for_a_click_mean_a_click_and_no_other_action_does(name: str, action: int) -> None:
    (rows,) = read_clicks([click(action_name=name)], 1, 300)
    assert rows.columns.actions.tolist() == [action]


def test_a_record_counts_once_however_many_unknown_fields_it_has_and_never_when_it_is_refused() -> None:
    records = [click(a=1, b=2), click(), click(a=1, timestamp=NOW_MS + 301_000)]
    (rows,) = read_clicks(records, 1, 300)
    assert rows.columns.flags.tolist() == [FLAG_UNKNOWN_FIELDS, 0]
    assert rows.invalid == {"too_far_ahead": 1}


def test_a_click_with_a_control_header_is_still_a_click() -> None:
    event = click()
    event.headers = watermark_headers(NOW_MS)
    control = Record(None, key=None, headers=watermark_headers(NOW_MS))
    first, rest = read_clicks([event, control], 1, 300)
    assert (len(first.columns), first.watermark_ms, len(rest.columns)) == (1, NOW_MS, 0)
