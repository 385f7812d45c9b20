"""Counters of a partition's events since its log began: what evaluate saw itself, and what score said of its source."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.reasons import Reason
from schemas.scores import FLAG_MISROUTED, FLAG_UNKNOWN_FIELDS

_SOURCE_TOTALS: Final = frozenset({"valid", *(f"invalid_{reason}" for reason in Reason)})


class EventTotals:
    """What is counted once, whatever is read again.

    Args:
        counted: what a predecessor had counted up to its commit. Until `end_replay` nothing is added: that is what it
            saw.
    """

    def __init__(self, counted: Mapping[str, int] | None = None) -> None:
        self._counts: Counter[str] = Counter()
        self._source: dict[str, int] = {}
        self._counted = counted

    def by_name(self) -> dict[str, int]:
        """Give all counters."""
        told = {name: max(number, self._counts[name]) for name, number in self._source.items()}
        return {**self._counts, **told}

    def end_replay(self) -> None:
        """Go on counting from what had been counted."""
        if self._counted is not None:
            self._counts = Counter(self._counted)
            self._counted = None

    def count(self, name: str, number: int) -> None:
        """Add to a counter; while a replay lasts, nothing."""
        if number and self._counted is None:
            self._counts[name] += number

    def count_flags(self, events: str, flags: NDArray[np.uint8]) -> None:
        """Count what the flags say of timely events, `searches` or `clicks`."""
        self.count(f"misrouted_{events}", int(np.count_nonzero(flags & FLAG_MISROUTED)))
        self.count(f"{events}_with_unknown_fields", int(np.count_nonzero(flags & FLAG_UNKNOWN_FIELDS)))

    def hear(self, totals: Mapping[str, int]) -> None:
        """Take what score has counted of its source so far."""
        for name, number in totals.items():
            # Only the names that score uses: what stands in a commit's metadata has a bound. And nothing goes back: a
            # successor of score counts again from its commit on, and says so on the way.
            if name in _SOURCE_TOTALS:
                known = self._source.get(f"source_{name}", 0)
                self._source[f"source_{name}"] = max(number, known)
