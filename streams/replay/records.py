"""What a reader hands to the sender: one record of one topic, as it stands in the file."""

from typing import NamedTuple


class Record(NamedTuple):
    """One record to send.

    `key` None: there is none to be found. `value` None: the item is withdrawn. `time_ms`: the event's own time, epoch
    milliseconds; None where it has none that can be read.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    time_ms: int | None
