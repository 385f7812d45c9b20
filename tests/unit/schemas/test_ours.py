"""Whatever lies in a topic of ours: reading it raises one kind of error, which the stages know."""

import msgspec
import pytest

from schemas.alerts import decode_alert
from schemas.rollup import decode_rollup
from schemas.scores import decode_scores

STRANGE = {
    "nothing": b"",
    "no MessagePack": b"\xc1",
    "a tag that is no UTF-8": b"\x81\xa4type\xa2\xff\xfe",
    "an array's tag that is no UTF-8": b"\x92\xa2\xff\xfe\x01",
    "maps deeper than the stack": b"\x81\xa1a" * 5_000 + b"\xc0",
    "arrays deeper than the stack": b"\x92\xa7control" + b"\x91" * 5_000 + b"\xc0",
    "JSON": b'{"type": "control"}',
    "JSON that is no UTF-8": b'{"id": "\xff\xfe"}',
    "JSON deeper than the stack": b'{"id":' + b"[" * 100_000,
}


@pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("decode", [decode_rollup, decode_scores, decode_alert])
def test_what_nobody_of_us_wrote_is_a_decode_error(decode: object, strange: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(strange)
