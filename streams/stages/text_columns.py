"""Texts on their way into a block: distinct values, and two bytes that number each row's."""

import struct
from collections.abc import Sequence
from typing import Any, Final

from schemas.rollup import OTHER, UNKNOWN
from schemas.scores import Column

LONGEST_VALUE: Final = 64
"""Characters kept of a segment value or category."""
MAX_TEXTS: Final = 1000
"""Distinct values of one column of a block; those of any further one are `other`."""
_pack: Final = struct.Struct("<H").pack


class TextNumbers:
    """A column that grows row by row; values are numbered in the order of their first row."""

    def __init__(self) -> None:
        self._number_of: dict[str, bytes] = {}
        self._values: list[str] = []
        self._rows: list[bytes] = []

    def append(self, value: str) -> None:
        """Add one row."""
        number = self._number_of.get(value)
        self._rows.append(self._number(value) if number is None else number)

    def extend(self, values: Sequence[str]) -> None:
        """Add many rows."""
        try:
            numbers = map(self._number_of.get, values)
            self._rows.append(b"".join(numbers))  # type: ignore[arg-type]  # None, of a new value, is a TypeError
        except TypeError:
            for value in values:
                self.append(value)

    def column(self) -> Column:
        """Give the column; long values are cut."""
        return Column(self._values, b"".join(self._rows))

    def _number(self, value: str) -> bytes:
        if len(self._values) >= MAX_TEXTS - 1 and value != OTHER:
            # Not remembered by its own name: a shop that makes up names must not fill the memory.
            return self._number_of.get(OTHER) or self._number(OTHER)
        number = _pack(len(self._values))
        self._values.append(value[:LONGEST_VALUE])
        self._number_of[value] = number
        return number


def segment_value(value: Any) -> str:
    """Give a segment value as text: `unknown` where absent or not a plain value."""
    if isinstance(value, str):
        return value[:LONGEST_VALUE] or UNKNOWN
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:LONGEST_VALUE] if isinstance(value, int | float) else UNKNOWN
