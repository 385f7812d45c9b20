"""The topic `dead-letters` as a reader wants it: the first of each origin, and groups of them."""

from collections.abc import Iterator
from typing import Final

import msgspec

from schemas.dead_letters import DeadLetter
from streams.readers.topic_reader import TopicReader

_decoder: Final = msgspec.json.Decoder(DeadLetter)


class DeadLetterGroup(msgspec.Struct):
    """The refused records of one topic that broke one rule."""

    topic: str
    reason: str
    count: int
    newest: DeadLetter
    """The one read last."""


def read_dead_letters(reader: TopicReader) -> Iterator[tuple[DeadLetter, bytes]]:
    """Give each dead letter once, and its bytes as they lie in the topic.

    A record is refused once, but a worker that crashed writes it again: its origin tells.
    """
    seen: dict[tuple[str, int], set[int]] = {}
    for record in reader.to_end():
        letter = reader.decode(record, _decoder.decode)
        if letter is None:
            continue
        offsets = seen.setdefault((letter.origin.topic, letter.origin.partition), set())
        if letter.origin.offset not in offsets:
            offsets.add(letter.origin.offset)
            yield letter, record.value


def group_dead_letters(letters: Iterator[tuple[DeadLetter, bytes]]) -> list[DeadLetterGroup]:
    """Count dead letters by topic and reason, the most frequent first."""
    groups: dict[tuple[str, str], DeadLetterGroup] = {}
    for letter, _ in letters:
        short = msgspec.structs.replace(letter, original_base64="")
        group = groups.setdefault(
            (letter.origin.topic, letter.reason), DeadLetterGroup(letter.origin.topic, letter.reason, 0, short)
        )
        group.count += 1
        group.newest = short
    return sorted(groups.values(), key=lambda group: (-group.count, group.topic, group.reason))
