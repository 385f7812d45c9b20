"""Detect's state on the topic `detector-state`: plain numbers, in two slots that are written in turn.

A state is many records. Where the writer dies between two of them, the slot that it was writing is torn, and the
other one is still whole: a reader takes the newest whole one. Compaction keeps the latest record of each key, so both
slots stay.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from schemas.ours import decode_ours
from streams.stages.unreadable_records import UnreadableRecords
from streams.transport import OutRecord, ReadAll, Record

SLOTS: Final = ("a", "b")

_encode: Final = msgspec.msgpack.Encoder().encode
State = dict[str, Any]


class _Part(msgspec.Struct):
    """One record of a state."""

    offset: int
    part: Any


_decoder: Final = msgspec.msgpack.Decoder(_Part)


class DetectorState:
    """Reads and writes the state."""

    def __init__(self, brokers: str, topic: str, unreadable: UnreadableRecords) -> None:
        self._unreadable = unreadable
        self._brokers = brokers
        self._topic = topic
        self._next_slot = 0
        self._slots: dict[str, State] = {}

    async def read(self) -> list[State]:
        """Give what the topic holds, newest first; a state may be torn, which its reader finds out."""
        self._slots = {slot: {} for slot in SLOTS}
        reader = ReadAll(self._brokers, self._topic, self._take)
        try:
            await reader.read_to_end()
        finally:
            await reader.stop()
        states = sorted((state for state in self._slots.values() if state), key=_offset, reverse=True)
        # The slot that is not the newest is written next: the newest stays whole until that is done.
        newest = next((slot for slot in SLOTS if states and self._slots[slot] is states[0]), SLOTS[-1])
        self._next_slot = 1 - SLOTS.index(newest)
        self._slots = {}
        return states

    def records(self, state: Mapping[str, Any]) -> list[OutRecord]:
        """Give the records of a state for the slot whose turn it is."""
        slot = SLOTS[self._next_slot]
        self._next_slot = 1 - self._next_slot
        return [OutRecord(f"{slot}/{name}".encode(), _encode(part)) for name, part in state.items()]

    async def _take(self, records: Sequence[Record]) -> None:
        for record in records:
            slot, _, name = (record.key or b"").decode("utf-8", "replace").partition("/")
            if slot not in self._slots or record.value is None:
                continue
            try:
                part = decode_ours(_decoder, record.value)
            except msgspec.DecodeError as error:
                self._unreadable.leave_out(record, error)
            else:
                self._slots[slot][name] = msgspec.structs.asdict(part)


def _offset(state: State) -> int:
    return int(state.get("fold", {}).get("offset", -1))
