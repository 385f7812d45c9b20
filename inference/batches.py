"""Cutting texts of many lengths into batches of similar length, so that little of a batch is padding."""

import numpy as np
from numpy.typing import NDArray

_SLACK_TOKENS = 8  # a run costs about 30 µs whatever its size: very short texts are not worth a batch of their own


def length_batches(lengths: NDArray[np.int32], max_rows: int) -> list[NDArray[np.intp]]:
    """Sort rows by length and cut them into batches.

    A batch ends after `max_rows` rows, or where a text is more than twice as long as the batch's shortest (and the
    difference is worth it), so fewer than half of a batch's cells are padding beyond 8 tokens.

    Args:
        lengths: tokens of each text, shape (texts,); texts of length zero are in no batch.
        max_rows: rows of a batch at most, ≥ 1.

    Returns:
        Row numbers of each batch, ascending by length; every non-empty text exactly once.
    """
    order = np.argsort(lengths, kind="stable")
    order = order[np.searchsorted(lengths[order], 1) :]
    sorted_lengths = lengths[order]
    batches = []
    start = 0
    while start < len(order):
        longest_allowed = max(2 * int(sorted_lengths[start]), _SLACK_TOKENS)
        end = int(np.searchsorted(sorted_lengths, longest_allowed, side="right"))
        end = min(end, start + max_rows)
        batches.append(order[start:end])
        start = end
    return batches
