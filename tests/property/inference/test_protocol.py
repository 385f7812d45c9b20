"""What is written as the protocol is read back as it was, over REST and over gRPC, and what is cut is refused."""

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.protocol import grpc_messages, rest
from inference.protocol.calls import InferAnswer, InferCall
from inference.protocol.messages import ModelInferRequest, ModelInferResponse
from inference.protocol.refusals import Refused
from inference.protocol.tensors import Tensor, from_raw, to_raw

TEXTS = st.lists(st.binary(max_size=12), max_size=6)
FLOATS = st.lists(st.floats(width=32), max_size=6)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    name = draw(st.text("abc", min_size=1, max_size=3))
    if draw(st.booleans()):
        texts = draw(TEXTS)
        return Tensor(name, "BYTES", (len(texts), 1), texts)
    floats = np.array(draw(FLOATS), "<f4")
    return Tensor(name, "FP32", (len(floats), 1), floats)


PARAMETERS = st.dictionaries(
    st.text("xyz", min_size=1), st.one_of(st.booleans(), st.integers(-(2**40), 2**40), st.text(max_size=5)), max_size=3
)


def plain(tensor: Tensor) -> tuple[Any, ...]:
    return tensor.name, tensor.datatype, tensor.shape, to_raw(tensor)


@given(st.lists(tensors(), max_size=4), PARAMETERS, st.text(max_size=5))
def test_a_call_and_an_answer_come_back_over_rest_with_binary_data(
    some: list[Tensor], parameters: dict[str, Any], name: str
) -> None:
    call = InferCall("m", "1", some, name, parameters, ["a"], binary_default=True)
    body, length = rest.write_call(call)
    read = rest.read_call("m", "1", body, str(length))
    assert (read.id, read.outputs, read.binary_default) == (name, ["a"], True)
    assert read.parameters == {**parameters, "binary_data_output": True}
    assert [plain(one) for one in read.inputs] == [plain(one) for one in some]
    answer = InferAnswer("m", "1", some, name, parameters)
    body, json_length = rest.write_answer(call, answer)
    back = rest.read_answer(body, None if json_length is None else str(json_length))
    assert [plain(one) for one in back.outputs] == [plain(one) for one in some]
    assert (back.model, back.version, back.id, back.parameters) == ("m", "1", name, parameters)


@given(st.lists(tensors(), max_size=4), PARAMETERS)
def test_a_call_and_an_answer_come_back_over_grpc(some: list[Tensor], parameters: dict[str, Any]) -> None:
    request = grpc_messages.write_call(InferCall("m", "1", some, "r", parameters, ["a"])).SerializeToString()
    read = grpc_messages.read_call(ModelInferRequest.FromString(request))
    assert (read.model, read.version, read.id, read.outputs) == ("m", "1", "r", ["a"])
    assert read.parameters == parameters
    assert [plain(one) for one in read.inputs] == [plain(one) for one in some]
    response = grpc_messages.write_answer(InferAnswer("m", "1", some, "r", parameters)).SerializeToString()
    back = grpc_messages.read_answer(ModelInferResponse.FromString(response))
    assert [plain(one) for one in back.outputs] == [plain(one) for one in some]


@given(st.lists(st.binary(max_size=6), min_size=1, max_size=4), st.data())
def test_bytes_that_are_cut_are_refused(texts: list[bytes], data: st.DataObject) -> None:
    raw = to_raw(Tensor("a", "BYTES", (len(texts), 1), texts))
    cut = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(Refused, match="whole elements"):
        from_raw("a", "BYTES", (len(texts), 1), raw[:cut])


@given(st.binary(max_size=60), st.one_of(st.none(), st.integers(-1, 70).map(str), st.text(max_size=4)))
def test_any_bytes_are_a_call_or_refused(body: bytes, length: str | None) -> None:
    with contextlib.suppress(Refused):
        rest.read_call("m", "", body, length)
