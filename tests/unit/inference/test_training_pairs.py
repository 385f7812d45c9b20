"""Figures on held-out pairs are honest only if nothing leaks."""

import random
from pathlib import Path

import pytest

from inference.training.pairs import TrainingPair, divide, fingerprint, read_pairs
from inference.training.variants import other_number
from inference.training.wordpiece import build_tokenizer
from schemas.errors import MatchwatchError


def some_pairs() -> list[TrainingPair]:
    learned = [TrainingPair(f"query {i}", f"title {i % 7}", float(i % 2), "train") for i in range(100)]
    tested = [TrainingPair(f"other {i}", f"unseen {i}", float(i % 2), "test") for i in range(10)]
    return [*learned, *tested, TrainingPair("query 1", "unseen 2", 1.0, "mixed")]


def test_validation_queries_are_not_trained_on() -> None:
    divided = divide(some_pairs())
    assert not {pair.query for pair in divided.train} & {pair.query for pair in divided.validation}
    assert len(divided.train) + len(divided.validation) == 100
    assert len(divided.test) == 10


def test_order_and_repeats_of_the_input_do_not_matter() -> None:
    pairs = some_pairs()
    shuffled = random.Random(1).sample(pairs, len(pairs)) + pairs[:5]
    assert divide(shuffled) == divide(pairs)
    assert fingerprint(divide(shuffled)) == fingerprint(divide(pairs))
    assert fingerprint(divide(pairs[1:])) != fingerprint(divide(pairs))


@pytest.mark.parametrize(
    "leak", [TrainingPair("query 3", "unseen 99", 1.0, "test"), TrainingPair("x", "title 3", 1.0, "test")]
)
def test_a_test_pair_whose_query_or_title_was_trained_on_is_refused(leak: TrainingPair) -> None:
    with pytest.raises(MatchwatchError, match="training and test"):
        divide([*some_pairs(), leak])


def test_a_label_that_is_no_probability_is_refused() -> None:
    with pytest.raises(MatchwatchError, match=r"label expected in \[0, 1\], found 1.5"):
        divide([*some_pairs(), TrainingPair("a", "b", 1.5, "train")])


def test_pairs_of_one_kind_are_refused() -> None:
    with pytest.raises(MatchwatchError, match="matches and mismatches"):
        divide([pair._replace(label=1.0) for pair in some_pairs()])


def test_a_file_of_pairs_is_read_and_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pairs.ndjson"
    path.write_text('{"query":"鞋","title":"shoe","label":0.5,"split":"train"}\n{"query":1}\n', encoding="utf-8")
    pairs = read_pairs(path)
    assert next(pairs) == TrainingPair("鞋", "shoe", 0.5, "train")
    with pytest.raises(MatchwatchError, match=r"pairs\.ndjson:2: not a training pair"):
        next(pairs)


def test_the_tokenizer_takes_chinese_apart_and_knows_every_english_letter() -> None:
    tokenizer = build_tokenizer(["男士跑步运动鞋", "running shoes", "running kettle"], 2000)
    assert tokenizer.encode("运动鞋").tokens == ["运", "动", "鞋"]
    assert tokenizer.encode("running").tokens == ["running"]
    assert "[UNK]" not in tokenizer.encode("Xylophone Zq9").tokens
    assert tokenizer.encode("туфли").tokens == ["[UNK]"]


def test_the_same_texts_in_any_order_give_the_same_tokenizer() -> None:
    texts = ["男士跑步运动鞋", "running shoes", "a running kettle", "kettles"]
    assert build_tokenizer(texts, 2000).to_str() == build_tokenizer(reversed(texts), 2000).to_str()


def test_the_other_number_swaps_singular_and_plural_and_leaves_chinese_alone() -> None:
    assert other_number("sneakers, kettle, men's glass 运动鞋") == "sneaker, kettles, men's glass 运动鞋"
