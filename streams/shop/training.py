"""Pairs of query and title with their true relevance, to train a match model and to judge it fairly."""

import hashlib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np

from streams.shop.catalog import Catalog, Item, Query, build_catalog, relevance

_HELD_OUT_SHARE: Final = 0.15


class Split(StrEnum):
    """Which part of the data a pair belongs to.

    `train`: neither its query nor its item is held out. `test`: both are. `mixed`: one of them is; use it for
    nothing that claims to generalise.
    """

    TRAIN = "train"
    TEST = "test"
    MIXED = "mixed"


class Pair(NamedTuple):
    """One labelled pair; `label` is the relevance in [0, 1], `group` numbers the query."""

    query: str
    title: str
    label: float
    group: int
    object_id: str
    split: Split


def training_pairs(
    seed: int, *, positives: int = 12, hard: int = 8, easy: int = 8, catalog: Catalog | None = None
) -> Iterator[Pair]:
    """Give labelled pairs of one shop, query by query, the same for a seed.

    Items and queries are held out by a hash of their text, so that shops of different seeds agree about what is held
    out, and a text that is tested was never trained on.

    Args:
        seed: of the shop and of the choice of pairs.
        positives: per query, at most so many items of a type that is meant.
        hard: per query, at most so many items of the same category but another type.
        easy: per query, so many items from the whole shop.
        catalog: the shop to use instead of the seed's own.
    """
    shop = catalog if catalog is not None else build_catalog(seed)
    rng = np.random.Generator(np.random.PCG64([seed, 3]))
    by_type: dict[str, list[Item]] = {}
    by_category: dict[str, list[Item]] = {}
    for item in shop.items:
        by_type.setdefault(item.product_type, []).append(item)
        by_category.setdefault(item.category, []).append(item)
    for group, query in enumerate(shop.queries):
        meant = [item for name in sorted(query.types) for item in by_type.get(name, [])]
        near = [
            item
            for name in sorted(query.categories)
            for item in by_category.get(name, [])
            if item.product_type not in query.types
        ]
        chosen = [*_some(rng, meant, positives), *_some(rng, near, hard), *_some(rng, shop.items, easy)]
        for item in {item.object_id: item for item in chosen}.values():
            label = relevance(query, item)
            yield Pair(query.text, item.title, label, group, item.object_id, split_of(query, item))


def split_of(query: Query, item: Item) -> Split:
    """Tell which part a pair belongs to, by hashes of its two texts."""
    held = (_is_held_out("query", query.text), _is_held_out("title", item.title))
    return Split.TEST if all(held) else Split.MIXED if any(held) else Split.TRAIN


def _is_held_out(kind: str, text: str) -> bool:
    digest = hashlib.blake2b(f"{kind}:{text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) < _HELD_OUT_SHARE * 2**64


def _some(rng: np.random.Generator, items: Sequence[Item], count: int) -> list[Item]:
    if not items:
        return []
    return [items[int(index)] for index in rng.integers(len(items), size=count)]
