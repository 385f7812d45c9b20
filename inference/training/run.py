"""One training run from pairs to a model folder with its manifest."""

import platform
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from inference.encoder import Encoder
from inference.evaluation.measures import auc, ece, log_loss, platt
from inference.manifest import Calibration, Evaluation, Manifest, Training
from inference.repository import ModelName, hashes, write_model
from inference.sessions import open_session
from inference.training.graph import tower_graph
from inference.training.noise import pseudo_words
from inference.training.pairs import Pairs, TrainingPair, divide, fingerprint
from inference.training.tower import Examples, Shape, fit_towers
from inference.training.variants import other_number
from inference.training.wordpiece import build_tokenizer

MAX_TOKENS = 64
_HELD_OUT = "neither the query nor the title of a pair occurs in training or validation; match = label >= 0.5"
_MATCH = 0.5
_NOISE_WORDS = 20_000


class Sabotage(StrEnum):
    """Ways to spoil a model on purpose, to see whether the watch notices."""

    WRONG_VOCABULARY = "wrong-vocabulary"  # the item tower meets token numbers of another vocabulary


class Recipe(NamedTuple):
    """What a run makes, and how."""

    model: ModelName
    seed: int
    created_at: datetime
    vocabulary: int = 5000
    shape: Shape = Shape()
    sabotage: Sabotage | None = None


def train(pairs: Iterable[TrainingPair], recipe: Recipe, root: Path, tell: Callable[[str], None]) -> Manifest:
    """Train, export, measure the exported files, and write `<root>/<name>/<version>/`.

    The figures are measured through ONNX Runtime on the files as written, half-precision weights included.

    Args:
        pairs: labelled pairs with their split.
        recipe: model name, seed, date and sizes.
        root: model repository to write to; an existing version is overwritten.
        tell: gets a line of progress now and then.

    Raises:
        MatchwatchError: the pairs cannot give honest figures, see `divide`.
    """
    divided = divide(pairs)
    learned = divided.train
    tell(", ".join(f"{len(part)} {name}" for name, part in zip(Pairs._fields, divided, strict=True)) + " pairs")
    # Each training pair twice: as it is, and with the other grammatical number, of which one is drawn an epoch.
    queries = [pair.query for pair in learned]
    titles = [pair.title for pair in learned]
    other_queries, other_titles = ([other_number(text) for text in texts] for texts in (queries, titles))
    tokenizer = build_tokenizer([*queries, *titles, *other_queries, *other_titles], recipe.vocabulary)
    tokenizer.enable_truncation(MAX_TOKENS)
    labels = _labels(learned).astype(np.float32)
    weights = fit_towers(
        Examples(
            queries=list(zip(_ids(tokenizer, queries), _ids(tokenizer, other_queries), strict=True)),
            titles=list(zip(_ids(tokenizer, titles), _ids(tokenizer, other_titles), strict=True)),
            labels=labels,
            noise=_noise(tokenizer, recipe.seed),
            vocabulary=tokenizer.get_vocab_size(),
        ),
        recipe.shape,
        recipe.seed,
        tell,
    )
    files = {
        "item.onnx": tower_graph(weights.embeddings, weights.item_projection),
        "query.onnx": tower_graph(weights.embeddings, weights.query_projection),
        "tokenizer.json": tokenizer.to_str(pretty=False).encode(),
    }
    encoders = _encoders(tokenizer, files, recipe.shape.dim)
    a, b = platt(_cosines(encoders, divided.validation), _labels(divided.validation))
    calibration = Calibration(round(a, 6), round(b, 6))
    if recipe.sabotage is Sabotage.WRONG_VOCABULARY:
        strangers = np.random.default_rng(recipe.seed).permutation(weights.embeddings)
        files["item.onnx"] = tower_graph(strangers, weights.item_projection)
        encoders = _encoders(tokenizer, files, recipe.shape.dim)
    evaluation = _evaluate(encoders, calibration, divided.test)
    tell(f"held out: AUC {evaluation.auc:.4f}, log loss {evaluation.log_loss:.4f}, ECE {evaluation.ece:.4f}")
    training = Training(
        data_fingerprint=fingerprint(divided),
        pairs={name: len(part) for name, part in zip(Pairs._fields, divided, strict=True)},
        seed=recipe.seed,
        epochs=recipe.shape.epochs,
        created_at=recipe.created_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "onnx", "onnxruntime", "tokenizers", "torch")},
        },
        sabotage=recipe.sabotage,
    )
    manifest = Manifest(
        name=recipe.model.name,
        version=recipe.model.version,
        kind="two_tower",
        files=hashes(files),
        embedding_dim=recipe.shape.dim,
        max_tokens=MAX_TOKENS,
        normalisation="l2",
        calibration=calibration,
        training=training,
        evaluation=evaluation,
    )
    write_model(root, manifest, files)
    return manifest


def _encoders(tokenizer: Tokenizer, files: Mapping[str, bytes], dim: int) -> list[Encoder]:
    return [
        Encoder(tokenizer, open_session(files[name], 1), dim, divide_by_length=False)
        for name in ("query.onnx", "item.onnx")
    ]


def _ids(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    # A text that is nothing to the tokenizer counts as one unknown token.
    return [encoding.ids or [1] for encoding in tokenizer.encode_batch_fast(texts)]


def _noise(tokenizer: Tokenizer, seed: int) -> list[list[int]]:
    characters = "".join(sorted(piece for piece in tokenizer.get_vocab() if "\u4e00" <= piece <= "\u9fff"))
    return _ids(tokenizer, pseudo_words(np.random.default_rng(seed), _NOISE_WORDS, characters))


def _labels(pairs: list[TrainingPair]) -> NDArray[np.float64]:
    return np.array([pair.label for pair in pairs], np.float64)


def _cosines(encoders: list[Encoder], pairs: list[TrainingPair]) -> NDArray[np.float64]:
    query = encoders[0].encode([pair.query for pair in pairs]).vectors
    item = encoders[1].encode([pair.title for pair in pairs]).vectors
    cosines: NDArray[np.float64] = np.nan_to_num(np.einsum("ij,ij->i", query, item)).astype(np.float64)
    return cosines


def _evaluate(encoders: list[Encoder], calibration: Calibration, pairs: list[TrainingPair]) -> Evaluation:
    labels = _labels(pairs)
    matches = labels >= _MATCH
    probabilities = 1.0 / (1.0 + np.exp(-(calibration.a * _cosines(encoders, pairs) + calibration.b)))
    return Evaluation(
        held_out=_HELD_OUT,
        pairs=len(pairs),
        positives=int(matches.sum()),
        auc=round(auc(matches, probabilities), 4),
        log_loss=round(log_loss(labels, probabilities), 4),
        ece=round(ece(labels, probabilities), 4),
    )
