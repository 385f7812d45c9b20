"""Writing one tower as an ONNX graph: gather, masked mean, projection, length one.

The graph is put together by hand rather than traced, so its bytes depend on the weights alone.
"""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
_IR_VERSION = 10  # the newest that every onnxruntime of our range reads


def tower_graph(embeddings: NDArray[np.float32], projection: NDArray[np.float32]) -> bytes:
    """Export one tower.

    Args:
        embeddings: token vectors, shape (vocabulary, width); stored in half precision.
        projection: shape (width, dim).

    Returns:
        An ONNX file: int64 `input_ids`, `attention_mask` (texts, tokens) to float32 `embedding` (texts, dim).
    """
    dim = projection.shape[1]
    weights = [
        numpy_helper.from_array(embeddings.astype(np.float16), "embeddings"),
        numpy_helper.from_array(projection.astype(np.float32), "projection"),
        numpy_helper.from_array(np.array([1], np.int64), "tokens_axis"),
        numpy_helper.from_array(np.array([2], np.int64), "last_axis"),
        numpy_helper.from_array(np.array(1e-12, np.float32), "tiny"),
    ]
    node = helper.make_node
    nodes = [
        node("Gather", ["embeddings", "input_ids"], ["halves"], axis=0),
        node("Cast", ["halves"], ["tokens"], to=TensorProto.FLOAT),
        node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["mask", "last_axis"], ["mask_column"]),
        node("Mul", ["tokens", "mask_column"], ["masked"]),
        node("ReduceSum", ["masked", "tokens_axis"], ["sum"], keepdims=0),
        node("ReduceSum", ["mask", "tokens_axis"], ["count"], keepdims=1),
        node("Max", ["count", "tiny"], ["divisor"]),
        node("Div", ["sum", "divisor"], ["mean"]),
        node("MatMul", ["mean", "projection"], ["projected"]),
        node("ReduceL2", ["projected"], ["length"], axes=[1], keepdims=1),
        node("Max", ["length", "tiny"], ["safe_length"]),
        node("Div", ["projected", "safe_length"], ["embedding"]),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["texts", dim])
    graph = helper.make_graph(nodes, "tower", inputs, [output], weights)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION, producer_name="matchwatch"
    )
    onnx.checker.check_model(model, full_check=True)
    written: bytes = model.SerializeToString(deterministic=True)
    return written
