import itertools

import numpy as np
import pytest

from streams.shop.catalog import Catalog, Item, Language, Query, build_catalog, relevance
from streams.shop.training import Split, training_pairs
from streams.shop.translation import translate
from streams.shop.words import BROAD_WORDS, CATEGORIES, FEATURES, TYPES


@pytest.fixture(scope="module")
def shop() -> Catalog:
    return build_catalog(7)


def _query(shop: Catalog, text: str) -> Query:
    return next(query for query in shop.queries if query.text == text)


def _items(shop: Catalog, product_type: str) -> list[Item]:
    return [item for item in shop.items if item.product_type == product_type]


def test_a_seed_gives_the_same_shop_and_another_seed_another(shop: Catalog) -> None:
    again = build_catalog(7)
    assert again.items == shop.items
    assert again.queries == shop.queries
    assert np.array_equal(again.popularity, shop.popularity)
    assert build_catalog(8).items != shop.items


def test_the_shop_is_wide_and_bilingual(shop: Catalog) -> None:
    assert len(TYPES) >= 40
    assert len(CATEGORIES) >= 12
    assert {item.product_type for item in shop.items} == {kind.name for kind in TYPES}
    languages = [item.language for item in shop.items]
    for language in (Language.EN, Language.ZH):
        assert 0.3 < languages.count(language) / len(languages) < 0.6
        assert any(query.language is language for query in shop.queries)
    assert Language.MIXED in languages


def test_ids_and_query_texts_are_distinct_and_popularity_falls(shop: Catalog) -> None:
    assert len({item.object_id for item in shop.items}) == len(shop.items)
    assert len({query.text for query in shop.queries}) == len(shop.queries) > 2000
    assert shop.popularity.sum() == pytest.approx(1)
    assert all(first > second for first, second in itertools.pairwise(shop.popularity))


def test_the_words_name_only_types_features_and_categories_that_exist() -> None:
    types = [kind.name for kind in TYPES]
    assert len(set(types)) == len(types)
    assert {kind.category for kind in TYPES} == {category.name for category in CATEGORIES}
    assert {feature for category in CATEGORIES for feature in category.features} <= set(FEATURES)
    assert {name for broad in BROAD_WORDS for name in broad.types} <= set(types)


@pytest.mark.parametrize("text", ["运动鞋", "球鞋", "sneakers", "running shoes", "跑鞋"])
def test_a_running_shoe_answers_a_query_for_sports_shoes_and_a_kettle_does_not(shop: Catalog, text: str) -> None:
    query = _query(shop, text)
    assert all(relevance(query, item) == 1 for item in _items(shop, "running-shoes"))
    assert all(0 < relevance(query, item) <= 0.25 for item in _items(shop, "sandals"))
    assert all(relevance(query, item) == 0 for item in _items(shop, "kettle"))


def test_relevance_grows_with_every_wish_that_comes_true(shop: Catalog) -> None:
    query = _query(shop, "running shoes")._replace(features=frozenset({"warm"}), colour="red", gender="men")
    item = _items(shop, "running-shoes")[0]
    worst = item._replace(features=frozenset({"leather"}), colour="blue", gender="women")
    warm = worst._replace(features=frozenset({"warm"}))
    red = warm._replace(colour="red")
    anyone = red._replace(gender=None)
    exact = red._replace(gender="men")
    values = [relevance(query, found) for found in (worst, warm, red, anyone, exact)]
    assert values == sorted(set(values))
    assert values[0] == pytest.approx(0.55)
    assert values[-1] == 1


def test_every_query_has_an_item_that_fits(shop: Catalog) -> None:
    assert all(any(relevance(query, item) >= 0.55 for item in shop.items) for query in shop.queries[:300])


def test_a_translated_query_keeps_its_meaning_and_none_of_its_letters(shop: Catalog) -> None:
    for query in shop.queries[:200]:
        other = translate(query)
        assert other.language is Language.JA
        assert other.types == query.types
        assert any("぀" <= letter <= "ヿ" for letter in other.text), other.text
        assert not set(other.text) & set("abcdefghijklmnopqrstuvwxyz")


def test_training_pairs_hold_out_texts_of_queries_and_items_alike(shop: Catalog) -> None:
    pairs = list(training_pairs(7, catalog=shop))
    assert pairs == list(training_pairs(7, catalog=shop))
    parts = {split: [pair for pair in pairs if pair.split is split] for split in Split}
    assert len(parts[Split.TRAIN]) > 10 * len(parts[Split.TEST]) > 5000
    for text in ("query", "title"):
        trained = {getattr(pair, text) for pair in parts[Split.TRAIN]}
        assert not trained & {getattr(pair, text) for pair in parts[Split.TEST]}


def test_training_pairs_have_matches_near_misses_and_strangers(shop: Catalog) -> None:
    pairs = list(training_pairs(7, catalog=shop))
    labels = np.array([pair.label for pair in pairs])
    assert labels.min() == 0
    assert labels.max() == 1
    for low, high in ((0.5, 1.01), (0.05, 0.3), (-0.01, 0.01)):
        assert 0.2 < np.mean((labels > low) & (labels < high)) < 0.6


def test_training_pairs_cross_languages(shop: Catalog) -> None:
    titles = {item.object_id: item.language for item in shop.items}
    queries = {query.text: query.language for query in shop.queries}
    crossing = {
        (queries[pair.query], titles[pair.object_id]) for pair in training_pairs(7, catalog=shop) if pair.label > 0.5
    }
    assert {(Language.ZH, Language.EN), (Language.EN, Language.ZH)} <= crossing
