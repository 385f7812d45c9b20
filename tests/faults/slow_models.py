"""Match models that answer late or, for a test's purposes, never: their graph runs a loop before it gives its answer.

They score as the model that they are made of does. Warm-up batches, of one or two texts, are not delayed: so a worker
takes such a model for a good one, as it would one whose GPU hangs later.
"""

import hashlib
import shutil
import time
from pathlib import Path

import msgspec
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from inference.manifest import MANIFEST_FILE, Manifest, encode_manifest
from tests.integration.pipeline.harness import MODELS

NAME = "shop-match"
GOOD = "1"
_WIDTH = 128
_WARM_ROWS = 2
_TRIAL_TRIPS = 2_000


def add_slow_model(folder: Path, version: str, batch_s: float) -> Path:
    """Make a model repository with the good model and one of another version whose batches take so many seconds."""
    good, slow = folder / NAME / GOOD, folder / NAME / version
    if not good.exists():
        shutil.copytree(MODELS / NAME / GOOD, good)
    shutil.copytree(good, slow)
    trips = round(_TRIAL_TRIPS * batch_s / _seconds_of(delayed((good / "query.onnx").read_bytes(), _TRIAL_TRIPS)))
    graph = delayed((good / "query.onnx").read_bytes(), trips)
    (slow / "query.onnx").write_bytes(graph)
    manifest = msgspec.json.decode((good / MANIFEST_FILE).read_bytes(), type=Manifest)
    files = {**manifest.files, "query.onnx": hashlib.sha256(graph).hexdigest()}
    changed = msgspec.structs.replace(manifest, version=version, files=files)
    (slow / MANIFEST_FILE).write_bytes(encode_manifest(changed))
    return folder


def delayed(graph: bytes, trips: int) -> bytes:
    """Put a loop of so many multiplications behind a tower, for batches of more than a warm-up's rows."""
    model = onnx.load_from_string(graph)
    tower = model.graph
    (output,) = tower.output
    for node in tower.node:
        node.output[:] = ["undelayed" if name == output.name else name for name in node.output]
    square = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["before", "unit"], ["after"]),
            helper.make_node("Identity", ["go_on"], ["goes_on"]),
        ],
        "delay",
        [
            square("trip", TensorProto.INT64, []),
            square("go_on", TensorProto.BOOL, []),
            square("before", TensorProto.FLOAT, [_WIDTH, _WIDTH]),
        ],
        [square("goes_on", TensorProto.BOOL, []), square("after", TensorProto.FLOAT, [_WIDTH, _WIDTH])],
    )
    constants = {
        "unit": np.eye(_WIDTH, dtype=np.float32),
        "first": np.array(0, np.int64),
        "warm_rows": np.array(_WARM_ROWS, np.int64),
        "no_trips": np.array(0, np.int64),
        "trips": np.array(trips, np.int64),
        "nothing": np.array(0, np.float32),
    }
    tower.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    node = helper.make_node
    tower.node.extend(
        [
            node("Shape", ["input_ids"], ["shape_of_ids"]),
            node("Gather", ["shape_of_ids", "first"], ["rows_of_ids"]),
            node("Greater", ["rows_of_ids", "warm_rows"], ["is_delayed"]),
            node("Where", ["is_delayed", "trips", "no_trips"], ["trips_here"]),
            node("Loop", ["trips_here", "", "unit"], ["product"], body=body),
            node("ReduceSum", ["product"], ["total"], keepdims=0),
            node("Mul", ["total", "nothing"], ["zero"]),
            node("Add", ["undelayed", "zero"], [output.name]),
        ]
    )
    return model.SerializeToString(deterministic=True)


def _seconds_of(graph: bytes) -> float:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    ids = np.ones((_WARM_ROWS + 1, 4), np.int64)
    began_s = time.perf_counter()
    session.run(None, {"input_ids": ids, "attention_mask": ids})
    return time.perf_counter() - began_s
