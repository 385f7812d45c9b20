"""An embedding against an independent computation, and what becomes of odd texts."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from tokenizers import Tokenizer

from inference.encoder import Encoder
from inference.repository import ModelName, ModelRepository
from inference.sessions import open_session
from inference.training.graph import tower_graph
from inference.training.wordpiece import build_tokenizer
from inference.two_tower import load_two_tower

MODELS = Path(__file__).parents[3] / "models"
TEXTS = ["running shoes", "运动鞋 男士 透气", "a", "kettle 1.5L electric stainless steel " * 3, "женские", "电热水壶"]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_two_tower(ModelRepository(MODELS).read(ModelName("shop-match", "1"))).items


def test_an_embedding_is_the_projected_mean_of_its_tokens_at_length_one(encoder: Encoder) -> None:
    files = ModelRepository(MODELS).read(ModelName("shop-match", "1"))
    graph = onnx.load_from_string(files.contents["item.onnx"]).graph
    weights = {tensor.name: numpy_helper.to_array(tensor).astype(np.float64) for tensor in graph.initializer}
    tokenizer = Tokenizer.from_str(files.contents["tokenizer.json"].decode())
    for text, vector in zip(TEXTS, encoder.encode(TEXTS).vectors, strict=True):
        mean = weights["embeddings"][tokenizer.encode(text).ids].mean(axis=0)
        expected = mean @ weights["projection"]
        np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=2e-6)


def test_texts_without_tokens_have_no_vector(encoder: Encoder) -> None:
    encoded = encoder.encode(["", "   ", "\u3000\t\n", "\x00", "shoe"])
    assert np.isnan(encoded.vectors).all(axis=1).tolist() == [True, True, True, True, False]
    assert encoded.token_counts.tolist()[:4] == [0, 0, 0, 0]


def test_no_texts_at_all_are_fine(encoder: Encoder) -> None:
    assert encoder.encode([]).vectors.shape == (0, encoder.dim)


def test_a_long_text_is_cut_at_the_models_tokens(encoder: Encoder) -> None:
    cut, longer = encoder.encode(["shoe " * 64, "shoe " * 64 + "kettle " * 10_000]).vectors
    np.testing.assert_allclose(cut, longer, atol=1e-6)
    assert encoder.encode(["shoe " * 1000]).token_counts.tolist() == [64]


def test_a_lone_surrogate_spoils_neither_its_text_nor_the_batch(encoder: Encoder) -> None:
    encoded = encoder.encode(["shoe \ud800", "shoe"])
    assert not np.isnan(encoded.vectors).any()
    assert encoded.token_counts.tolist() == [2, 1]


def test_unknown_tokens_are_counted_within_known_ones(encoder: Encoder) -> None:
    encoded = encoder.encode(["running shoes", "running туфли shoes туфли"])
    assert encoded.token_counts.tolist() == [2, 4]
    assert encoded.unknown_counts.tolist() == [0, 2]


def test_half_width_and_full_width_letters_and_cases_are_one(encoder: Encoder) -> None:
    plain, wide, upper = encoder.encode(["shoe", "ｓｈｏｅ", "SHOE"]).vectors
    np.testing.assert_array_equal(plain, wide)
    np.testing.assert_array_equal(plain, upper)


def test_vectors_of_a_graph_that_does_not_normalise_are_brought_to_length_one() -> None:
    tokenizer = build_tokenizer(["shoe", "kettle", "kettle shoe"], 200)
    rng = np.random.default_rng(3)
    embeddings = rng.normal(size=(tokenizer.get_vocab_size(), 8)).astype(np.float32)
    graph = onnx.load_from_string(tower_graph(embeddings, np.eye(8, dtype=np.float32)))
    del graph.graph.node[-1]  # the division
    graph.graph.output[0].name = "projected"
    encoder = Encoder(tokenizer, open_session(graph.SerializeToString(), 1), 8, divide_by_length=True)
    lengths = np.linalg.norm(encoder.encode(["shoe", "kettle shoe"]).vectors, axis=1)
    np.testing.assert_allclose(lengths, 1.0, atol=1e-6)
