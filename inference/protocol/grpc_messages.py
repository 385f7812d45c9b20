"""Calls and answers as gRPC carries them."""

from typing import Any

import numpy as np

from inference.protocol.calls import InferAnswer, InferCall, Parameters
from inference.protocol.messages import ModelInferRequest, ModelInferResponse
from inference.protocol.refusals import Reason, Refused
from inference.protocol.tensors import NUMBERS, Tensor, element_count, from_raw, to_raw, unknown_datatype


def read_call(request: Any) -> InferCall:
    """Read a ModelInferRequest.

    Raises:
        Refused: its tensors do not hold together.
    """
    return InferCall(
        request.model_name,
        request.model_version,
        _tensors(request.inputs, request.raw_input_contents),
        request.id,
        read_parameters(request.parameters),
        [wanted.name for wanted in request.outputs],
    )


def write_call(call: InferCall) -> Any:
    """Make a ModelInferRequest with raw contents."""
    request = ModelInferRequest(model_name=call.model, model_version=call.version, id=call.id)
    _write_parameters(request.parameters, call.parameters)
    for tensor in call.inputs:
        request.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        request.raw_input_contents.append(to_raw(tensor))
    for name in call.outputs:
        request.outputs.add(name=name)
    return request


def write_answer(answer: InferAnswer) -> Any:
    """Make a ModelInferResponse with raw contents."""
    response = ModelInferResponse(model_name=answer.model, model_version=answer.version, id=answer.id)
    _write_parameters(response.parameters, answer.parameters)
    for tensor in answer.outputs:
        response.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        response.raw_output_contents.append(to_raw(tensor))
    return response


def read_answer(response: Any) -> InferAnswer:
    """Read a ModelInferResponse.

    Raises:
        Refused: its tensors do not hold together.
    """
    return InferAnswer(
        response.model_name,
        response.model_version,
        _tensors(response.outputs, response.raw_output_contents),
        response.id,
        read_parameters(response.parameters),
    )


def read_parameters(parameters: Any) -> Parameters:
    """Give parameters as plain values."""
    return {
        name: getattr(value, value.WhichOneof("parameter_choice"))
        for name, value in parameters.items()
        if value.WhichOneof("parameter_choice")
    }


def _write_parameters(parameters: Any, values: Parameters) -> None:
    for name, value in values.items():
        kind = {bool: "bool_param", int: "int64_param", float: "double_param"}.get(type(value), "string_param")
        setattr(parameters[name], kind, value)


def _tensors(described: Any, raws: Any) -> list[Tensor]:
    if raws and len(raws) != len(described):
        raise Refused(Reason.INVALID, f"{len(raws)} raw contents for {len(described)} tensors; one each, or none")
    if raws:
        return [
            from_raw(one.name, one.datatype, tuple(one.shape), raw) for one, raw in zip(described, raws, strict=True)
        ]
    return [_from_contents(one) for one in described]


def _from_contents(one: Any) -> Tensor:
    contents = {"BYTES": "bytes_contents", "FP32": "fp32_contents", "INT32": "int_contents"}.get(one.datatype)
    if contents is None:
        raise unknown_datatype(one.name, one.datatype)
    shape, elements = tuple(one.shape), getattr(one.contents, contents)
    if len(elements) != element_count(one.name, shape):
        message = f"tensor {one.name!r}: {len(elements)} elements in {contents}, not those of its shape {list(shape)}"
        raise Refused(Reason.INVALID, message)
    values = list(elements) if one.datatype == "BYTES" else np.array(elements, NUMBERS[one.datatype])
    return Tensor(one.name, one.datatype, shape, values)
