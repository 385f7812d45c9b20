"""What a model folder says about itself: files with their hashes, shape, calibration, origin and measured quality."""

from typing import Literal

import msgspec

MANIFEST_FILE = "manifest.json"


class Towers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which file encodes what. Both towers may be one file."""

    query: str = "query.onnx"
    item: str = "item.onnx"
    tokenizer: str = "tokenizer.json"


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """P(match) = sigmoid(a * cosine + b), fitted on validation pairs (Platt scaling)."""

    a: float
    b: float


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the model came to be, written by the run that trained it."""

    data_fingerprint: str  # sha256 over the sorted training, validation and test pairs
    pairs: dict[str, int]  # split -> number of pairs
    seed: int
    epochs: int
    created_at: str  # RFC 3339; SOURCE_DATE_EPOCH where it is set, so that a run can be repeated to the byte
    versions: dict[str, str]  # library -> version
    sabotage: str | None = None  # how the model was spoilt on purpose; null for an honest one


class Evaluation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Figures on pairs whose items and queries were both absent from training."""

    held_out: str
    pairs: int
    positives: int
    auc: float
    log_loss: float
    ece: float


class Manifest(msgspec.Struct, frozen=True):
    """The contents of `manifest.json`. Unknown fields are ignored, so that newer writers can be read."""

    name: str
    version: str
    kind: Literal["two_tower"]
    files: dict[str, str]  # file name -> sha256, of every file but the manifest
    embedding_dim: int
    max_tokens: int
    normalisation: Literal["l2", "none"]  # "l2": the graph's vectors have length one; "none": the encoder divides
    calibration: Calibration
    towers: Towers = Towers()
    training: Training | None = None
    evaluation: Evaluation | None = None


def encode_manifest(manifest: Manifest) -> bytes:
    """Indented JSON with a final newline, the same bytes for the same manifest."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=2) + b"\n"
