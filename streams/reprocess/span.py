"""The stretch of event time that is recomputed."""

from typing import Self

import msgspec

from schemas.timestamps import END_MS


class Span(msgspec.Struct, frozen=True):
    """Whole cohorts: those that start at `from_ms` or later, and end by `to_ms`."""

    from_ms: int
    to_ms: int

    @classmethod
    def of(cls, from_ms: int, to_ms: int | None, bucket_s: int) -> Self:
        """Take the whole cohorts between two times; None: as far as the log goes.

        >>> Span.of(1_001, 39_999, 10)
        Span(from_ms=10000, to_ms=30000)
        """
        bucket_ms = bucket_s * 1000
        last_ms = END_MS if to_ms is None else to_ms
        return cls(-(-from_ms // bucket_ms) * bucket_ms, last_ms // bucket_ms * bucket_ms)

    @property
    def is_empty(self) -> bool:
        """Whether no whole cohort lies in it."""
        return self.to_ms <= self.from_ms
