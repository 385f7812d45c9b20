"""`tritonclient`, unchanged, is a client of our worker: HTTP with JSON and with binary data, gRPC, and streams."""

import asyncio
import queue
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
import tritonclient.http.aio as triton_http_aio
from google.protobuf.json_format import MessageToDict
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from inference.two_tower import TwoTower
from tests.integration.serving.worker_process import WorkerProcess

QUERIES = ["运动鞋", "kettle", "running shoes", "🫖"]
ITEMS = ["男士跑步运动鞋 透气", "美的电热水壶 1.5L 家用", "shoe " * 20_000, "mixed 混合 микс 🫖"]
CLIENTS = ["http json", "http binary", "http gzip", "grpc"]
Texts = dict[str, list[str]]


class Triton:
    """One of tritonclient's clients, with what differs between them."""

    def __init__(self, kind: str, worker: WorkerProcess) -> None:
        self.kind = kind
        self.is_grpc = kind == "grpc"
        self.library: Any = triton_grpc if self.is_grpc else triton_http
        self.client: Any = (
            triton_grpc.InferenceServerClient(worker.grpc)
            if self.is_grpc
            else triton_http.InferenceServerClient(worker.http_address)
        )
        self._binary = {} if self.is_grpc else {"binary_data": kind != "http json"}
        self._more: dict[str, Any] = {"request_compression_algorithm": "gzip"} if kind == "http gzip" else {}

    def inputs(self, texts: Texts, datatype: str = "BYTES") -> list[Any]:
        found = []
        for name, column in texts.items():
            one = self.library.InferInput(name, [len(column), 1], datatype)
            one.set_data_from_numpy(np.array(column, dtype=object).reshape(-1, 1), **self._binary)
            found.append(one)
        return found

    def infer(self, model: str, texts: Texts, wanted: list[str], **options: Any) -> Any:
        outputs = [self.library.InferRequestedOutput(name, **self._binary) for name in wanted]
        return self.client.infer(model, self.inputs(texts), outputs=outputs, **self._more, **options)

    def as_dict(self, answer: Any) -> dict[str, Any]:
        """What metadata and configuration come as: a dictionary over HTTP, a message over gRPC."""
        if not self.is_grpc:
            return dict(answer)
        return MessageToDict(answer, preserving_proto_field_name=True)


@pytest.fixture(params=CLIENTS)
def triton(request: pytest.FixtureRequest, worker: WorkerProcess) -> Iterator[Triton]:
    made = Triton(request.param, worker)
    yield made
    made.client.close()


def expected_match(tower: TwoTower, queries: list[str], items: list[str]) -> NDArray[np.float32]:
    """One pair at a time."""
    rows = []
    for query, item in zip(queries, items, strict=True):
        cosine = tower.queries.encode([query]).vectors @ tower.items.encode([item]).vectors.T
        rows.append(tower.probabilities(cosine)[0])
    return np.array(rows, np.float32)


def test_server_and_models_say_that_they_are_ready(triton: Triton) -> None:
    assert triton.client.is_server_live()
    assert triton.client.is_server_ready()
    assert triton.client.is_model_ready("shop-match")
    assert triton.client.is_model_ready("shop-match.query", "1")
    metadata = triton.as_dict(triton.client.get_server_metadata())
    assert metadata["name"] == "matchwatch"
    assert "binary_tensor_data" in metadata["extensions"]


def test_pairs_are_matched_as_they_are_in_one_process(triton: Triton, tower: TwoTower) -> None:
    answer = triton.infer("shop-match", {"query": QUERIES, "item": ITEMS}, ["match"], request_id="r-1")
    match = answer.as_numpy("match")
    assert match.shape == (4, 1)
    assert match.dtype == np.float32
    np.testing.assert_allclose(match, expected_match(tower, QUERIES, ITEMS), rtol=0, atol=1e-5)
    told = answer.get_response()
    assert (told.id if triton.is_grpc else told["id"]) == "r-1"
    assert (told.model_version if triton.is_grpc else told["model_version"]) == "1"


@pytest.mark.parametrize("role", ["query", "item"])
def test_encoders_give_the_embeddings_and_count_tokens(triton: Triton, tower: TwoTower, role: str) -> None:
    encoder = tower.queries if role == "query" else tower.items
    texts = [*QUERIES, *ITEMS, "", " \u3000"]
    names = ["embedding", "tokens", "unknown_tokens"]
    answer = triton.infer(f"shop-match.{role}", {"text": texts}, names, model_version="1")
    encoded = encoder.encode(texts)
    np.testing.assert_allclose(answer.as_numpy("embedding"), encoded.vectors, rtol=0, atol=1e-5)
    assert answer.as_numpy("tokens")[:, 0].tolist() == encoded.token_counts.tolist()
    assert answer.as_numpy("unknown_tokens")[:, 0].tolist() == encoded.unknown_counts.tolist()
    assert np.isnan(answer.as_numpy("embedding")[-2:]).all()


def test_a_blank_text_has_no_match_and_its_neighbours_do(triton: Triton) -> None:
    texts = {"query": ["kettle", "", "kettle"], "item": ["", "kettle", "kettle"]}
    match = triton.infer("shop-match", texts, ["match"]).as_numpy("match")
    assert np.isnan(match)[:, 0].tolist() == [True, True, False]


def test_outputs_that_nobody_names_all_come(triton: Triton) -> None:
    answer = triton.client.infer("shop-match.query", triton.inputs({"text": ["kettle"]}))
    assert answer.as_numpy("embedding").shape[0] == 1
    assert answer.as_numpy("tokens").tolist() == [[1]]


def test_metadata_and_configuration_describe_the_tensors(triton: Triton) -> None:
    metadata = triton.as_dict(triton.client.get_model_metadata("shop-match"))
    assert [(one["name"], one["datatype"]) for one in metadata["inputs"]] == [("query", "BYTES"), ("item", "BYTES")]
    assert [(one["name"], one["datatype"]) for one in metadata["outputs"]] == [("match", "FP32")]
    assert metadata["versions"] == ["1"]
    config = triton.as_dict(triton.client.get_model_config("shop-match.query"))
    config = config.get("config", config)
    assert config["input"][0]["data_type"] == "TYPE_STRING"
    assert config["max_batch_size"] == 256
    assert float(config["parameters"]["calibration_a"]["string_value"]) > 0


def test_statistics_count_the_rows(triton: Triton) -> None:
    def rows() -> int:
        found = triton.as_dict(triton.client.get_inference_statistics("shop-match.item", "1"))
        return int(found["model_stats"][0].get("inference_count", 0))

    before = rows()
    triton.infer("shop-match.item", {"text": ["a", "b", "c"]}, ["embedding"])
    assert rows() == before + 3


def test_an_empty_batch_gives_empty_outputs(triton: Triton) -> None:
    assert triton.infer("shop-match.query", {"text": []}, ["embedding"]).as_numpy("embedding").shape == (0, 64)


REFUSED: dict[str, tuple[Callable[[Triton], Any], str, str]] = {
    "unknown model": (lambda t: t.infer("nobody", {"text": ["a"]}, []), "nobody is not loaded", "NOT_FOUND"),
    "unknown version": (
        lambda t: t.infer("shop-match.query", {"text": ["a"]}, [], model_version="9"),
        "shop-match.query/9 is not loaded; served: shop-match.item/1, shop-match.query/1",
        "NOT_FOUND",
    ),
    "unknown input": (
        lambda t: t.infer("shop-match", {"query": ["a"], "text": ["b"]}, []), "takes \\['query', 'item'\\]", "INVALID"
    ),
    "missing input": (lambda t: t.infer("shop-match", {"query": ["a"]}, []), "takes \\['query', 'item'\\]", "INVALID"),
    "unknown output": (lambda t: t.infer("shop-match.item", {"text": ["a"]}, ["x"]), "output 'x' is wanted", "INVALID"),
    "different rows": (lambda t: t.infer("shop-match", {"query": ["a"], "item": ["b", "c"]}, []), "rows", "INVALID"),
    "too many rows": (
        lambda t: t.infer("shop-match.query", {"text": ["a"] * 8193}, []), "8193 rows in one request", "INVALID"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_be_answered_is_refused_in_words(triton: Triton, name: str) -> None:
    ask, words, status = REFUSED[name]
    with pytest.raises(InferenceServerException, match=words) as refused:
        ask(triton)
    if triton.is_grpc:
        assert status in str(refused.value.status())
    assert triton.infer("shop-match.query", {"text": ["kettle"]}, ["embedding"]) is not None


def test_numbers_in_place_of_texts_and_other_shapes_are_refused(triton: Triton) -> None:
    for datatype, array, words in (
        ("FP32", np.zeros((1, 1), np.float32), "is FP32, but it takes BYTES"),
        ("INT64", np.zeros((1, 1), np.int64), "datatype 'INT64' is not served"),
        ("BYTES", np.array([["a", "b"]], dtype=object), "takes \\[rows, 1\\]"),
    ):
        one = triton.library.InferInput("text", list(array.shape), datatype)
        one.set_data_from_numpy(array)
        with pytest.raises(InferenceServerException, match=words):
            triton.client.infer("shop-match.query", [one])


def test_the_repository_tells_what_is_served_and_why_the_rest_is_not(triton: Triton) -> None:
    for version, words in (("3", "sha256"), ("4", "manifest")):
        with pytest.raises(InferenceServerException, match=words):
            load(triton, version)
    index = triton.client.get_model_repository_index()
    models = triton.as_dict(index)["models"] if triton.is_grpc else index
    entries = {(one["name"], one["version"]): one for one in models}
    assert entries["shop-match", "1"]["state"] == "READY"
    assert "sha256" in entries["shop-match", "3"]["reason"]
    assert "upload" in entries["shop-match", "4"]["reason"]


def load(triton: Triton, version: str) -> None:
    """Load with our parameter, which tritonclient's own call has no word for."""
    if triton.is_grpc:
        request = triton_grpc.service_pb2.RepositoryModelLoadRequest(model_name="shop-match")
        request.parameters["version"].string_param = version
        try:
            triton.client._client_stub.RepositoryModelLoad(request)  # noqa: SLF001 - there is no other way
        except Exception as error:
            raise InferenceServerException(str(error)) from error
    else:
        answer = triton.client._post(  # noqa: SLF001 - likewise
            request_uri="v2/repository/models/shop-match/load",
            request_body=f'{{"parameters": {{"version": "{version}"}}}}',
            headers=None,
            query_params=None,
        )
        if answer.status_code != 200:
            raise InferenceServerException(answer.read().decode())


def test_a_version_is_loaded_beside_the_live_one_and_unloaded(triton: Triton) -> None:
    load(triton, "2")
    live = triton.infer("shop-match", {"query": ["运动鞋"], "item": ["运动鞋"]}, ["match"])
    second = triton.infer("shop-match", {"query": ["运动鞋"], "item": ["运动鞋"]}, ["match"], model_version="2")
    assert live.as_numpy("match")[0, 0] > 0.5 > second.as_numpy("match")[0, 0]
    unload(triton, "2")
    assert not triton.client.is_model_ready("shop-match", "2")
    assert triton.client.is_model_ready("shop-match", "1")


def unload(triton: Triton, version: str) -> None:
    if triton.is_grpc:
        request = triton_grpc.service_pb2.RepositoryModelUnloadRequest(model_name="shop-match")
        request.parameters["version"].string_param = version
        triton.client._client_stub.RepositoryModelUnload(request)  # noqa: SLF001 - there is no other way
    else:
        triton.client._post(  # noqa: SLF001 - likewise
            request_uri="v2/repository/models/shop-match/unload",
            request_body=f'{{"parameters": {{"version": "{version}"}}}}',
            headers=None,
            query_params=None,
        )


def test_a_request_with_too_little_time_is_refused(triton: Triton) -> None:
    texts = {"text": [f"kettle {i} 运动鞋 " * 50 for i in range(4000)]}
    with pytest.raises(InferenceServerException, match=r"not answered within"):
        triton.infer("shop-match.item", texts, [], timeout=1000)


def test_a_stream_answers_each_request_and_goes_on_after_a_refusal(worker: WorkerProcess) -> None:
    answers: queue.Queue[tuple[Any, Any]] = queue.Queue()
    with triton_grpc.InferenceServerClient(worker.grpc) as client:
        client.start_stream(lambda result, error: answers.put((result, error)))
        for model in ("shop-match.query", "nobody", "shop-match.query"):
            one = triton_grpc.InferInput("text", [1, 1], "BYTES")
            one.set_data_from_numpy(np.array([["kettle"]], dtype=object))
            client.async_stream_infer(model, [one])
        found = [answers.get(timeout=30) for _ in range(3)]
        client.stop_stream()
    assert [error is None for _, error in found] == [True, False, True]
    assert "nobody is not loaded" in str(found[1][1])
    assert found[2][0].as_numpy("embedding").shape == (1, 64)


async def test_many_requests_at_once_each_get_their_own_answer(worker: WorkerProcess, tower: TwoTower) -> None:
    async with triton_http_aio.InferenceServerClient(worker.http_address) as client:

        async def ask(query: str, item: str) -> float:
            inputs = []
            for name, text in (("query", query), ("item", item)):
                one = triton_http.InferInput(name, [1, 1], "BYTES")
                one.set_data_from_numpy(np.array([[text]], dtype=object))
                inputs.append(one)
            answer = await client.infer("shop-match", inputs)
            return float(answer.as_numpy("match")[0, 0])

        queries, items = [f"kettle {i}" for i in range(100)], [f"{ITEMS[i % 2]} {i}" for i in range(100)]
        found = await asyncio.gather(*map(ask, queries, items))
    np.testing.assert_allclose(found, expected_match(tower, queries, items)[:, 0], rtol=0, atol=1e-5)
