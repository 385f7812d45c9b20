"""Makes broken, odd and hostile records from valid ones; the same seed gives the same bytes.

Two ways: by structure (a field dropped, retyped, repeated, nested, a number or a time moved), and by bytes (flips,
cuts, splices, noise). Values that no encoder would write (NaN, half characters, numbers without end) go in as text.
"""

from collections.abc import Callable
from random import Random
from typing import Any, Final

import msgspec

RAW: Final = "~RAW~"
_RAW_BYTES: Final = b'"~RAW~"'
_encode: Final = msgspec.json.Encoder().encode

LITERALS: Final[tuple[bytes, ...]] = (
    *(b"null", b"true", b"false", b"0", b"-0", b"1", b"-1", b"1.0", b"1.5", b"0.1", b"1e3", b"1E+2", b"1e-400"),
    *(b"NaN", b"Infinity", b"-Infinity", b"1e308", b"1e309", b"-1e999", b"01", b"+1", b"1.", b".5", b"0x10"),
    *(b"9007199254740993", b"18446744073709551616", b"-9223372036854775809", b"1" + b"0" * 60, b"9" * 400),
    *(b'""', b'" "', b'"x"', b'"0"', b'"null"', b'"\\u0000"', b'"\\ud800"', b'"\\ud83d\\ude00"', b'"\\udc00\\ud800"'),
    *(
        b'"\xe8\xbf\x90\xe5\x8a\xa8\xe9\x9e\x8b"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\t"',
        b'"\\x"',
        b'"\x7f"',
        b'"a\\/b"',
    ),
    *(b'"\xef\xbf\xbf"', b'"\xf0\x9f\x91\x9f"', b'"\xcc\x81\xcc\x81\xcc\x81"', b'"\xe2\x80\xae"', b'"\xef\xbb\xbf"'),
    *(b"{}", b"[]", b"[{}]", b"[null]", b"[[]]", b'{"a":1,"a":{}}', b'{"":""}', b'{"a":{"b":[1,{"c":null}]}}'),
    *(b"[1,]", b'{"a"}', b"{,}", b"'x'", b"undefined", b"", b"/**/1", b'[{"object_id":"a","position":1}]'),
    *(b'[{"object_id":"a","position":1},{"object_id":"a","position":0.5}]', b'{"name":"a","version":"b"}'),
    *(b'{"name":"","version":"b"}', b'"search"', b'"ads"', b'"SEARCH"', b'"click"', b'"purchase"', b'"live"'),
)
TIMES: Final[tuple[bytes, ...]] = (
    *(b'"2026-11-23T10:00:00"', b'"2026-11-23 10:00:00Z"', b'"2026-11-23T10:00:60Z"', b'"2026-02-30T10:00:00Z"'),
    *(b'"2026-11-23T24:00:00Z"', b'"2026-11-23T10:00:00+24:00"', b'"2026-11-23T10:00:00-00:00"', b'"20261123T100000Z"'),
    *(b'"1999-12-31T23:59:59.999Z"', b'"2000-01-01T00:00:00Z"', b'"2089-12-31T23:59:59Z"', b'"2090-01-01T00:00:00Z"'),
    *(b'"0000-01-01T00:00:00Z"', b'"9999-12-31T23:59:59Z"', b'"1795428000000"', b"946684799999", b"946684799999.99"),
    *(b"3786912000000", b"1e12", b"1.7e12", b"-1", b"0", b"1e300", b'"now"', b'""', b"null", b"[2026]", b"true"),
)
Event = dict[str, Any]
Place = tuple[Any, Any]
"""A container and the key or index of one of its values."""


class Mutator:
    """Breaks records.

    Args:
        rng: seeded; all that is drawn comes from here.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._before = b"{}"
        self._structural: tuple[Callable[[Event], bytes], ...] = (
            *(self._drop, self._replace, self._replace, self._repeat_field, self._unknown_field, self._swap),
            *(
                self._nest,
                self._tweak_number,
                self._tweak_text,
                self._tweak_list,
                self._time,
                self._time,
                self._several,
            ),
        )
        self._bytewise: tuple[Callable[[bytes], bytes | None], ...] = (
            *(self._flip, self._flip, self._cut, self._insert, self._delete, self._splice, self._noise, self._edge),
        )

    def structure(self, event: Event) -> bytes:
        """Break an event by its structure; it is the mutator's own to change."""
        return self._rng.choice(self._structural)(event)

    def raw(self, record: bytes) -> bytes | None:
        """Break the bytes of a record; None is a record without a value."""
        broken = self._rng.choice(self._bytewise)(record)
        self._before = record
        return broken

    # By structure

    def _places(self, event: Any, found: list[Place]) -> list[Place]:
        pairs = event.items() if isinstance(event, dict) else enumerate(event)
        for key, value in pairs:
            found.append((event, key))
            if isinstance(value, dict | list) and value:
                self._places(value, found)
        return found

    def _place(self, event: Event) -> Place:
        places = self._places(event, [])
        # Half of the time at the top, where most rules are.
        top = [place for place in places if place[0] is event]
        return self._rng.choice(top if self._rng.random() < 0.5 else places)

    def _written(self, event: Any, literal: bytes = b"") -> bytes:
        return _encode(event).replace(_RAW_BYTES, literal)

    def _drop(self, event: Event) -> bytes:
        container, key = self._place(event)
        del container[key]
        return self._written(event)

    def _replace(self, event: Event) -> bytes:
        container, key = self._place(event)
        container[key] = RAW
        return self._written(event, self._literal())

    def _literal(self) -> bytes:
        if self._rng.random() < 0.001:
            return b'"' + b"x" * self._rng.choice((300, 70_000, 1 << 20)) + b'"'
        return self._rng.choice(LITERALS)

    def _repeat_field(self, event: Event) -> bytes:
        name = self._rng.choice(list(event))
        field = _encode(name) + b":" + self._literal()
        written = self._written(event)
        # The last of a repeated field counts.
        return b"{" + field + b"," + written[1:] if self._rng.random() < 0.5 else written[:-1] + b"," + field + b"}"

    def _unknown_field(self, event: Event) -> bytes:
        container, _ = self._place(event)
        if isinstance(container, dict):
            container[self._rng.choice(("x", "", "运动", "query_id ", "Timestamp", "\x00"))] = RAW
        return self._written(event, self._literal())

    def _swap(self, event: Event) -> bytes:
        (one, key), (other, other_key) = self._place(event), self._place(event)
        value, other_value = one[key], other[other_key]
        if isinstance(value, dict | list) or isinstance(other_value, dict | list):  # one may hold the other
            one[key] = other_value if not isinstance(other_value, dict | list) else None
        else:
            one[key], other[other_key] = other_value, value
        return self._written(event)

    def _nest(self, event: Event) -> bytes:
        container, key = self._place(event)
        inner = _encode(container[key])
        levels = self._rng.choice((1, 2, 10, 480, 499, 500, 501, 3000))
        container[key] = RAW
        if self._rng.random() < 0.5:
            return self._written(event, b"[" * levels + inner + b"]" * levels)
        return self._written(event, b'{"a":' * levels + inner + b"}" * levels)

    def _tweak_number(self, event: Event) -> bytes:
        places = [(c, k) for c, k in self._places(event, []) if type(c[k]) in (int, float)]
        if places:
            container, key = self._rng.choice(places)
            number = container[key]
            container[key] = self._rng.choice(
                (-number, number + 1, number - 1, number * 1e6, number / 3, 0, str(number))
            )
        return self._written(event)

    def _tweak_text(self, event: Event) -> bytes:
        places = [(c, k) for c, k in self._places(event, []) if type(c[k]) is str]
        if places:
            container, key = self._rng.choice(places)
            text = container[key]
            odd = (
                "",
                text + "\u200b",
                text * 3,
                text[: len(text) // 2],
                "𝒳" + text,
                text + "\x00",
                "鞋" * 300,
                text.upper(),
            )
            container[key] = self._rng.choice(odd)
        return self._written(event)

    def _tweak_list(self, event: Event) -> bytes:
        places = [(c, k) for c, k in self._places(event, []) if type(c[k]) is list]
        if not places:
            return self._replace(event)
        container, key = self._rng.choice(places)
        items = container[key]
        container[key] = self._rng.choice((items[::-1], items + items, items[:1] * 200, [], [*items, None], [items]))
        return self._written(event)

    def _time(self, event: Event) -> bytes:
        time_ms = event.get("timestamp")
        if not isinstance(time_ms, int) or self._rng.random() < 0.3:
            event["timestamp"] = RAW
            return self._written(event, self._rng.choice(TIMES))
        # Mostly back: what is accepted ahead of time makes all that follows late.
        moved = time_ms + self._rng.choice((-5_000, -29_999, -30_000, -30_001, -45_000, -3_600_000, 900, 61_000, 10**9))
        event["timestamp"] = self._rng.choice((moved, moved + 0.999, RAW))
        return self._written(event, b"%d.%03d" % (moved, self._rng.randrange(1000)))

    def _several(self, event: Event) -> bytes:
        for _ in range(self._rng.randrange(2, 5)):
            container, key = self._place(event)
            container[key] = self._rng.choice((None, 0, "", -1, [], {}, True, "x", 1.5))
            if not event:
                break
        return self._written(event)

    # By bytes

    def _flip(self, record: bytes) -> bytes:
        changed = bytearray(record)
        for _ in range(self._rng.choice((1, 1, 2, 8)) if changed else 0):
            changed[self._rng.randrange(len(changed))] ^= 1 << self._rng.randrange(8)
        return bytes(changed)

    def _cut(self, record: bytes) -> bytes:
        at = self._rng.randrange(len(record) + 1)
        return record[:at] if self._rng.random() < 0.7 else record[at:]

    def _insert(self, record: bytes) -> bytes:
        at = self._rng.randrange(len(record) + 1)
        odd = self._rng.choice(
            (b"\x00", b"\xff", b"\xef\xbb\xbf", b'"', b"\\", b"}", b"{", b" ", b"\n", b",", b"\xe2\x80")
        )
        return record[:at] + odd + record[at:]

    def _delete(self, record: bytes) -> bytes:
        at = self._rng.randrange(len(record) + 1)
        return record[:at] + record[at + self._rng.choice((1, 1, 3, 20)) :]

    def _splice(self, record: bytes) -> bytes:
        at, other = self._rng.randrange(len(record) + 1), self._before
        return record[:at] + other[self._rng.randrange(len(other) + 1) :]

    def _noise(self, _: bytes) -> bytes:
        return self._rng.randbytes(self._rng.choice((1, 5, 40, 400)))

    def _edge(self, record: bytes) -> bytes | None:
        header = b"\x00" + self._rng.randbytes(4)
        choices: tuple[bytes | None, ...] = (None, b"", b"\x00", header, header + record, b"\xef\xbb\xbf" + record)
        more: tuple[bytes | None, ...] = (record + b"\n", b" " + record, record + record, b"[" + record + b"]")
        return self._rng.choice((*choices, *more, record.decode("utf-8", "replace").encode("utf-16")))
