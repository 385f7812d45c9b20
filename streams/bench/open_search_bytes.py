"""What an open search takes in memory: that of Python and NumPy together, whatever it is made of."""

import tracemalloc
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from detectors.evaluate import EvaluateFold
from detectors.fold_settings import FoldSettings
from schemas.scores import ScoreBlock

OPEN_SEARCHES: Final = 100_000
"""In one partition: at 50 searches a second as many as half an hour brings."""


def open_search_bytes(shape: FoldSettings, blocks: Sequence[ScoreBlock]) -> float:
    """Give the bytes of each of OPEN_SEARCHES open searches.

    Args:
        shape: of the fold.
        blocks: what score wrote into one partition.
    """
    _filled(shape, blocks, 1)  # what is imported on the way is no memory of a search
    tracemalloc.start()
    try:
        began, _ = tracemalloc.get_traced_memory()
        fold = _filled(shape, blocks, OPEN_SEARCHES)
        ended, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (ended - began) / fold.open_searches


def _filled(shape: FoldSettings, blocks: Sequence[ScoreBlock], searches: int) -> EvaluateFold:
    """Give a fold with at least so many open searches: the blocks again and again, each time later, with other ids."""
    times = [np.frombuffer(block.times_ms, "<i8") for block in blocks]
    span_ms = -(-(max(map(np.max, times)) - min(map(np.min, times)) + 1) // shape.bucket_ms) * shape.bucket_ms
    fold = EvaluateFold(shape, 0)
    offset = passed = 0
    while fold.open_searches < searches:
        for block, times_ms in zip(blocks, times, strict=True):
            ids = np.frombuffer(block.query_ids, "<u8") ^ np.uint64(passed << 40)
            offsets = np.arange(offset, offset + times_ms.size, dtype="<i8")
            again = msgspec.structs.replace(
                block,
                times_ms=(times_ms + passed * span_ms).tobytes(),
                query_ids=ids.tobytes(),
                source_offsets=offsets.tobytes(),
            )
            fold.apply_scores(again, offset)
            offset += times_ms.size
            fold.close()
        passed += 1
    return fold
