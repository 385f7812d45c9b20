"""Calls and answers as REST carries them: JSON, and behind it tensors as binary data.

With binary data a body is JSON of the length that the header `Inference-Header-Content-Length` gives, then the bytes of
each tensor that has `binary_data_size` among its parameters, in order.
"""

import math
from collections.abc import Iterable
from typing import Any, Final

import msgspec
import numpy as np

from inference.protocol.calls import InferAnswer, InferCall, Parameters
from inference.protocol.refusals import Reason, Refused
from inference.protocol.tensors import NUMBERS, Tensor, element_count, from_raw, to_raw, unknown_datatype

HEADER_LENGTH: Final = "Inference-Header-Content-Length"


class _RestTensor(msgspec.Struct, omit_defaults=True):
    name: str
    datatype: str
    shape: list[int]
    parameters: Parameters = {}
    data: list[Any] | msgspec.UnsetType = msgspec.UNSET


class _RestWanted(msgspec.Struct, omit_defaults=True):
    name: str
    parameters: Parameters = {}


class _RestCall(msgspec.Struct, omit_defaults=True):
    inputs: list[_RestTensor]
    id: str = ""
    parameters: Parameters = {}
    outputs: list[_RestWanted] = []


class _RestAnswer(msgspec.Struct, omit_defaults=True):
    model_name: str
    outputs: list[_RestTensor]
    model_version: str = ""
    id: str = ""
    parameters: Parameters = {}


def read_call(model: str, version: str, body: bytes, header_length: str | None) -> InferCall:
    """Read a request's body.

    Raises:
        Refused: it is not the protocol's; the message says where.
    """
    call, tensors = _read(_RestCall, body, header_length)
    return InferCall(
        model,
        version,
        _tensors(call.inputs, tensors),
        call.id,
        call.parameters,
        [wanted.name for wanted in call.outputs],
        {
            wanted.name: bool(wanted.parameters["binary_data"])
            for wanted in call.outputs
            if "binary_data" in wanted.parameters
        },
        bool(call.parameters.get("binary_data_output", False)),
    )


def write_call(call: InferCall) -> tuple[bytes, int]:
    """Write a request with binary data both ways; gives the body and the length of its JSON."""
    raws: list[bytes] = []
    parameters = {**call.parameters, **({"binary_data_output": True} if call.binary_default else {})}
    rest = _RestCall([_described(tensor, raws) for tensor in call.inputs], call.id, parameters)
    rest.outputs = [_RestWanted(name) for name in call.outputs]
    return _written(rest, raws)


def write_json_call(call: InferCall) -> bytes:
    """Write a request as JSON alone."""
    rest = _RestCall([_described(tensor, None) for tensor in call.inputs], call.id, call.parameters)
    rest.outputs = [_RestWanted(name) for name in call.outputs]
    return msgspec.json.encode(rest)


def write_answer(call: InferCall, answer: InferAnswer) -> tuple[bytes, int | None]:
    """Write the answer to a call; gives the body, and the length of its JSON where binary data follows it."""
    raws: list[bytes] = []
    outputs = [
        _described(tensor, raws if call.binary.get(tensor.name, call.binary_default) else None)
        for tensor in answer.outputs
    ]
    rest = _RestAnswer(answer.model, outputs, answer.version, answer.id, answer.parameters)
    if raws:
        return _written(rest, raws)
    return msgspec.json.encode(rest), None


def read_answer(body: bytes, header_length: str | None) -> InferAnswer:
    """Read a response's body.

    Raises:
        Refused: it is not the protocol's.
    """
    answer, tensors = _read(_RestAnswer, body, header_length)
    return InferAnswer(
        answer.model_name, answer.model_version, _tensors(answer.outputs, tensors), answer.id, answer.parameters
    )


def _read(kind: Any, body: bytes, header_length: str | None) -> tuple[Any, memoryview]:
    if header_length is None:
        length = len(body)
    elif header_length.isascii() and header_length.isdigit() and int(header_length) <= len(body):
        length = int(header_length)
    else:
        message = f"{HEADER_LENGTH}: {header_length[:40]!r} is wrong; a length within the {len(body)} bytes of the body"
        raise Refused(Reason.INVALID, message)
    whole = memoryview(body)
    try:
        return msgspec.json.decode(whole[:length], type=kind), whole[length:]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(Reason.INVALID, f"the body is not the protocol's JSON: {error}") from None


def _tensors(described: Iterable[_RestTensor], binary: memoryview) -> list[Tensor]:
    tensors = []
    for rest in described:
        shape = tuple(rest.shape)
        size = rest.parameters.get("binary_data_size")
        if size is None:
            tensors.append(_from_data(rest, shape))
            continue
        if not isinstance(size, int) or not 0 <= size <= len(binary):
            message = f"tensor {rest.name!r}: binary_data_size {size!r}, but {len(binary)} bytes are left of the body"
            raise Refused(Reason.INVALID, message)
        tensors.append(from_raw(rest.name, rest.datatype, shape, binary[:size]))
        binary = binary[size:]
    if len(binary):
        raise Refused(Reason.INVALID, f"{len(binary)} bytes of the body belong to no tensor")
    return tensors


def _from_data(rest: _RestTensor, shape: tuple[int, ...]) -> Tensor:
    if rest.data is msgspec.UNSET:
        raise Refused(Reason.INVALID, f"tensor {rest.name!r}: neither data nor binary_data_size")
    count = element_count(rest.name, shape)
    flat = list(_flat(rest.data, len(shape)))
    if len(flat) != count:
        message = f"tensor {rest.name!r}: {len(flat)} elements, but its shape {list(shape)} has {count}"
        raise Refused(Reason.INVALID, message)
    if rest.datatype == "BYTES":
        if not all(isinstance(element, str) for element in flat):
            raise Refused(Reason.INVALID, f"tensor {rest.name!r}: BYTES in JSON are strings; send only those")
        return Tensor(rest.name, "BYTES", shape, [element.encode("utf-8", "replace") for element in flat])
    if rest.datatype not in NUMBERS:
        raise unknown_datatype(rest.name, rest.datatype)
    try:
        values = np.array([math.nan if value is None else value for value in flat], NUMBERS[rest.datatype])
    except (ValueError, TypeError, OverflowError):
        raise Refused(Reason.INVALID, f"tensor {rest.name!r}: not all of its data are {rest.datatype}") from None
    return Tensor(rest.name, rest.datatype, shape, values)


def _flat(data: list[Any], depth: int) -> Iterable[Any]:
    """Elements of a tensor that is nested as its shape is, or flat."""
    for element in data:
        if isinstance(element, list) and depth > 1:
            yield from _flat(element, depth - 1)
        else:
            yield element


def _described(tensor: Tensor, raws: list[bytes] | None) -> _RestTensor:
    """Describe a tensor with its data, or add its bytes to `raws`."""
    rest = _RestTensor(tensor.name, tensor.datatype, list(tensor.shape))
    if raws is not None:
        raws.append(to_raw(tensor))
        rest.parameters = {"binary_data_size": len(raws[-1])}
    elif isinstance(tensor.values, list):
        rest.data = [element.decode("utf-8", "replace") for element in tensor.values]
    else:
        rest.data = tensor.values.ravel().tolist()  # msgspec writes what is not finite as null: JSON has no NaN
    return rest


def _written(rest: Any, raws: list[bytes]) -> tuple[bytes, int]:
    head = msgspec.json.encode(rest)
    return b"".join([head, *raws]), len(head)
