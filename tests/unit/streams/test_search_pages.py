import numpy as np
import pytest

from inference.pairs import ScoredBatch
from inference.repository import ModelName
from schemas.events import ModelRef, Result, SearchEvent
from schemas.scores import NULL_SCORE, Series, decode_scores, encode_scores, id_hash
from streams.stages.item_texts import ItemTexts
from streams.stages.search_pages import IdHashes, SearchPages, distinct_items, segment_value

SEGMENTS = {"device": "query_attributes.device", "category": "results.category"}


def search(results: list[Result], **attributes: object) -> SearchEvent:
    return SearchEvent(
        "q-1",
        1_700_000_000_123,
        "shop",
        "search",
        "c-1",
        None,
        "运动鞋",
        dict(attributes),
        ModelRef("rank", "3"),
        None,
        results,
    )


def item(object_id: str, position: int, title: str | None = "shoe", category: str | None = "shoes") -> Result:
    return Result(object_id, position, title, category)


def test_a_page_holds_each_item_once_at_its_uppermost_place() -> None:
    page = distinct_items([item("b", 2), item("a", 1), item("b", 3), item("c", 3)])
    assert [(result.object_id, result.position) for result in page] == [("a", 1), ("b", 2), ("c", 3)]


def test_items_with_one_position_keep_the_order_of_the_page() -> None:
    assert [result.object_id for result in distinct_items([item("z", 2), item("y", 1), item("x", 1)])] == [
        "y",
        "x",
        "z",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [("mobile", "mobile"), ("", "unknown"), (None, "unknown"), (True, "true"), (3, "3"), ([1], "unknown")],
)
def test_segment_values_become_text(value: object, text: str) -> None:
    assert segment_value(value) == text


def test_a_block_holds_what_the_pool_said_and_null_where_it_said_nothing() -> None:
    pages = SearchPages()
    pages.add(search([item("a", 1), item("b", 2, None, None)], device="mobile"), 7, ItemTexts(), unknown_fields=False)
    pages.add(search([]), 9, ItemTexts(), unknown_fields=True)
    scored = ScoredBatch(
        scores=np.array([0.25, np.nan], dtype=np.float32),
        model=ModelName("shop-match", "1"),
        token_counts=np.array([3, 0], dtype=np.int32),
        unknown_token_counts=np.array([1, 0], dtype=np.int32),
        scoring_ms=1.0,
    )
    block = decode_scores(encode_scores(pages.block(scored, SEGMENTS, IdHashes())))
    assert np.frombuffer(block.scores, "<u2").tolist() == [1024, NULL_SCORE]
    assert np.frombuffer(block.item_ids, "<u8").tolist() == [id_hash("a"), id_hash("b")]
    assert np.frombuffer(block.source_offsets, "<i8").tolist() == [7, 9]
    assert np.frombuffer(block.missing_titles, "<u4").tolist() == [1, 0]
    assert np.isnan(np.frombuffer(block.latencies_ms, "<f8")).all()
    assert block.series == [Series("shop", "search", "rank", "3")]
    assert block.segments["device"].values == ["mobile", "unknown"]
    assert block.segments["category"].values == ["shoes", "unknown"]
    assert block.flags == bytes([0, 4])


def test_positions_without_end_keep_their_order_and_who_follows_directly() -> None:
    pages = SearchPages()
    pages.add(search([item("c", 10**300), item("b", 2**64), item("a", 3)]), 7, ItemTexts(), unknown_fields=False)
    block = pages.block(None, {}, IdHashes())
    assert np.frombuffer(block.item_ids, "<u8").tolist() == [id_hash("a"), id_hash("b"), id_hash("c")]
    assert np.frombuffer(block.positions, "<u4").tolist() == [3, 2**31 + 2, 2**31 + 4]


def test_searches_pass_unscored_where_the_pool_did_not_answer() -> None:
    pages = SearchPages()
    pages.add(search([item("a", 1)]), 7, ItemTexts(), unknown_fields=False)
    block = pages.block(None, {}, IdHashes())
    assert np.frombuffer(block.scores, "<u2").tolist() == [NULL_SCORE]
    assert block.flags == bytes([2])
    assert block.match_model == ("", "")
