"""Tensors as the protocol has them: the three datatypes of match models, and their bytes.

BYTES go over the wire as each element's length, four bytes little-endian, and the element; numbers little-endian.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from inference.protocol.refusals import Reason, Refused

NUMBERS: Final = {"FP32": np.dtype("<f4"), "INT32": np.dtype("<i4")}
"""Datatypes of numbers, as arrays hold them."""
_LENGTH: Final = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """What a model takes or gives: -1 in a shape is any number of rows."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named tensor.

    Attributes:
        values: the elements in row-major order: a list of bytes for BYTES, else an array of the datatype.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: list[bytes] | NDArray[Any]

    def array(self) -> NDArray[Any]:
        """Give the numbers in their shape."""
        return np.asarray(self.values).reshape(self.shape)


def texts_tensor(name: str, texts: Sequence[str]) -> Tensor:
    """Make a column of texts, shape (rows, 1); lone surrogates become question marks."""
    return Tensor(name, "BYTES", (len(texts), 1), [text.encode("utf-8", "replace") for text in texts])


def read_texts(tensor: Tensor, where: str) -> list[str]:
    """Give a BYTES tensor's elements as text.

    Raises:
        Refused: an element is not UTF-8.
    """
    try:
        return [element.decode() for element in tensor.values]
    except UnicodeDecodeError:
        for row, element in enumerate(tensor.values):
            try:
                element.decode()
            except UnicodeDecodeError as error:
                message = f"{where}: row {row} is not UTF-8, {error.reason} at byte {error.start}; send UTF-8"
                raise Refused(Reason.INVALID, message) from None
        raise


def to_raw(tensor: Tensor) -> bytes:
    """Give a tensor's elements as the binary data extension and gRPC carry them."""
    if tensor.datatype == "BYTES":
        elements: Sequence[bytes] = tensor.values  # type: ignore[assignment]  # BYTES are a list
        return b"".join(chain.from_iterable((_LENGTH.pack(len(element)), element) for element in elements))
    return np.ascontiguousarray(tensor.values, NUMBERS[tensor.datatype]).tobytes()


def from_raw(name: str, datatype: str, shape: tuple[int, ...], raw: bytes | memoryview) -> Tensor:
    """Read elements back.

    Raises:
        Refused: they do not fit datatype and shape, or the datatype is none of ours.
    """
    count = element_count(name, shape)
    if datatype == "BYTES":
        values: list[bytes] | NDArray[Any] = _split(name, raw, count)
    elif datatype in NUMBERS:
        dtype = NUMBERS[datatype]
        if len(raw) != count * dtype.itemsize:
            message = (
                f"tensor {name!r}: {len(raw)} bytes, but {datatype} of shape {list(shape)} has {count * dtype.itemsize}"
            )
            raise Refused(Reason.INVALID, message)
        values = np.frombuffer(raw, dtype)
    else:
        raise unknown_datatype(name, datatype)
    return Tensor(name, datatype, shape, values)


def unknown_datatype(name: str, datatype: str) -> Refused:
    """Say that a datatype is none of ours."""
    return Refused(
        Reason.INVALID, f"tensor {name!r}: datatype {datatype!r} is not served; known are BYTES, {', '.join(NUMBERS)}"
    )


def element_count(name: str, shape: Sequence[int]) -> int:
    """Give how many elements a shape has.

    Raises:
        Refused: a dimension is negative, or there are too many.
    """
    count = math.prod(shape)
    if any(size < 0 for size in shape) or count >= 2**31:
        raise Refused(Reason.INVALID, f"tensor {name!r}: shape {list(shape)} is wrong; sizes are from 0, 2^31 together")
    return count


def _split(name: str, raw: bytes | memoryview, count: int) -> list[bytes]:
    data = bytes(raw)
    values = []
    place, end = 0, len(data)
    while place < end:
        start = place + 4
        if start > end:
            break
        place = start + _LENGTH.unpack_from(data, place)[0]
        values.append(data[start:place])
    if place != end or len(values) != count:
        message = (
            f"tensor {name!r}: its {end} bytes hold {len(values)} whole elements, its shape has {count}; "
            "each element is its length in four bytes, little-endian, and its bytes"
        )
        raise Refused(Reason.INVALID, message)
    return values
