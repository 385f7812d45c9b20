"""Which partition a key belongs to: murmur2, as Java's and aiokafka's producers have it by default.

A search and its clicks meet on one worker only because every producer computes this same function of `query_id`.

References:
    Apache Kafka, org.apache.kafka.common.utils.Utils.murmur2.
"""

from typing import Final

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Hash bytes to 32 bits, unsigned."""
    length = len(data)
    h = (_SEED ^ length) & _MASK
    whole = length & ~3
    for start in range(0, whole, 4):
        k = (int.from_bytes(data[start : start + 4], "little") * _M) & _MASK
        k = ((k ^ (k >> 24)) * _M) & _MASK
        h = ((h * _M) & _MASK) ^ k
    if whole < length:
        h = ((h ^ int.from_bytes(data[whole:], "little")) * _M) & _MASK
    h = ((h ^ (h >> 13)) * _M) & _MASK
    return h ^ (h >> 15)


def partition_of(key: bytes, partitions: int) -> int:
    """Give the partition of a key on a topic with so many partitions."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
