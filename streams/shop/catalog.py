"""What the shop sells and what people ask for, in Chinese and English, the same for a seed.

An item and a query are made from the same latent facts (product type, wishes), so how well they fit is known without
any model: `relevance`. Words are chosen afterwards, so a query and a title that fit may share no word or no language.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import cache, lru_cache
from typing import Final, NamedTuple

import numpy as np

from streams.shop.words import (
    BRANDS,
    BROAD_WORDS,
    CATEGORIES,
    COLOURS,
    FEATURES,
    GENDERS,
    TYPES,
    Category,
    Words,
)

_EPSILON: Final = 1e-9
_SAME_TYPE_FLOOR: Final = 0.55
_SAME_CATEGORY_FLOOR: Final = 0.1
_SAME_CATEGORY_SPAN: Final = 0.15
_CONFLICT_WEIGHT: Final = 2.0


class Language(StrEnum):
    """The languages of titles and queries; `mixed` is Chinese with an English product word or brand."""

    EN = "en"
    ZH = "zh"
    MIXED = "mixed"
    JA = "ja"


class Item(NamedTuple):
    """One product with its latent facts: type, features, colour, gender and brand (None: has none)."""

    object_id: str
    title: str
    category: str
    price: float
    language: Language
    product_type: str
    features: frozenset[str]
    colour: str
    gender: str | None
    brand: int

    @property
    def attributes(self) -> dict[str, object]:
        """The facts that the shop publishes in its catalogue."""
        facts: dict[str, object] = {"brand": BRANDS[self.brand].en[0], "colour": self.colour}
        if self.gender is not None:
            facts["gender"] = self.gender
        if self.features:
            facts["features"] = sorted(self.features)
        return facts


class Query(NamedTuple):
    """What somebody types, and what is meant: product types and wishes (None: does not mind)."""

    text: str
    language: Language
    types: frozenset[str]
    categories: frozenset[str]
    features: frozenset[str]
    colour: str | None
    gender: str | None
    brand: int | None

    @property
    def wishes(self) -> int:
        """How many wishes the query names beyond the product type."""
        return len(self.features) + sum(wish is not None for wish in (self.colour, self.gender, self.brand))


class Catalog(NamedTuple):
    """Items, and queries in falling popularity with their Zipf probabilities (sum 1)."""

    items: tuple[Item, ...]
    queries: tuple[Query, ...]
    popularity: np.ndarray


def relevance(query: Query, item: Item) -> float:
    """How well an item answers a query, from 0 (not at all) to 1 (type and all wishes).

    The type decides first: 0.55 to 1 for a product type that is meant, 0.1 to 0.25 for another type of the same
    category, 0 beyond. Within that, the share of wishes that come true; the wrong gender weighs double.
    """
    if item.product_type in query.types:
        floor, span = _SAME_TYPE_FLOOR, 1 - _SAME_TYPE_FLOOR
    elif item.category in query.categories:
        floor, span = _SAME_CATEGORY_FLOOR, _SAME_CATEGORY_SPAN
    else:
        return 0.0
    wanted = met = 0.0
    if query.features:
        wanted += len(query.features)
        met += len(query.features & item.features)
    if query.colour is not None:
        wanted += 1
        met += query.colour == item.colour
    if query.brand is not None:
        wanted += 1
        met += query.brand == item.brand
    if query.gender is not None:
        weight = 1.0 if item.gender is None else _CONFLICT_WEIGHT
        wanted += weight
        met += weight * (1.0 if query.gender == item.gender else 0.5 if item.gender is None else 0.0)
    return floor + span * (met / wanted if wanted > _EPSILON else 1.0)


@lru_cache(maxsize=1)
def build_catalog(seed: int, *, items: int = 4000, queries: int = 2400) -> Catalog:
    """Make the shop of a seed: the same items and queries on every machine.

    Args:
        seed: any non-negative number.
        items: how many products; 45 % have Chinese titles, 40 % English, the others both.
        queries: how many distinct query texts at most, half of them Chinese.
    """
    rng = np.random.Generator(np.random.PCG64([seed, 1]))
    products = tuple(_make_item(rng, number) for number in range(items))
    texts = make_queries(np.random.Generator(np.random.PCG64([seed, 2])), queries)
    weights = 1.0 / (np.arange(len(texts)) + 3.0) ** 1.05
    return Catalog(products, texts, weights / weights.sum())


def make_queries(rng: np.random.Generator, count: int) -> tuple[Query, ...]:
    """Make distinct queries in falling popularity: plain product words first, then ever more wishes."""
    plain = list(_plain_queries())
    found: dict[str, Query] = {}
    for index in rng.permutation(len(plain)):
        found.setdefault(plain[index].text, plain[index])
    attempts = 0
    while len(found) < count and attempts < 20 * count:
        attempts += 1
        query = _add_wishes(rng, plain[int(rng.integers(len(plain)))])
        found.setdefault(query.text, query)
    ranked = list(found.values())[:count]
    place = rng.random(len(ranked)) + np.array([0.45 * query.wishes for query in ranked])
    return tuple(ranked[index] for index in np.argsort(place, kind="stable"))


@cache
def _categories() -> dict[str, Category]:
    return {category.name: category for category in CATEGORIES}


@cache
def _broad_words(product_type: str) -> tuple[Words, ...]:
    return tuple(broad.words for broad in BROAD_WORDS if product_type in broad.types)


def _pick(rng: np.random.Generator, words: Sequence[str], usual: float = 0.6) -> str:
    """Choose the usual word with probability `usual`, else any of them."""
    return words[0] if rng.random() < usual else words[int(rng.integers(len(words)))]


def _of(words: Words, language: Language) -> tuple[str, ...]:
    return words.en if language is Language.EN else words.zh


def _make_item(rng: np.random.Generator, number: int) -> Item:
    kind = TYPES[int(rng.integers(len(TYPES)))]
    category = _categories()[kind.category]
    features = rng.permutation(len(category.features))[: int(rng.integers(1, 4))]
    names = [category.features[index] for index in features]
    colour = tuple(COLOURS)[int(rng.integers(len(COLOURS)))]
    gender = tuple(GENDERS)[int(rng.integers(len(GENDERS)))] if category.gendered and rng.random() < 0.85 else None
    brand = int(rng.integers(len(BRANDS)))
    draw = rng.random()
    language = Language.ZH if draw < 0.45 else Language.EN if draw < 0.85 else Language.MIXED
    broad = _broad_words(kind.name)
    extra = broad[0] if broad and rng.random() < 0.4 else None
    price = round(float(kind.price * np.exp(rng.normal(0.0, 0.45))), 2)
    facts = Item(
        object_id=f"sku-{number + 1}",
        title="",
        category=kind.category,
        price=price,
        language=language,
        product_type=kind.name,
        features=frozenset(names),
        colour=colour,
        gender=gender,
        brand=brand,
    )
    write = _english_title if language is Language.EN else _chinese_title
    return facts._replace(title=write(rng, facts, names, kind.words, extra))


def _english_title(
    rng: np.random.Generator, item: Item, features: Sequence[str], words: Words, broad: Words | None
) -> str:
    parts = [BRANDS[item.brand].en[0]]
    if item.gender is not None:
        parts.append(_pick(rng, GENDERS[item.gender].en[:2]))
    parts.append(_pick(rng, FEATURES[features[0]].en))
    parts.append(_pick(rng, words.en))
    if broad is not None:
        parts.append(_pick(rng, broad.en))
    tail = [_pick(rng, FEATURES[name].en) for name in features[1:]] + [_pick(rng, COLOURS[item.colour].en)]
    return " ".join(part[:1].upper() + part[1:] for part in parts) + ", " + ", ".join(tail)


def _chinese_title(
    rng: np.random.Generator, item: Item, features: Sequence[str], words: Words, broad: Words | None
) -> str:
    mixed = item.language is Language.MIXED
    product = _pick(rng, words.zh)
    if broad is not None:
        product += _pick(rng, broad.zh)
    who = _pick(rng, GENDERS[item.gender].zh) if item.gender is not None else ""
    first = _pick(rng, FEATURES[features[0]].zh)
    brand = BRANDS[item.brand]
    parts = [brand.en[0] if mixed else brand.zh[0], f"{who}{first}{product}"]
    if mixed:
        parts.append(_pick(rng, words.en))
    parts += [_pick(rng, FEATURES[feature].zh) for feature in features[1:]]
    parts.append(_pick(rng, COLOURS[item.colour].zh))
    return " ".join(parts)


def _plain_queries() -> Iterable[Query]:
    category_of = {kind.name: kind.category for kind in TYPES}
    meanings: list[tuple[Words, tuple[str, ...]]] = [(kind.words, (kind.name,)) for kind in TYPES]
    meanings += [(broad.words, broad.types) for broad in BROAD_WORDS]
    meanings += [
        (category.words, tuple(kind.name for kind in TYPES if kind.category == category.name))
        for category in CATEGORIES
    ]
    for words, types in meanings:
        categories = frozenset(category_of[name] for name in types)
        for language in (Language.EN, Language.ZH):
            for text in _of(words, language):
                yield Query(text, language, frozenset(types), categories, frozenset(), None, None, None)


def _add_wishes(rng: np.random.Generator, query: Query) -> Query:
    """Add one to three wishes to a plain query, in its own language and usual word order."""
    category = _categories()[min(query.categories)]
    features: list[str] = []
    colour: str | None = None
    gender: str | None = None
    brand: int | None = None
    for _ in range(1 + int(rng.random() < 0.35) + int(rng.random() < 0.1)):
        draw = rng.random()
        if draw < 0.25 and category.gendered:
            gender = tuple(GENDERS)[int(rng.integers(len(GENDERS)))]
        elif draw < 0.7:
            features.append(category.features[int(rng.integers(len(category.features)))])
        elif draw < 0.88:
            colour = tuple(COLOURS)[int(rng.integers(len(COLOURS)))]
        else:
            brand = int(rng.integers(len(BRANDS)))
    language = query.language
    before = [_pick(rng, _of(BRANDS[brand], language))] if brand is not None else []
    if colour is not None:
        before.append(_pick(rng, _of(COLOURS[colour], language)))
    if gender is not None:
        before.append(_pick(rng, _of(GENDERS[gender], language)[:2]))
    wishes = [_pick(rng, _of(FEATURES[name], language)) for name in dict.fromkeys(features)]
    parts = [*before, *wishes, query.text] if rng.random() < 0.7 else [*before, query.text, *wishes]
    joiner = "" if language is Language.ZH and rng.random() < 0.5 else " "
    return query._replace(
        text=joiner.join(parts), features=frozenset(features), colour=colour, gender=gender, brand=brand
    )
