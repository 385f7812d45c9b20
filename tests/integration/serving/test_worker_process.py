"""The worker as a process: what it says of itself, what it refuses, whom it forgets, and how it ends."""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import aiohttp
import grpc
import pytest

from inference.protocol import grpc_messages
from inference.protocol.calls import InferCall
from inference.protocol.messages import ModelInferResponse
from inference.protocol.tensors import texts_tensor
from tests.integration.serving.worker_process import WorkerProcess, copied_model, wait_until

LONG = ["kettle 运动鞋 " * 60] * 64
KETTLE = {"inputs": [{"name": "text", "shape": [1, 1], "datatype": "BYTES", "data": ["kettle"]}]}


def ask(worker: WorkerProcess, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
    """Status and decoded body."""
    try:
        request = Request(worker.http + path, body, headers or {})  # noqa: S310 - to this machine
        with urlopen(request, timeout=30) as answer:  # noqa: S310 - likewise
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def encoded(texts: list[str]) -> bytes:
    one = {"name": "text", "shape": [len(texts), 1], "datatype": "BYTES", "data": texts}
    return json.dumps({"inputs": [one]}).encode()


def model_infer(channel: grpc.aio.Channel) -> Any:
    return channel.unary_unary(
        "/inference.GRPCInferenceService/ModelInfer",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=ModelInferResponse.FromString,
    )


@pytest.fixture
def narrow(served_models: Path) -> Iterator[WorkerProcess]:
    """A worker that is easily full: batches of 64 rows, and no more than 128 that wait."""
    options = ("--model", "shop-match=1", "--max-batch-rows", "64", "--queue-rows", "128")
    with WorkerProcess(served_models, *options) as process:
        yield process


def totals(worker: WorkerProcess, metric: str, **labels: str) -> float:
    total = 0.0
    for name, text, value in re.findall(r"^(\w+){(.*)} (\S+)$", ask(worker, "/metrics")[1], re.MULTILINE):
        if name == metric and labels.items() <= dict(re.findall(r'(\w+)="([^"]*)"', text)).items():
            total += float(value)
    return total


def test_metrics_have_the_names_that_triton_gives_them(worker: WorkerProcess) -> None:
    labels = {"model": "shop-match.item", "version": "1"}
    names = ["nv_inference_request_success", "nv_inference_count", "nv_inference_exec_count"]
    before = [totals(worker, name, **labels) for name in names]
    assert ask(worker, "/v2/models/shop-match.item/infer", encoded(["a", "b"]))[0] == 200
    assert [totals(worker, name, **labels) for name in names] == [before[0] + 1, before[1] + 2, before[2] + 1]
    for name in ("request", "queue", "compute_infer"):
        assert totals(worker, f"nv_inference_{name}_duration_us", **labels) > 0
    assert totals(worker, "nv_inference_pending_request_count", **labels) == 0


def test_telemetry_has_the_shape_of_a_workers_record(worker: WorkerProcess) -> None:
    told = json.loads(ask(worker, "/telemetry")[1])
    assert (told["type"], told["worker"]) == ("worker", "gpu-1")
    assert {"name": "shop-match", "version": "1", "state": "ready"} in told["models"]
    assert told["rss_bytes"] > 10_000_000
    assert told["gpu_memory_bytes"] is None or told["gpu_memory_bytes"] >= 0
    assert told["queue_depth"] == 0
    assert told["rows_total"] >= 0


BAD_BODIES = {
    "no JSON": (b"\xff\xfe", 400, "not the protocol's JSON"),
    "cut JSON": (encoded(["kettle"])[:-1], 400, "not the protocol's JSON"),
    "nothing": (b"", 400, "not the protocol's JSON"),
    "deep": (b"[" * 5000, 400, "not the protocol's JSON"),
    "no data": (b'{"inputs":[{"name":"text","shape":[1,1],"datatype":"BYTES"}]}', 400, "neither data"),
    "numbers": (json.dumps(KETTLE).replace('"kettle"', "7").encode(), 400, "BYTES in JSON are strings"),
    "negative": (json.dumps(KETTLE).replace("[1, 1]", "[-1, 1]").encode(), 400, "shape [-1, 1] is wrong"),
    "other rows": (json.dumps(KETTLE).replace("[1, 1]", "[2, 1]").encode(), 400, "1 elements"),
    "huge": (encoded(["x" * (17 * 2**20)]), 413, "infer"),
}


@pytest.mark.parametrize("name", sorted(BAD_BODIES))
def test_a_body_that_is_none_is_refused_in_words(worker: WorkerProcess, name: str) -> None:
    body, status, words = BAD_BODIES[name]
    found, told = ask(worker, "/v2/models/shop-match.query/infer", body)
    assert found == status
    assert words in json.loads(told)["error"]
    assert ask(worker, "/v2/models/shop-match.query/infer", json.dumps(KETTLE).encode())[0] == 200


def test_what_is_no_path_of_ours_says_so_as_the_protocol_does(worker: WorkerProcess) -> None:
    status, told = ask(worker, "/v2/models/shop-match/elsewhere")
    assert (status, "elsewhere" in json.loads(told)["error"]) == (404, True)


def test_texts_that_are_not_utf_8_are_refused_and_lone_surrogates_are_not(worker: WorkerProcess) -> None:
    head = {"name": "text", "shape": [2, 1], "datatype": "BYTES", "parameters": {"binary_data_size": 11}}
    written = json.dumps({"inputs": [head]}).encode()
    body = written + b"\x02\0\0\0ok\x01\0\0\0\xff"
    headers = {"Inference-Header-Content-Length": str(len(written))}
    status, told = ask(worker, "/v2/models/shop-match.query/infer", body, headers)
    assert (status, "row 1 is not UTF-8" in json.loads(told)["error"]) == (400, True)
    surrogate = encoded(["kettle \ud83e"])
    assert ask(worker, "/v2/models/shop-match.query/infer", surrogate)[0] in {200, 400}


async def test_a_full_worker_answers_429_and_then_again_200(narrow: WorkerProcess) -> None:
    async with aiohttp.ClientSession(narrow.http) as session:

        async def once(_: int) -> int:
            async with session.post("/v2/models/shop-match.item/infer", data=encoded(LONG)) as answer:
                await answer.read()
                return answer.status

        statuses = await asyncio.gather(*map(once, range(40)))
        assert set(statuses) == {200, 429}
        assert await once(0) == 200
    assert totals(narrow, "nv_inference_request_failure", reason="REJECTED") == statuses.count(429)


async def test_over_grpc_a_full_worker_says_that_its_resources_are_exhausted(narrow: WorkerProcess) -> None:
    request = grpc_messages.write_call(InferCall("shop-match.item", "", [texts_tensor("text", LONG)]))
    async with grpc.aio.insecure_channel(narrow.grpc) as channel:
        method = model_infer(channel)
        found = await asyncio.gather(*(method(request) for _ in range(40)), return_exceptions=True)
        codes = [one.code() for one in found if isinstance(one, grpc.aio.AioRpcError)]
        assert set(codes) == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert len(codes) < 40
        with pytest.raises(grpc.aio.AioRpcError) as late:
            await asyncio.gather(*(method(request, timeout=0.002) for _ in range(2)))  # as many as may wait
        assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_request_whose_client_has_gone_is_not_computed(served_models: Path) -> None:
    with WorkerProcess(served_models, "--model", "shop-match=1", "--max-delay-ms", "60000") as patient:
        async with aiohttp.ClientSession(patient.http) as session:
            path = "/v2/models/shop-match.item/infer"
            asked = [asyncio.create_task(session.post(path, data=encoded(LONG[:4]))) for _ in range(8)]
            await asyncio.to_thread(wait_until, "the requests to wait", lambda: pending(patient) == 8)
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
            await asyncio.to_thread(wait_until, "the worker to notice", lambda: pending(patient) == 0)
        assert totals(patient, "nv_inference_request_failure", reason="CANCELED") == 8
        assert totals(patient, "nv_inference_exec_count") == 0


def pending(worker: WorkerProcess) -> float:
    return totals(worker, "nv_inference_pending_request_count")


async def test_at_sigterm_what_is_under_way_is_answered_and_the_rest_is_refused(narrow: WorkerProcess) -> None:
    statuses: list[int] = []
    async with aiohttp.ClientSession(narrow.http) as session:

        async def until_it_has_gone() -> None:
            with contextlib.suppress(aiohttp.ClientConnectionError):  # before a request was taken, never within one
                while True:
                    async with session.post("/v2/models/shop-match.item/infer", data=encoded(LONG[:8])) as answer:
                        assert len(await answer.read()) > 20
                        statuses.append(answer.status)
                        if answer.status == 503:
                            return

        clients = [asyncio.create_task(until_it_has_gone()) for _ in range(8)]
        async with asyncio.timeout(60):
            while len(statuses) < 16:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.01)
            ended = await asyncio.to_thread(narrow.stop)
            await asyncio.gather(*clients)
    assert ended == 0
    assert set(statuses) <= {200, 503}


async def test_at_sigterm_what_waits_for_its_batch_is_answered_over_both_protocols(served_models: Path) -> None:
    request = grpc_messages.write_call(InferCall("shop-match.item", "", [texts_tensor("text", ["kettle"])]))
    with WorkerProcess(served_models, "--model", "shop-match=1", "--max-delay-ms", "1500") as patient:
        async with aiohttp.ClientSession(patient.http) as session, grpc.aio.insecure_channel(patient.grpc) as channel:
            path = "/v2/models/shop-match.item/infer"
            over_http = asyncio.create_task(session.post(path, data=encoded(["kettle"])))
            over_grpc = model_infer(channel)(request)
            await asyncio.to_thread(wait_until, "both to wait", lambda: pending(patient) == 2)
            ended = asyncio.create_task(asyncio.to_thread(patient.stop))
            async with await over_http as answer:
                assert answer.status == 200
                assert len(await answer.read()) > 20
            assert len((await over_grpc).outputs) == 3
            assert await ended == 0


def test_a_port_that_is_taken_and_a_model_that_is_not_there_are_one_line_each(
    worker: WorkerProcess, served_models: Path
) -> None:
    port = worker.http_address.rpartition(":")[2]
    cases = [
        (["--http-port", port], f"127.0.0.1:{port}: "),
        (["--grpc-port", worker.grpc.rpartition(":")[2], "--http-port", "0"], "choose another --grpc-port"),
        (["--http-port", "0", "--grpc-port", "0", "--model", "shop-match=7"], "shop-match/7/manifest.json"),
        (["--model", "shop-match"], "is not NAME=VERSION"),
    ]
    command = [sys.executable, "-m", "streams.cli.main", "serve", "--models", str(served_models)]
    begun = [
        subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for options, _ in cases
    ]
    for process, (_, words) in zip(begun, cases, strict=True):
        told = process.communicate(timeout=60)[1]
        assert process.returncode in {1, 2}
        assert words in told
        assert "Traceback" not in told


def test_a_model_of_another_name_is_served_beside(tmp_path: Path) -> None:
    copied_model(tmp_path, "1")
    folder = copied_model(tmp_path, "2")
    manifest = folder / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"shop-match"', b'"other"'))
    (tmp_path / "other").mkdir()
    folder.rename(tmp_path / "other" / "2")
    with WorkerProcess(tmp_path) as both:
        for name, version in (("shop-match", "1"), ("other", "2")):
            assert json.loads(ask(both, f"/v2/models/{name}")[1])["versions"] == [version]
