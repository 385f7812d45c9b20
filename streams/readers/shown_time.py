"""Event times in tables."""

from schemas.timestamps import format_timestamp


def shown_time(time_ms: int) -> str:
    """Give month, day and time of day in UTC: a topic holds recordings of other days beside today.

    >>> shown_time(1_767_607_200_000)
    '01-05 10:00:00'
    """
    return format_timestamp(time_ms)[5:19].replace("T", " ")
