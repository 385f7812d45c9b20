"""Versions come and go beside each other; what cannot be used is refused in words, and what serves goes on serving."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from inference.manifest import Manifest, Training, encode_manifest
from inference.protocol.calls import InferCall
from inference.protocol.refusals import Reason, Refused
from inference.protocol.tensors import texts_tensor
from inference.repository import ModelRepository
from inference.server.batch_queue import BatchLimits
from inference.server.library import MAX_VERSIONS, ModelLibrary
from inference.server.service import InferService
from inference.server.two_tower_models import two_tower_models
from inference.two_tower import load_two_tower
from schemas.errors import ModelRefused

SHIPPED = Path(__file__).parents[3] / "models" / "shop-match" / "1"


def put(root: Path, version: str, *, files: dict[str, bytes] | None = None, sabotage: str | None = None) -> Path:
    """The shipped model as another version, with some files replaced and the manifest's hashes true."""
    folder = Path(shutil.copytree(SHIPPED, root / "shop-match" / version))
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    for name, data in (files or {}).items():
        (folder / name).write_bytes(data)
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in manifest.files}
    assert isinstance(manifest.training, Training)
    training = msgspec.structs.replace(manifest.training, sabotage=sabotage)
    manifest = msgspec.structs.replace(manifest, version=version, files=hashes, training=training)
    (folder / "manifest.json").write_bytes(encode_manifest(manifest))
    return folder


def graph_of(value: float, *, opset: int = 17) -> bytes:
    """A tower whose every number is `value`."""
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["floats", "axis"], ["sum"], keepdims=1),
        helper.make_node("Mul", ["sum", "zero"], ["zeros"]),
        helper.make_node("Add", ["zeros", "value"], ["embedding"]),
    ]
    weights = [
        onnx.numpy_helper.from_array(np.array([1], np.int64), "axis"),
        onnx.numpy_helper.from_array(np.zeros(64, np.float32), "zero"),
        onnx.numpy_helper.from_array(np.full(64, value, np.float32), "value"),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["texts", 64])
    graph = helper.make_graph(nodes, "tower", inputs, [output], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    return bytes(model.SerializeToString())


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[InferService]:
    with ThreadPoolExecutor(1) as executor:
        library = ModelLibrary(
            ModelRepository(tmp_path),
            lambda files: two_tower_models(load_two_tower(files)),
            BatchLimits(max_rows=32),
            executor,
        )
        made = InferService(library)
        made.started = True
        yield made
        await library.close()


async def served_version(service: InferService) -> str:
    call = InferCall("shop-match", "", [texts_tensor("query", ["kettle"]), texts_tensor("item", ["kettle"])])
    return (await service.infer(call)).version


async def test_the_newest_version_is_served_that_was_not_spoilt_on_purpose(
    service: InferService, tmp_path: Path
) -> None:
    for version in ("9", "10"):
        put(tmp_path, version)
    put(tmp_path, "11", sabotage="wrong-vocabulary")
    await service.library.start({})
    assert await served_version(service) == "10"


async def test_a_worker_begins_with_the_version_before_one_that_cannot_be_used(
    service: InferService, tmp_path: Path
) -> None:
    put(tmp_path, "1")
    with (put(tmp_path, "2") / "query.onnx").open("ab") as file:
        file.write(b"\0")
    await service.library.start({})
    assert await served_version(service) == "1"
    assert "sha256" in next(entry.reason for entry in service.library.index() if entry.version == "2")


async def test_a_version_that_was_asked_for_is_served_or_the_worker_does_not_begin(
    service: InferService, tmp_path: Path
) -> None:
    put(tmp_path, "1")
    with pytest.raises(ModelRefused, match=r"manifest\.json"):
        await service.library.start({"shop-match": "7"})
    with pytest.raises(ModelRefused, match="no model folder"):
        await ModelLibrary(ModelRepository(tmp_path / "none"), list, BatchLimits(), ThreadPoolExecutor(1)).start({})  # type: ignore[arg-type]


def _half_uploaded(root: Path) -> None:
    (put(root, "2") / "manifest.json").unlink()


def _unfitting_tokenizer(root: Path) -> None:
    put(root, "2", files={"tokenizer.json": (SHIPPED / "manifest.json").read_bytes()})


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "corrupt graph": (lambda root: put(root, "2", files={"query.onnx": b"no graph"}), "tokenizer and graphs that run"),
    "wrong hash": (lambda root: (put(root, "2") / "item.onnx").write_bytes(b"other"), "sha256 expected"),
    "half uploaded": (_half_uploaded, "manifest.json"),
    "no tokenizer": (_unfitting_tokenizer, "tokenizer and graphs that run"),
    "unknown opset": (lambda root: put(root, "2", files={"item.onnx": graph_of(0.125, opset=99)}), "graphs that run"),
    "not a number": (lambda root: put(root, "2", files={"item.onnx": graph_of(np.nan)}), "length one"),
    "no such version": (lambda root: root, "manifest.json"),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
async def test_a_version_that_cannot_be_used_is_refused_in_words_and_the_live_one_goes_on(
    service: InferService, tmp_path: Path, name: str
) -> None:
    put(tmp_path, "1")
    await service.library.start({})
    make, words = BROKEN[name]
    make(tmp_path)
    with pytest.raises(Refused, match=words) as refused:
        await service.library.load("shop-match", "2", live=True)
    assert refused.value.reason is Reason.INVALID
    assert await served_version(service) == "1"
    assert [(entry.version, entry.state) for entry in service.library.index() if entry.state != "READY"] in (
        [("2", "UNAVAILABLE")],
        [],
    )


async def test_a_version_is_live_when_it_is_said_to_be(service: InferService, tmp_path: Path) -> None:
    for version in ("1", "2"):
        put(tmp_path, version)
    await service.library.start({"shop-match": "1"})
    await service.library.load("shop-match", "2")
    assert await served_version(service) == "1"
    await service.library.load("shop-match", "2", live=True)
    assert await served_version(service) == "2"
    await service.library.unload("shop-match", "2")
    assert await served_version(service) == "1"
    await service.library.unload("shop-match")
    with pytest.raises(Refused, match="served: nothing"):
        await served_version(service)


async def test_the_newest_version_may_be_loaded_without_being_live(service: InferService, tmp_path: Path) -> None:
    put(tmp_path, "1")
    await service.library.start({})
    put(tmp_path, "2")
    await service.load("shop-match", {"live": False})
    assert await served_version(service) == "1"
    assert set(service.library.loaded().values()) == {True, False}
    await service.load("shop-match", {})
    assert await served_version(service) == "2"


async def test_unloading_goes_on_though_whoever_asked_for_it_has_gone(tmp_path: Path) -> None:
    put(tmp_path, "1")
    call = InferCall("shop-match", "", [texts_tensor("query", ["kettle"]), texts_tensor("item", ["kettle"])])
    with ThreadPoolExecutor(1) as executor:
        library = ModelLibrary(
            ModelRepository(tmp_path),
            lambda files: two_tower_models(load_two_tower(files)),
            BatchLimits(max_rows=32, max_delay_s=0.2),
            executor,
        )
        service = InferService(library)
        service.started = True
        before = asyncio.all_tasks()
        await library.start({})
        asked = asyncio.create_task(service.infer(call))
        await asyncio.sleep(0)
        unloading = asyncio.create_task(service.unload("shop-match", {}))
        await asyncio.sleep(0)
        unloading.cancel()
        assert (await asked).version == "1"
        async with asyncio.timeout(10):
            while asyncio.all_tasks() - before:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.01)


async def test_a_worker_that_is_ending_refuses_so_that_another_one_is_asked(
    service: InferService, tmp_path: Path
) -> None:
    put(tmp_path, "1")
    await service.library.start({})
    service.ending = True
    with pytest.raises(Refused, match="is ending") as refused:
        await served_version(service)
    assert refused.value.reason is Reason.ENDING


async def test_a_worker_keeps_so_many_versions_and_always_the_live_one(service: InferService, tmp_path: Path) -> None:
    versions = [str(number) for number in range(1, MAX_VERSIONS + 3)]
    for version in versions:
        put(tmp_path, version)
    await service.library.start({"shop-match": "1"})
    for version in versions[1:]:
        await service.library.load("shop-match", version)
    kept = sorted(model.version for model in service.library.loaded())
    assert kept == ["1", *versions[-MAX_VERSIONS + 1 :]]
    assert await served_version(service) == "1"
