"""What could be shown for each query, and how well each of it answers."""

from typing import Final, NamedTuple

import numpy as np

from streams.shop.catalog import Catalog, Item, relevance

_MEANT: Final = 16
_NEAR: Final = 14
_STRANGE: Final = 14


class Candidates(NamedTuple):
    """Per query the same number of items, some that answer it, some of the same category, some strangers."""

    items: np.ndarray
    """Item numbers, int32, shape (queries, candidates)."""
    relevance: np.ndarray
    """Their true relevance, float32, shape (queries, candidates)."""


def find_candidates(shop: Catalog, rng: np.random.Generator) -> Candidates:
    """Choose the candidates of every query: the best of what is meant, and others that only bad ranking shows."""
    numbers = {item.object_id: number for number, item in enumerate(shop.items)}
    by_type: dict[str, list[Item]] = {}
    by_category: dict[str, list[Item]] = {}
    for item in shop.items:
        by_type.setdefault(item.product_type, []).append(item)
        by_category.setdefault(item.category, []).append(item)
    rows: list[list[int]] = []
    for query in shop.queries:
        meant = [item for name in sorted(query.types) for item in by_type.get(name, [])]
        # A random order first: of many that answer equally well it is not always the same that are shown.
        shuffled = [meant[index] for index in rng.permutation(len(meant))]
        shuffled.sort(key=lambda item: -relevance(query, item))
        near = [
            item
            for name in sorted(query.categories)
            for item in by_category.get(name, [])
            if item.product_type not in query.types
        ]
        chosen = {item.object_id: None for item in shuffled[:_MEANT]}
        for index in rng.permutation(len(near))[:_NEAR]:
            chosen[near[index].object_id] = None
        while len(chosen) < _MEANT + _NEAR + _STRANGE:
            chosen[shop.items[int(rng.integers(len(shop.items)))].object_id] = None
        rows.append([numbers[object_id] for object_id in chosen])
    items = np.array(rows, dtype=np.int32)
    values = np.array(
        [
            [relevance(query, shop.items[number]) for number in row]
            for query, row in zip(shop.queries, rows, strict=True)
        ],
        dtype=np.float32,
    )
    return Candidates(items, values)
