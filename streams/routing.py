"""Which partition many keys belong to, at once: murmur2 over arrays.

See `streams.partitioner` for the function; this one serves the stages, which check every record.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streams.partitioner import partition_of

_SEED: Final = np.uint32(0x9747B28C)
_M: Final = np.uint32(0x5BD1E995)
_LONGEST: Final = 64
"""Longer keys are hashed one by one, so that a single huge key costs no memory for all others."""


def partitions_of(keys: Sequence[bytes], partitions: int) -> NDArray[np.int64]:
    """Give the partition of each key.

    Args:
        keys: not empty each.
        partitions: how many the topic has.

    Returns:
        Shape (n,).
    """
    lengths = np.fromiter(map(len, keys), dtype=np.int64, count=len(keys))
    result = np.empty(len(keys), dtype=np.int64)
    long = lengths > _LONGEST
    for place in np.flatnonzero(long).tolist():
        result[place] = partition_of(keys[place], partitions)
    short = np.flatnonzero(~long)
    if short.size:
        padded = np.array(
            keys if short.size == len(keys) else [keys[place] for place in short.tolist()], dtype=f"S{_LONGEST}"
        )
        words = padded.view("<u4").reshape(short.size, _LONGEST // 4)
        hashes = _murmur2(words, lengths[short])
        result[short] = (hashes & np.uint32(0x7FFFFFFF)).astype(np.int64) % partitions
    return result


def _murmur2(words: NDArray[np.uint32], lengths: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Hash rows of zero-padded text; arithmetic wraps at 32 bits as the function wants."""
    h = _SEED ^ lengths.astype(np.uint32)
    whole = lengths // 4
    for column in range(int(whole.max(initial=0))):
        k = words[:, column] * _M
        k = (k ^ (k >> np.uint32(24))) * _M
        h = np.where(whole > column, (h * _M) ^ k, h)
    rest = lengths % 4
    tail = words[np.arange(lengths.size), np.minimum(whole, words.shape[1] - 1)]
    h = np.where(rest > 0, (h ^ tail) * _M, h)
    h = (h ^ (h >> np.uint32(13))) * _M
    return np.asarray(h ^ (h >> np.uint32(15)), dtype=np.uint32)
