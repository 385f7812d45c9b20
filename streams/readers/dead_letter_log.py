"""The topic `dead-letters` as a reader wants it: the first of each origin, groups of them, and what was sent back.

A record without a value is a mark: the letter with its key was sent back.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from schemas.dead_letters import DeadLetter, dead_letter_key
from streams.readers.topic_reader import TopicReader

_decoder: Final = msgspec.json.Decoder(DeadLetter)


class Selection(msgspec.Struct, frozen=True):
    """Which dead letters are meant; an empty set means any."""

    reasons: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    """Of the origin, without prefix."""
    since_ms: int = 0
    """Refused at this time or later, by the broker's clock."""

    def takes(self, letter: DeadLetter, refused_ms: int) -> bool:
        """Whether a letter is meant."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (not self.topics or letter.origin.topic in self.topics)
            and refused_ms >= self.since_ms
        )


class DeadLetterGroup(msgspec.Struct):
    """The refused records of one topic that broke one rule."""

    topic: str
    reason: str
    count: int
    newest: DeadLetter
    """The one read last, without its bytes."""
    sent_back: int = 0
    """How many of them `--retry` has sent back."""


class DeadLetterLog:
    """Reads the topic once.

    Args:
        reader: of `dead-letters`, which also gives records without a value.
        selection: which letters to give.
    """

    def __init__(self, reader: TopicReader, selection: Selection) -> None:
        self._reader = reader
        self._selection = selection
        self.sent_back: set[bytes] = set()
        """Keys of the letters that were sent back, as far as the topic has been read."""

    def letters(self) -> Iterator[tuple[DeadLetter, bytes]]:
        """Give each dead letter once, and its bytes as they lie in the topic.

        A record is refused once, but a worker that crashed writes it again: its origin tells.
        """
        seen: dict[tuple[str, int], set[int]] = {}
        for record in self._reader.to_end():
            if record.null:
                self.sent_back.add(record.key or b"")
                continue
            letter = self._reader.decode(record, _decoder.decode)
            if letter is None:
                continue
            offsets = seen.setdefault((letter.origin.topic, letter.origin.partition), set())
            if letter.origin.offset not in offsets:
                offsets.add(letter.origin.offset)
                if self._selection.takes(letter, record.appended_ms):
                    yield letter, record.value

    def groups(self) -> list[DeadLetterGroup]:
        """Count the letters by topic and reason, the most frequent first."""
        groups: dict[tuple[str, str], DeadLetterGroup] = {}
        members: dict[tuple[str, str], set[bytes]] = {}
        for letter, _ in self.letters():
            which = (letter.origin.topic, letter.reason)
            short = msgspec.structs.replace(letter, original_base64="")
            group = groups.setdefault(which, DeadLetterGroup(*which, 0, short))
            group.count += 1
            group.newest = short
            members.setdefault(which, set()).add(dead_letter_key(letter.origin))
        for which, group in groups.items():
            group.sent_back = len(members[which] & self.sent_back)
        return sorted(groups.values(), key=lambda group: (-group.count, group.topic, group.reason))
