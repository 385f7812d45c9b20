"""A loaded match model: P(match | query, item) = sigmoid(a * cosine(query, item) + b)."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from inference.encoder import Encoder
from inference.manifest import Calibration
from inference.repository import ModelFiles, ModelName
from inference.sessions import CPU, open_session
from schemas.errors import ModelRefused

_WARM_UP_TEXTS = ("running shoes", "运动鞋", "the same text, somewhat longer, so that a second shape is seen 男士跑步")


@dataclass(frozen=True, slots=True)
class TwoTower:
    """Both encoders of a model and what turns a cosine into a probability."""

    model: ModelName
    queries: Encoder
    items: Encoder
    calibration: Calibration

    def probabilities(self, cosines: NDArray[np.float32]) -> NDArray[np.float32]:
        """Calibrated probabilities, same shape; NaN stays NaN."""
        logits = np.float32(self.calibration.a) * cosines + np.float32(self.calibration.b)
        # exp of a large number is infinity and its inverse zero, which is the right answer
        with np.errstate(over="ignore"):
            probabilities: NDArray[np.float32] = np.float32(1) / (np.float32(1) + np.exp(-logits))
        return probabilities


def load_two_tower(files: ModelFiles, intra_op_threads: int = 1, providers: Sequence[str] = (CPU,)) -> TwoTower:
    """Open a verified model and run it once, so that the first real batch finds it warm.

    Raises:
        ModelRefused: the files are no tokenizer or graphs that fit the manifest.
    """
    # Rayon's threads cost more CPU time than they save on batches of short texts (measured: 42 against 30 µs a search
    # of 64 new queries). The tokenizer reads this once, at its first batch; whoever sets it keeps their setting.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    manifest = files.manifest
    towers = manifest.towers
    try:
        tokenizer = Tokenizer.from_buffer(files.contents[towers.tokenizer])
        tokenizer.no_padding()
        tokenizer.enable_truncation(manifest.max_tokens)
        sessions = {
            name: open_session(files.contents[name], intra_op_threads, providers)
            for name in {towers.query, towers.item}
        }
        encoders = [
            Encoder(
                tokenizer,
                sessions[name],
                manifest.embedding_dim,
                divide_by_length=manifest.normalisation == "none",
            )
            for name in (towers.query, towers.item)
        ]
        warm = [encoder.encode(_WARM_UP_TEXTS).vectors for encoder in encoders]
    except Exception as error:  # both libraries raise bare Exceptions
        raise ModelRefused(
            f"{files.folder}: expected a tokenizer and graphs that run, found: {_first_line(error)}; "
            "export the model again"
        ) from error
    if not all(np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3) for vectors in warm):
        raise ModelRefused(
            f"{files.folder}: expected vectors of length one (normalisation {manifest.normalisation}), "
            "found others; correct the manifest or export the model again"
        )
    return TwoTower(files.model, encoders[0], encoders[1], manifest.calibration)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
