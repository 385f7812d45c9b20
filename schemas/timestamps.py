"""Times on the wire and in the house: RFC 3339 or epoch milliseconds in, epoch milliseconds inside, RFC 3339 out."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal, localcontext
from functools import lru_cache
from typing import Final

from schemas.errors import BadRecord
from schemas.reasons import Reason

TIMESTAMP_PATTERN: Final = (
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
"""RFC 3339 `date-time` without leap seconds; which days a month has, a pattern cannot say."""

FIRST_MS: Final = 946_684_800_000
"""2000-01-01T00:00:00Z: nothing before is a time of an event."""
END_MS: Final = 3_786_912_000_000
"""2090-01-01T00:00:00Z: nothing from here on is a time of an event."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_MINUTE: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([01][0-9]|2[0-3]):([0-5][0-9])")
_USUAL_LENGTH: Final = 24
_USUAL_SECOND: Final = 19
"""Characters up to the fraction."""
_SECOND: Final = re.compile(r":[0-5][0-9]")
_FRACTION: Final = re.compile(r"\.[0-9]{3}[Zz]")
_REST: Final = re.compile(r":([0-5][0-9])(?:\.([0-9]+))?(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))")


def timestamp_ms(value: str | int | Decimal, path: str) -> int:
    """Give a timestamp's epoch milliseconds, cut (never rounded) where it is finer.

    Args:
        value: RFC 3339 text, or epoch milliseconds as a number. A `float` has already been rounded, so a number
            with a fraction comes as the `Decimal` of its text.
        path: where it stands, for the error.

    Raises:
        BadRecord: it is not a timestamp, or lies outside the years 2000 to 2089 (UTC).
    """
    if isinstance(value, str):
        time_ms = _text_ms(value, path)
    elif value < FIRST_MS:
        time_ms = FIRST_MS - 1
    elif value >= END_MS:  # compared before it is an int: 1E+300 has three hundred digits
        time_ms = END_MS
    else:
        time_ms = int(value)
    if FIRST_MS <= time_ms < END_MS:
        return time_ms
    if time_ms < FIRST_MS:
        raise BadRecord(
            Reason.BEFORE_2000, path, f"{_shown(value)} lies before 2000; send epoch milliseconds or RFC 3339"
        )
    raise BadRecord(Reason.AFTER_2089, path, f"{_shown(value)} lies after 2089; send epoch milliseconds or RFC 3339")


def check_arrival(time_ms: int, arrival_ms: int | None, max_ahead_s: int, path: str) -> None:
    """Refuse an event that is dated too far ahead of its record's arrival.

    Args:
        time_ms: the event's time, epoch milliseconds.
        arrival_ms: the record's arrival, epoch milliseconds; None where it is unknown, which switches this guard off.
        max_ahead_s: how far ahead a producer's clock may be, inclusive.
        path: where the time stands, for the error.

    Raises:
        BadRecord: it is dated further ahead.
    """
    if arrival_ms is not None and time_ms - arrival_ms > max_ahead_s * 1000:
        ahead_s = (time_ms - arrival_ms) / 1000
        message = f"dated {ahead_s:.0f} s after its arrival, more than {max_ahead_s} s; check the producer's clock"
        raise BadRecord(Reason.TOO_FAR_AHEAD, path, message)


def format_timestamp(time_ms: int) -> str:
    """Write epoch milliseconds as RFC 3339 in UTC with milliseconds: `2026-11-23T10:00:00.123Z`."""
    time = _EPOCH + timedelta(milliseconds=time_ms)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


def usual_timestamp_ms(text: str) -> int | None:
    """Give the epoch milliseconds of a timestamp written as most producers do: 2026-11-23T10:00:00.123Z.

    Returns:
        None where `timestamp_ms` has to judge.
    """
    if len(text) != _USUAL_LENGTH:  # first: what is remembered below must be short
        return None
    second_ms = _second_ms(text[:_USUAL_SECOND])
    fraction_ms = _fraction_ms(text[_USUAL_SECOND:])
    return None if second_ms is None or fraction_ms is None else second_ms + fraction_ms


def _text_ms(text: str, path: str) -> int:
    minute_ms = _minute_ms(text[:16])
    rest = _REST.fullmatch(text, 16)
    if minute_ms is None or rest is None:
        raise BadRecord(
            Reason.BAD_TIMESTAMP, path, f"{_shown(text)} is not RFC 3339 with an offset; send 2026-11-23T10:00:00.123Z"
        )
    second, fraction, sign, hours, minutes = rest.groups()
    time_ms = minute_ms + int(second) * 1000
    if fraction is not None:
        time_ms += int(fraction[:3].ljust(3, "0"))
    if sign is not None:
        offset_ms = (int(hours) * 60 + int(minutes)) * 60_000
        time_ms += offset_ms if sign == "-" else -offset_ms
    return time_ms


# Neighbouring events share their minute, so its calendar arithmetic is done once; and most of them their second.
@lru_cache(maxsize=4096)
def _second_ms(text: str) -> int | None:
    minute_ms = _minute_ms(text[:16])
    if minute_ms is None or not _SECOND.fullmatch(text, 16):
        return None
    time_ms = minute_ms + int(text[17:]) * 1000
    return time_ms if FIRST_MS <= time_ms < END_MS else None


@lru_cache(maxsize=4096)
def _minute_ms(text: str) -> int | None:
    minute = _MINUTE.fullmatch(text)
    if minute is None:
        return None
    try:
        day = date.fromisoformat(minute[1]).toordinal() - _EPOCH_DAY
    except ValueError:  # 30 February, or the year 0
        return None
    return ((day * 24 + int(minute[2])) * 60 + int(minute[3])) * 60_000


@lru_cache(maxsize=1024)
def _fraction_ms(text: str) -> int | None:
    return int(text[1:4]) if _FRACTION.fullmatch(text) else None


def _shown(value: str | int | Decimal) -> str:
    if isinstance(value, str):
        return ascii(value[:60])
    with localcontext(rounding=ROUND_DOWN):  # rounded, a time just before 2000 would read as its first instant
        return f"{Decimal(value):.15g}"
