"""Queries and titles in Japanese, the language that the shop does not speak until the fault `new_language`."""

from typing import Final

from streams.shop.catalog import Item, Language, Query
from streams.shop.words import BRANDS, BROAD_WORDS, COLOURS, FEATURES, GENDERS, TYPES

_WORDS: Final = {kind.name: kind.words for kind in TYPES}


def translate(query: Query) -> Query:
    """Ask the same thing in Japanese, a language that no title of the shop has."""
    words = next((broad.words for broad in BROAD_WORDS if frozenset(broad.types) == query.types), None)
    if words is None:
        words = _WORDS[min(query.types)]
    parts = [FEATURES[name].ja[0] for name in sorted(query.features)] + [words.ja[0]]
    if query.gender is not None:
        parts.insert(0, GENDERS[query.gender].ja[0])
    if query.colour is not None:
        parts.append(COLOURS[query.colour].ja[0])
    return query._replace(text=" ".join(parts), language=Language.JA)


def translate_title(item: Item) -> str:
    """Write an item's title in Japanese."""
    parts = [BRANDS[item.brand].ja[0], _WORDS[item.product_type].ja[0]]
    parts += [FEATURES[name].ja[0] for name in sorted(item.features)] + [COLOURS[item.colour].ja[0]]
    return " ".join(parts)
