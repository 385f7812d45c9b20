"""From texts to embeddings: tokenise, cut, pad in batches of similar length, run one tower."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from inference.batches import length_batches
from inference.sessions import Session

_MAX_BATCH_ROWS = 256
# A token is at least one character long; beyond this the tokenizer would work on what truncation throws away.
_MAX_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Encoded:
    """Embeddings of texts, in their order.

    Attributes:
        vectors: float32, shape (texts, dim), length one; NaN where a text has no tokens (empty or blank).
        token_counts: int32, shape (texts,), after the cut to `max_tokens`, special tokens not counted.
        unknown_counts: int32, shape (texts,), those of the tokens that are not in the vocabulary.
    """

    vectors: NDArray[np.float32]
    token_counts: NDArray[np.int32]
    unknown_counts: NDArray[np.int32]


class Encoder:
    """One tower of a model with its tokenizer.

    Safe to call from several threads. Tokenizer and session release the interpreter lock.

    Args:
        tokenizer: truncates by itself, does not pad.
        session: takes int64 `input_ids` and `attention_mask` of shape (texts, tokens), gives float32 (texts, dim).
        dim: width of an embedding.
        divide_by_length: the graph does not bring vectors to length one.
    """

    def __init__(self, tokenizer: Tokenizer, session: Session, dim: int, *, divide_by_length: bool) -> None:
        self.dim = dim
        self._tokenizer = tokenizer
        self._session = session
        self._divide_by_length = divide_by_length
        self._special_tokens = tokenizer.num_special_tokens_to_add(False)
        unknown = getattr(tokenizer.model, "unk_token", None)
        unknown_id = tokenizer.token_to_id(unknown) if isinstance(unknown, str) else None
        self._unknown_id = -1 if unknown_id is None else unknown_id

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Embed texts; a text's vector does not depend on the texts beside it (up to 1e-6)."""
        rows = len(texts)
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch_fast([_clip(text) for text in texts])]
        lengths = np.fromiter(map(len, ids), np.int32, rows)
        flat = np.fromiter(chain.from_iterable(ids), np.int64, int(lengths.sum()))
        owners = np.repeat(np.arange(rows), lengths)
        unknown = np.bincount(owners[flat == self._unknown_id], minlength=rows).astype(np.int32)
        lengths[lengths <= self._special_tokens] = 0
        starts = np.concatenate(([0], np.cumsum(np.bincount(owners, minlength=rows))))[:-1]
        vectors = np.full((rows, self.dim), np.nan, np.float32)
        for batch in length_batches(lengths, _MAX_BATCH_ROWS):
            vectors[batch] = self._run(flat, starts[batch], lengths[batch])
        counts = np.maximum(lengths - np.int32(self._special_tokens), 0).astype(np.int32)
        return Encoded(vectors, counts, unknown)

    def _run(
        self, flat: NDArray[np.int64], starts: NDArray[np.int64], lengths: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        columns = np.arange(int(lengths[-1]))  # ascending: the last is the longest
        mask = columns < lengths[:, None]
        ids = np.where(mask, flat[np.minimum(starts[:, None] + columns, len(flat) - 1)], 0)
        feed = {"input_ids": ids, "attention_mask": mask.astype(np.int64)}
        vectors: NDArray[np.float32] = self._session.run(None, feed)[0]
        if self._divide_by_length:
            vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
        return vectors


def _clip(text: str) -> str:
    text = text[:_MAX_CHARACTERS]
    # Lone surrogates are no Unicode text: the tokenizer would refuse the whole batch for one of them.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
