import msgspec
import numpy as np
import pytest

from inference.pairs import ScoredBatch
from inference.repository import ModelName
from schemas.events import ModelRef, Result, SearchEvent
from schemas.scores import NULL_SCORE, Series, decode_scores, encode_scores, id_hash
from streams.stages.id_hashes import IdHashes
from streams.stages.item_texts import ItemTexts
from streams.stages.search_pages import SearchPages, distinct_items

TIME_MS = 1_700_000_000_123
SEGMENTS = {"device": "query_attributes.device", "category": "results.category"}


def search(results: list[Result], **attributes: object) -> SearchEvent:
    return SearchEvent(
        "q-1",
        TIME_MS,
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


def test_a_block_holds_what_the_pool_said_and_null_where_it_said_nothing() -> None:
    pages = SearchPages(SEGMENTS, IdHashes())
    pages.add(
        search([item("a", 1), item("b", 2, None, None)], device="mobile"), TIME_MS, 7, ItemTexts(), unknown_fields=False
    )
    pages.add(search([]), TIME_MS, 9, ItemTexts(), unknown_fields=True)
    scored = ScoredBatch(
        scores=np.array([0.25, np.nan], dtype=np.float32),
        model=ModelName("shop-match", "1"),
        token_counts=np.array([3, 0], dtype=np.int32),
        unknown_token_counts=np.array([1, 0], dtype=np.int32),
        scoring_ms=1.0,
    )
    block = decode_scores(encode_scores(pages.block(scored)))
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
    pages = SearchPages(SEGMENTS, IdHashes())
    pages.add(
        search([item("c", 10**300), item("b", 2**64), item("a", 3)]), TIME_MS, 7, ItemTexts(), unknown_fields=False
    )
    block = pages.block(None)
    assert np.frombuffer(block.item_ids, "<u8").tolist() == [id_hash("a"), id_hash("b"), id_hash("c")]
    assert np.frombuffer(block.positions, "<u4").tolist() == [3, 2**31 + 2, 2**31 + 4]


def test_searches_pass_unscored_where_the_pool_did_not_answer() -> None:
    pages = SearchPages(SEGMENTS, IdHashes())
    pages.add(search([item("a", 1)]), TIME_MS, 7, ItemTexts(), unknown_fields=False)
    block = pages.block(None)
    assert np.frombuffer(block.scores, "<u2").tolist() == [NULL_SCORE]
    assert block.flags == bytes([2])
    assert block.match_model == ("", "")


@pytest.mark.parametrize("first", [1, 21, 999, 5_000])
def test_pages_in_order_keep_their_positions_wherever_they_begin(first: int) -> None:
    pages = SearchPages(SEGMENTS, IdHashes())
    for offset, start in enumerate((1, first)):
        page = search([item("a", start), item("b", start + 1), item("c", start + 2)])
        pages.add(page, TIME_MS, offset, ItemTexts(), unknown_fields=False)
    block = pages.block(None)
    assert np.frombuffer(block.positions, "<u4").tolist() == [1, 2, 3, first, first + 1, first + 2]


def test_series_whose_cut_names_are_equal_become_one() -> None:
    pages = SearchPages(SEGMENTS, IdHashes())
    for version in ("v" * 300, "v" * 256 + "x", "2"):
        event = msgspec.structs.replace(search([]), model=ModelRef("rank", version))
        pages.add(event, TIME_MS, 0, ItemTexts(), unknown_fields=False)
    block = pages.block(None)
    assert [series.version for series in block.series] == ["v" * 256, "2"]
    assert np.frombuffer(block.series_index, "<u2").tolist() == [0, 0, 1]
