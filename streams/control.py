"""Headers that say something about a record beside its value, and the control record that ends a replay.

A control record has neither key nor value and one header, `matchwatch-watermark`: no event of its partition is older.
"""

from collections.abc import Sequence
from typing import Final

Headers = Sequence[tuple[str, bytes]]

ARRIVAL_HEADER: Final = "matchwatch-arrival"
"""When a record arrived, epoch milliseconds in ASCII digits, where that is not the time the broker stamped on it."""
NO_ARRIVAL: Final = b"none"
"""The arrival is not known: events may be dated ahead of it."""
WATERMARK_HEADER: Final = "matchwatch-watermark"
"""The watermark of a control record, epoch milliseconds in ASCII digits."""
RETRY_HEADER: Final = "matchwatch-retry-of"
"""Of a record that was sent back: the key of its dead letter, `topic/partition/offset` of where it first lay."""
_LONGEST_PLACE: Final = 300
_MOST_DIGITS: Final = 13
"""Of epoch milliseconds until the year 2286; more are no time, and could be too many for an integer."""


def arrival_headers(arrival_ms: int | None) -> list[tuple[str, bytes]]:
    """Give the headers of an event's record; None where the recording has no arrival times."""
    return [(ARRIVAL_HEADER, NO_ARRIVAL if arrival_ms is None else b"%d" % arrival_ms)]


def watermark_headers(watermark_ms: int) -> list[tuple[str, bytes]]:
    """Give the headers of a control record."""
    return [(WATERMARK_HEADER, b"%d" % watermark_ms)]


def read_watermark(key: bytes | None, value: bytes | None, headers: Headers) -> int | None:
    """Read a control record's watermark, epoch milliseconds; None where the record is an event.

    A record with a key or a value is an event, whatever its headers say; so is one whose header is not a time in ASCII
    digits. It is then judged as the event it claims to be.
    """
    if key is not None or value is not None:
        return None
    for name, text in headers:
        if name == WATERMARK_HEADER and _is_time(text):
            return int(text)
    return None


def read_arrival(headers: Headers, stamped_ms: int) -> int | None:
    """Read a record's arrival, epoch milliseconds; None where it is not known.

    Args:
        headers: of the record.
        stamped_ms: the record's own timestamp, which counts where there is no readable header.
    """
    for name, value in headers:
        if name == ARRIVAL_HEADER:
            if value == NO_ARRIVAL:
                return None
            if _is_time(value):
                return int(value)
    return stamped_ms


def arrival_text(headers: Headers, stamped_ms: int) -> str:
    """Give a record's arrival as the header says it: digits, or `none`."""
    ((_, text),) = arrival_headers(read_arrival(headers, stamped_ms))
    return text.decode("ascii")


def read_retry(headers: Headers) -> str | None:
    """Give the key of the dead letter that a record was sent back from; None where it was not."""
    for name, value in headers:
        if name == RETRY_HEADER and value and len(value) <= _LONGEST_PLACE and value.isascii():
            return value.decode("ascii")
    return None


def _is_time(value: bytes | None) -> bool:
    return value is not None and len(value) <= _MOST_DIGITS and value.isdigit()
