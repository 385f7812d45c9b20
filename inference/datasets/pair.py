"""One labelled pair of query and item, as every reader gives it and every writer takes it."""

import math
import re
from typing import Any, Final, NamedTuple

MAX_CHARACTERS: Final = 131_072
"""Of a text. A model reads a few thousand; what is longer than this is no query or title."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class LabelledPair(NamedTuple):
    """How well an item answers a query, and how much that says."""

    query: str
    item: str
    """Its title."""
    label: float
    """In [0, 1]; a match is 0.5 or more."""
    weight: float = 1.0
    """0 or more."""
    group: str = ""
    """Which pairs are ranked against each other; the query where the file does not say."""
    split: str | None = None
    category: str | None = None
    query_count: float | None = None
    """How often the query was asked."""


class BadRow(Exception):
    """A row is no pair: it is counted by `reason`, and left out."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


COLUMNS: Final = ("query", "item", "label", "weight", "group", "split", "category", "query_count")
NEEDED: Final = ("query", "item", "label")
ALIASES: Final = {"title": "item"}
"""Other names that a column may have."""


def make_pair(row: dict[str, Any]) -> LabelledPair:
    """Check one row and give its pair.

    Args:
        row: values by column, of any type; texts of numbers are read as numbers.

    Raises:
        BadRow: a value is missing or out of its range; the message names the column, the value and the cure.
    """
    query, item = _text(row, "query"), _text(row, "item")
    label = _number(row, "label", None)
    if not 0.0 <= label <= 1.0:
        raise BadRow("label", f"label is {_shown(row['label'])}: it must be from 0 to 1; scale grades to that")
    weight = _number(row, "weight", 1.0)
    if weight < 0.0:
        raise BadRow("weight", f"weight is {_shown(row['weight'])}: it must be 0 or more; leave the row out instead")
    asked = row.get("query_count")
    count = None if asked is None or asked == "" else _number(row, "query_count", None)
    if count is not None and count < 0.0:
        raise BadRow(
            "query_count", f"query_count is {_shown(asked)}: it must be 0 or more; correct it or leave it empty"
        )
    return LabelledPair(
        query,
        item,
        label,
        weight,
        _name(row, "group") or query,
        _name(row, "split"),
        _name(row, "category"),
        count,
    )


def _text(row: dict[str, Any], column: str) -> str:
    value = row.get(column)
    if value is None:
        raise BadRow(f"no_{column}", f"{column} is missing: give its text, or leave the row out")
    if not isinstance(value, str):
        raise BadRow(column, f"{column} is {_shown(value)}: it must be a text; write numbers as texts")
    # Surrogates stand for bytes that were no UTF-8; the tokenizer would refuse the text.
    if not value.isascii() and _SURROGATE.search(value):
        raise BadRow("encoding", f"{column} is {_shown(value)}: it is no UTF-8; save the file as UTF-8")
    text = " ".join(value.split())
    if not text:
        raise BadRow(f"no_{column}", f"{column} is blank: give its text, or leave the row out")
    if len(text) > MAX_CHARACTERS:
        raise BadRow(
            column,
            f"{column} has {len(text):,} characters: at most {MAX_CHARACTERS:,} are read; cut it, or close its quotes",
        )
    return text


def _number(row: dict[str, Any], column: str, default: float | None) -> float:
    value = row.get(column)
    if value is None or value == "":
        if default is not None:
            return default
        raise BadRow(f"no_{column}", f"{column} is missing: give a number, or leave the row out")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BadRow(column, f"{column} is {_shown(value)}: it must be a number")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise BadRow(column, f"{column} is {_shown(value)}: it must be a number, as 0.5") from None
    if not math.isfinite(number):
        raise BadRow(column, f"{column} is {_shown(value)}: it must be finite; leave the row out")
    return number


def _name(row: dict[str, Any], column: str) -> str | None:
    value = row.get(column)
    if value is None or value == "":
        return None
    if isinstance(value, str | int) and not isinstance(value, bool):
        name = str(value)
        if not name.isascii() and _SURROGATE.search(name):
            raise BadRow("encoding", f"{column} is {_shown(value)}: it is no UTF-8; save the file as UTF-8")
        return name
    raise BadRow(column, f"{column} is {_shown(value)}: it must be a text or a whole number")


def _shown(value: object) -> str:
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
