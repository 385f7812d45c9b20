"""Fitting token embeddings and two projections with torch."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNKNOWN_ID = 1
_TEMPERATURE = 0.1


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes and rates of a training run; the defaults fit a few thousand products into two megabytes."""

    width: int = 64
    dim: int = 64
    epochs: int = 8
    batch_rows: int = 512
    learning_rate: float = 3e-3
    unknown_share: float = 0.08
    title_noise: float = 0.6
    query_noise: float = 0.15
    variant_share: float = 0.25
    threads: int = 1  # threads that meet at every small operation gain nothing, and crawl on a busy machine


@dataclass(frozen=True, slots=True)
class Examples:
    """Pairs as token ids.

    Attributes:
        queries: token ids of each pair's query, and of the same query spelt differently.
        titles: likewise of each pair's title.
        labels: float32, shape (pairs,), in [0, 1].
        noise: token ids of words that mean nothing.
        vocabulary: number of tokens.
    """

    queries: list[tuple[list[int], list[int]]]
    titles: list[tuple[list[int], list[int]]]
    labels: NDArray[np.float32]
    noise: list[list[int]]
    vocabulary: int


@dataclass(frozen=True, slots=True)
class Weights:
    """Learned arrays, float32: token embeddings (vocabulary, width), projections (width, dim) of each tower."""

    embeddings: NDArray[np.float32]
    query_projection: NDArray[np.float32]
    item_projection: NDArray[np.float32]


def fit_towers(examples: Examples, shape: Shape, seed: int, tell: Callable[[str], None]) -> Weights:
    """Minimise cross-entropy of the graded labels plus an in-batch contrast.

    The contrast asks each query with a matching title to prefer it to the batch's titles of other queries; it weighs
    little, because some of those match too. Tokens are made unknown at random and texts get meaningless words, so that
    unknown and unseen words learn to mean little.

    Args:
        examples: what to learn from.
        shape: sizes and rates.
        seed: of initial weights, order and noise; the same seed gives the same weights on the same machine.
        tell: gets one line an epoch.
    """
    torch: Any = import_module("torch")
    torch.manual_seed(seed)
    torch.set_num_threads(shape.threads)
    torch.use_deterministic_algorithms(True)
    # Adam's averages of tokens that are seldom seen fade into denormal numbers, on which the CPU is many times slower.
    torch.set_flush_denormal(True)
    rng = np.random.default_rng(seed)
    functional = torch.nn.functional
    labels = examples.labels
    embeddings = torch.nn.Parameter(torch.randn(examples.vocabulary, shape.width) * 0.1)
    projections = [
        torch.nn.Parameter(torch.eye(shape.width, shape.dim) + 0.01 * torch.randn(shape.width, shape.dim))
        for _ in range(2)
    ]
    scale = torch.nn.Parameter(torch.tensor([8.0, -4.0]))
    parameters = [embeddings, *projections, scale]
    optimiser = torch.optim.Adam(parameters, lr=shape.learning_rate)
    steps = shape.epochs * -(-len(labels) // shape.batch_rows)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.05, steps)

    def encode(texts: list[NDArray[np.int64]], projection: Any) -> Any:
        flat = torch.from_numpy(np.concatenate(texts))
        offsets = torch.from_numpy(np.cumsum([0, *map(len, texts[:-1])]))
        means = functional.embedding_bag(flat, embeddings, offsets, mode="mean")
        return functional.normalize(means @ projection, dim=1)

    def roughen(spellings: tuple[list[int], list[int]], noise_share: float, words: int) -> NDArray[np.int64]:
        ids = list(spellings[int(rng.random() < shape.variant_share)])
        if rng.random() < noise_share:
            for choice in rng.integers(len(examples.noise), size=int(rng.integers(1, words + 1))):
                ids += examples.noise[choice]
        kept = np.array(ids, np.int64)
        kept[rng.random(len(kept)) < shape.unknown_share] = UNKNOWN_ID
        return kept

    for epoch in range(shape.epochs):
        total = 0.0
        for rows in np.array_split(rng.permutation(len(labels)), steps // shape.epochs):
            targets = torch.from_numpy(labels[rows])
            left = encode([roughen(examples.queries[row], shape.query_noise, 1) for row in rows], projections[0])
            right = encode([roughen(examples.titles[row], shape.title_noise, 5) for row in rows], projections[1])
            logits = scale[0] * (left * right).sum(1) + scale[1]
            loss = functional.binary_cross_entropy_with_logits(logits, targets)
            matching = torch.nonzero(targets >= 0.5).squeeze(1)
            if len(matching):
                contrast = left[matching] @ right.T / _TEMPERATURE
                loss = loss + 0.05 * functional.cross_entropy(contrast, matching)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(rows)
        tell(f"epoch {epoch + 1} of {shape.epochs}: loss {total / len(labels):.4f}")
    return Weights(*(parameter.detach().numpy().copy() for parameter in (embeddings, *projections)))
