"""An account of every record that was sent, by the contracts' second reading: nothing of the product decides here.

Memory is bounded: what no rule can ask for any more is forgotten.
"""

from collections import Counter, deque
from collections.abc import Mapping
from typing import Final

from tests.fuzz.shop import ARRIVAL, Sent
from tests.oracle.contracts import Click, InvalidRecord, Search, read_catalog_item, read_click, read_search

KNOWN_ACTIONS: Final = ("click", "item_click", "global_click", "purchase")
WORDS: Final[Mapping[str, frozenset[str]]] = {
    "larger than 1 MiB": frozenset({"too_large"}),
    "not UTF-8": frozenset({"not_utf8"}),
    "byte order mark": frozenset({"byte_order_mark"}),
    "nested too deep": frozenset({"too_deep"}),
    # Where several rules of JSON are broken, the two readers may meet another one first.
    "not JSON": frozenset({"not_json", "lone_surrogate", "out_of_range"}),
    "NaN is no JSON": frozenset({"not_json"}),
    "Infinity is no JSON": frozenset({"not_json"}),
    "-Infinity is no JSON": frozenset({"not_json"}),
    "lone surrogate": frozenset({"lone_surrogate", "not_json", "out_of_range"}),
    "number beyond a double": frozenset({"out_of_range", "not_json", "lone_surrogate"}),
    "number beyond reading": frozenset({"out_of_range", "not_json", "lone_surrogate"}),
    "not an object": frozenset({"not_an_object"}),
    "no value": frozenset({"no_value"}),
    "bad key": frozenset({"bad_key"}),
    "too far ahead": frozenset({"too_far_ahead"}),
}
FIELD_REASONS: Final = frozenset(
    {
        *("missing_field", "wrong_type", "empty", "out_of_range", "unknown_value"),
        *("bad_timestamp", "before_2000", "after_2089"),
    }
)


def allowed_reasons(told: str) -> frozenset[str]:
    """Give the product's reasons that may stand for what the second reader says."""
    if ": " in told and told.split(":", maxsplit=1)[0] not in WORDS:
        return FIELD_REASONS  # one breach is enough, and a record may have several
    return WORDS[told.split(":", maxsplit=1)[0]]


class Ledger:
    """Says of each record what must become of it.

    Args:
        bucket_s: length of a cohort.
        horizon_s: the longest.
        lateness_s: how far behind the newest event an event may be dated.
        max_ahead_s: how far ahead of its arrival.
    """

    def __init__(self, *, bucket_s: int, horizon_s: int, lateness_s: int, max_ahead_s: int) -> None:
        self._bucket_ms, self._horizon_ms = bucket_s * 1000, horizon_s * 1000
        self._lateness_ms, self._ahead_ms = lateness_s * 1000, max_ahead_s * 1000
        self._remember_ms = self._horizon_ms + 2 * self._lateness_ms
        self.outcomes: Counter[str] = Counter()
        self._largest: dict[tuple[str, int], int] = {}
        self._seen_end: dict[tuple[int, str], int] = {}
        self._accepted: dict[tuple[int, str], list[tuple[int, frozenset[str]]]] = {}
        self._waiting: dict[int, deque[Click]] = {}

    def refusal(self, sent: Sent) -> str:
        """Say why a record is invalid; an empty string where it is valid, and is then counted."""
        try:
            self._read(sent)
        except InvalidRecord as error:
            self.outcomes[f"{sent.topic} invalid"] += 1
            return str(error)
        return ""

    def _read(self, sent: Sent) -> None:
        if sent.topic == "catalog-items":
            if sent.value is not None:
                read_catalog_item(sent.value)
            elif not sent.key:
                raise InvalidRecord("bad key")
            self.outcomes["catalog-items valid"] += 1
            return
        if sent.value is None:
            raise InvalidRecord("no value")
        event = read_search(sent.value) if sent.topic == "search-events" else read_click(sent.value)
        arrival_ms = _arrival(sent)
        if arrival_ms is not None and event.time_ms > arrival_ms + self._ahead_ms:
            raise InvalidRecord("too far ahead")
        before = self._largest.get((sent.topic, sent.partition))
        self._largest[sent.topic, sent.partition] = event.time_ms if before is None else max(before, event.time_ms)
        if before is not None and event.time_ms < before - self._lateness_ms:
            self.outcomes[f"{sent.topic} late"] += 1
        elif isinstance(event, Search):
            self._take_search(event, sent.partition, (before or 0) - self._lateness_ms)
        else:
            self._take_click(event, sent.partition)

    def _take_search(self, search: Search, partition: int, watermark_ms: int) -> None:
        who = (partition, search.query_id)
        end_ms = (search.time_ms // self._bucket_ms + 1) * self._bucket_ms
        seen = self._seen_end.get(who)
        if seen is not None and seen + self._remember_ms > watermark_ms:
            self.outcomes["search-events repeated"] += 1
            self._seen_end[who] = max(seen, end_ms)
            return
        self.outcomes["search-events accepted"] += 1
        self._seen_end[who] = end_ms
        self._accepted.setdefault(who, []).append((search.time_ms, frozenset(name for name, _ in search.items)))

    def _take_click(self, click: Click, partition: int) -> None:
        if click.action_name not in KNOWN_ACTIONS:
            self.outcomes["click-events unknown action"] += 1
            return
        self._waiting.setdefault(partition, deque()).append(click)

    def settle(self, *, everything: bool = False) -> None:
        """Decide about clicks whose search can come no more, and forget what nobody can ask for."""
        for partition, clicks in self._waiting.items():
            searches_ms = self._largest.get(("search-events", partition), 0)
            left: deque[Click] = deque()
            for click in clicks:
                if not everything and click.time_ms >= searches_ms - 2 * self._lateness_ms:
                    left.append(click)
                else:
                    self.outcomes[f"click-events {self._becomes(click, partition)}"] += 1
            self._waiting[partition] = left
        oldest_ms = min(self._largest.values(), default=0) - 2 * (self._remember_ms + self._bucket_ms)
        for who in [who for who, end_ms in self._seen_end.items() if end_ms < oldest_ms]:
            del self._seen_end[who]
            self._accepted.pop(who, None)

    def _becomes(self, click: Click, partition: int) -> str:
        for time_ms, shown in self._accepted.get((partition, click.query_id), ()):
            if -self._lateness_ms <= click.time_ms - time_ms <= self._horizon_ms and click.object_id in shown:
                return "matched"
        return "unmatched"


def _arrival(sent: Sent) -> int | None:
    for name, value in sent.headers:
        if name == ARRIVAL:
            if value == b"none":
                return None
            if 0 < len(value) <= 13 and all(48 <= digit <= 57 for digit in value):
                return int(value)
    return sent.timestamp
