"""What is served of a two-tower model NAME: NAME for pairs, NAME.query and NAME.item for texts."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.encoder import Encoder
from inference.protocol.tensors import TensorSpec
from inference.server.served_model import Columns, Computed, ServedModel
from inference.two_tower import TwoTower

_TEXTS: Final = (-1, 1)


def two_tower_models(tower: TwoTower) -> list[ServedModel]:
    """Give the three entries of a loaded model."""
    name, version = tower.model
    calibration = {"calibration_a": repr(tower.calibration.a), "calibration_b": repr(tower.calibration.b)}
    pairs = ServedModel(
        name,
        version,
        (TensorSpec("query", "BYTES", _TEXTS), TensorSpec("item", "BYTES", _TEXTS)),
        (TensorSpec("match", "FP32", _TEXTS),),
        _pairs(tower),
        calibration,
    )
    encoders = [
        ServedModel(
            f"{name}.{role}",
            version,
            (TensorSpec("text", "BYTES", _TEXTS),),
            (
                TensorSpec("embedding", "FP32", (-1, encoder.dim)),
                TensorSpec("tokens", "INT32", _TEXTS),
                TensorSpec("unknown_tokens", "INT32", _TEXTS),
            ),
            _texts(encoder),
            calibration,
        )
        for role, encoder in (("query", tower.queries), ("item", tower.items))
    ]
    return [pairs, *encoders]


def _texts(encoder: Encoder) -> Callable[[Columns], Computed]:
    def compute(columns: Columns) -> Computed:
        encoded = encoder.encode(columns[0])
        arrays = {
            "embedding": encoded.vectors,
            "tokens": encoded.token_counts[:, None],
            "unknown_tokens": encoded.unknown_counts[:, None],
        }
        return Computed(arrays, ~np.isfinite(encoded.vectors).all(axis=1) & (encoded.token_counts > 0))

    return compute


def _pairs(tower: TwoTower) -> Callable[[Columns], Computed]:
    def compute(columns: Columns) -> Computed:
        queries, query_texts = _encoded(tower.queries, columns[0])
        items, item_texts = _encoded(tower.items, columns[1])
        match = tower.probabilities(np.einsum("ij,ij->i", queries, items))
        return Computed({"match": match[:, None]}, ~np.isfinite(match) & query_texts & item_texts)

    return compute


def _encoded(encoder: Encoder, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Give the vector of each text, and whether it has tokens; a text that is there twice is encoded once."""
    place: dict[str, int] = {}
    rows = np.fromiter((place.setdefault(text, len(place)) for text in texts), np.intp, len(texts))
    encoded = encoder.encode(list(place))
    return encoded.vectors[rows], encoded.token_counts[rows] > 0
