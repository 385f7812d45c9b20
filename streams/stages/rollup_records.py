"""Records of `rollups` as their readers want them: decoded, and seen to be such as evaluate writes."""

from detectors.rollup_fit import misfit
from schemas.rollup import Rollup, RollupControl, decode_rollup


class NotARollup(ValueError):
    """A record that evaluate did not write: it is left out and counted."""


def read_rollup(value: bytes | None, partitions: int) -> Rollup | RollupControl:
    """Read a record of `rollups`.

    Args:
        value: of the record.
        partitions: how many evaluate works with.

    Raises:
        msgspec.DecodeError: these are not its bytes.
        NotARollup: its fields do not belong together, so that adding it up would fail later on.
    """
    record = decode_rollup(value or b"")
    told = misfit(record, partitions)
    if told:
        raise NotARollup(told)
    return record
