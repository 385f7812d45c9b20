"""Checks of single fields: each gives the value as the house wants it, or says which rule it breaks, and where.

Paths grow from the inside: a check names its field as `.position`, whoever reads the record it lies in puts
`$.results[3]` before it. So no path is written unless something is wrong.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from schemas.errors import BadRecord
from schemas.events import MAX_INTEGER
from schemas.reasons import Reason

_KINDS: Final = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}

Object = Mapping[str, Any]
T = TypeVar("T")


def below(prefix: str, error: BadRecord) -> BadRecord:
    """Put a prefix before an error's path."""
    return BadRecord(error.reason, prefix + error.path, error.message)


def present(record: Object, name: str) -> Any:
    """Give a required field's value."""
    try:
        return record[name]
    except KeyError:
        raise BadRecord(Reason.MISSING_FIELD, f".{name}", "missing; it is required") from None


def text(record: Object, name: str) -> str:
    """Give a required string, which may be empty."""
    return _typed(present(record, name), name, str)


def name_text(record: Object, name: str) -> str:
    """Give a required string that names something."""
    value = text(record, name)
    if not value:
        raise BadRecord(Reason.EMPTY, f".{name}", "empty; it must name something")
    return value


def optional_text(record: Object, name: str) -> str | None:
    """Give an optional string; null is as if absent."""
    return None if record.get(name) is None else text(record, name)


def choice(record: Object, name: str, choices: Sequence[str]) -> Any:
    """Give a required word of a list."""
    value = text(record, name)
    if value not in choices:
        raise BadRecord(Reason.UNKNOWN_VALUE, f".{name}", f"{value[:60]!a}; it must be one of {', '.join(choices)}")
    return value


def mapping(record: Object, name: str) -> dict[str, Any]:
    """Give a required object."""
    return _typed(present(record, name), name, dict)


def array(record: Object, name: str) -> list[Any]:
    """Give a required array."""
    return _typed(present(record, name), name, list)


def boolean(record: Object, name: str) -> bool:
    """Give a required boolean."""
    return _typed(present(record, name), name, bool)


def number(record: Object, name: str, *, least: float | None = None, most: float | None = None) -> float:
    """Give a required number between two bounds, both inclusive."""
    value = present(record, name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(value, name, "a number")
    try:
        result = float(value)
    except OverflowError:
        raise BadRecord(Reason.OUT_OF_RANGE, f".{name}", "a number too large to be read") from None
    if (least is not None and result < least) or (most is not None and result > most):
        raise BadRecord(Reason.OUT_OF_RANGE, f".{name}", f"{result:.6g}; it must be {_bounds(least, most)}")
    return result


def optional_number(
    record: Object, name: str, *, least: float | None = None, most: float | None = None
) -> float | None:
    """Give an optional number between two bounds; null is as if absent."""
    return None if record.get(name) is None else number(record, name, least=least, most=most)


def integer(record: Object, name: str, *, least: int, most: int | None = MAX_INTEGER) -> int:
    """Give a required integer between two bounds, both inclusive; JSON does not tell 3.0 from 3."""
    value = present(record, name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type(value, name, "an integer")
    if value < least or (most is not None and value > most):
        shown = str(value) if abs(value) <= MAX_INTEGER else "a number too large"
        raise BadRecord(Reason.OUT_OF_RANGE, f".{name}", f"{shown}; it must be {_bounds(least, most)}")
    return value


def optional_integer(record: Object, name: str, *, least: int, most: int | None = MAX_INTEGER) -> int | None:
    """Give an optional integer; null is as if absent."""
    return None if record.get(name) is None else integer(record, name, least=least, most=most)


def _typed(value: Any, name: str, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise _wrong_type(value, name, _KINDS[kind])
    return value


def _wrong_type(value: Any, name: str, wanted: str) -> BadRecord:
    found = _KINDS.get(type(value), "a number")
    return BadRecord(Reason.WRONG_TYPE, f".{name}", f"{found}; it must be {wanted}")


def _bounds(least: float | None, most: float | None) -> str:
    ends = [f"at least {least:.16g}"] if least is not None else []
    ends += [f"at most {most:.16g}"] if most is not None else []
    return " and ".join(ends)
