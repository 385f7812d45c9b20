"""What a worker answers, whichever protocol asks: readiness, what models are, and inference."""

import asyncio
from importlib.metadata import version as package_version
from time import monotonic
from typing import Any, Final

import numpy as np

from inference.protocol.calls import InferAnswer, InferCall, Parameters
from inference.protocol.refusals import Reason, Refused
from inference.protocol.tensors import NUMBERS, Tensor, read_texts
from inference.server.batcher import Answered, Batcher
from inference.server.library import ModelLibrary
from inference.server.served_model import Columns, Computed, ServedModel

SERVER: Final = {
    "name": "matchwatch",
    "version": package_version("matchwatch"),
    "extensions": [
        "binary_tensor_data", "model_configuration", "model_repository", "statistics"
    ],
}  # fmt: skip
PLATFORM: Final = "onnxruntime_onnx"
_ROWS: Final = -1


class InferService:
    """The protocol without its transport.

    Args:
        library: the models.
    """

    def __init__(self, library: ModelLibrary) -> None:
        self.library = library
        self.started = False
        self.ending = False
        self.under_way = 0
        """Requests that are being answered."""

    @property
    def ready(self) -> bool:
        """Whether requests are answered: the models are warm, and the worker is not ending."""
        return self.started and not self.ending

    async def infer(self, call: InferCall, time_left_s: float | None = None) -> InferAnswer:
        """Answer a call for inference.

        Args:
            call: as it came.
            time_left_s: how long its client waits, if that is known otherwise than by the parameter `timeout`.

        Raises:
            Refused: it is not answered.
        """
        began_s = monotonic()
        if not self.ready:
            what = "is ending" if self.ending else "is loading its models"
            raise Refused(Reason.ENDING, f"this worker {what}; ask another one")
        batcher = self.library.find(call.model, call.version)
        self.under_way += 1
        try:
            wanted = _wanted(call, batcher.model)
            columns = _columns(call, batcher.model)
            answered = await _within(batcher, columns, _time_left_s(call, time_left_s))
        except Refused as error:
            batcher.figures.refused(error.reason, monotonic() - began_s)
            raise
        except asyncio.CancelledError:
            batcher.figures.refused(None, monotonic() - began_s)
            raise
        finally:
            self.under_way -= 1
        batcher.figures.answered(monotonic() - began_s, answered.queue_s)
        return _answer(call, batcher.model, answered, wanted)

    async def load(self, name: str, parameters: Parameters) -> None:
        """Load a model as a repository request asks, with our parameters `version` and `live`.

        Raises:
            Refused: it cannot be used, or a parameter is unknown: what Triton would do with it is not done here.
        """
        unknown = set(parameters) - {"version", "live"}
        if unknown:
            message = f"loading {name}: parameter {min(unknown)!r} is not served; known are version, live"
            raise Refused(Reason.INVALID, message)
        live = parameters.get("live")
        await self.library.load(name, _version(parameters), live=None if live is None else bool(live))

    async def unload(self, name: str, parameters: Parameters) -> None:
        """Unload a model as a repository request asks; without the parameter `version` all versions of it.

        Raises:
            Refused: it is not loaded.
        """
        await self.library.unload(name, _version(parameters))

    def metadata(self, name: str, version: str = "") -> dict[str, Any]:
        """Describe a model as the protocol's model metadata does."""
        model = self.library.find(name, version).model
        versions = [batcher.model.version for batcher in self.library.batchers() if batcher.model.name == name]
        return {
            "name": name,
            "versions": [version] if version else versions,
            "platform": PLATFORM,
            "inputs": [_described(spec) for spec in model.inputs],
            "outputs": [_described(spec) for spec in model.outputs],
        }

    def config(self, name: str, version: str = "") -> dict[str, Any]:
        """Describe a model as Triton's model configuration does; its parameters hold the calibration."""
        batcher = self.library.find(name, version)
        model = batcher.model
        return {
            "name": name,
            "platform": PLATFORM,
            "backend": "onnxruntime",
            "max_batch_size": batcher.limits.max_rows,
            "input": [_configured(spec) for spec in model.inputs],
            "output": [_configured(spec) for spec in model.outputs],
            "dynamic_batching": {"max_queue_delay_microseconds": round(batcher.limits.max_delay_s * 1e6)},
            "parameters": {key: {"string_value": value} for key, value in model.parameters.items()},
        }

    def statistics(self, name: str = "", version: str = "") -> list[dict[str, Any]]:
        """Say what was computed, as Triton's statistics do."""
        if name:
            self.library.find(name, version)
        found = [
            figures
            for figures in self.library.figures.values()
            if name in {"", figures.name} and version in {"", figures.version}
        ]
        return [
            {
                "name": one.name,
                "version": one.version,
                "last_inference": one.last_ms,
                "inference_count": one.rows,
                "execution_count": one.batches,
                "inference_stats": {
                    "success": _duration(one.succeeded, one.request_s),
                    "fail": _duration(one.failed.total(), one.failed_s),
                    "queue": _duration(one.succeeded, one.queue_s),
                    "compute_input": _duration(0, 0.0),
                    "compute_infer": _duration(one.batches, one.compute_s),
                    "compute_output": _duration(0, 0.0),
                },
            }
            for one in found
        ]


def _version(parameters: Parameters) -> str:
    return str(parameters.get("version", ""))


async def _within(batcher: Batcher, columns: Columns, time_left_s: float | None) -> Answered:
    if not columns[0]:
        empty = {spec.name: np.empty((0, spec.shape[1]), NUMBERS[spec.datatype]) for spec in batcher.model.outputs}
        return Answered(Computed(empty, np.empty(0, np.bool_)), 0.0, 0.0)
    try:
        async with asyncio.timeout(time_left_s):
            return await batcher.ask(columns)
    except TimeoutError:
        message = f"{batcher.model}: not answered within the {time_left_s:.3f} s that were given; nothing came of it"
        raise Refused(Reason.TOO_LATE, message) from None


def _time_left_s(call: InferCall, time_left_s: float | None) -> float | None:
    """The shorter of what the transport says and the parameter `timeout`, microseconds; 0 there is none."""
    timeout_us = call.parameters.get("timeout", 0)
    if isinstance(timeout_us, str) and timeout_us.isascii() and timeout_us.isdigit():
        timeout_us = int(timeout_us)
    if isinstance(timeout_us, bool) or not isinstance(timeout_us, int) or timeout_us < 0:
        raise Refused(Reason.INVALID, f"parameter timeout: {timeout_us!r} is wrong; whole microseconds")
    limits = [limit for limit in (time_left_s, timeout_us / 1e6 if timeout_us else None) if limit is not None]
    return min(limits, default=None)


def _columns(call: InferCall, model: ServedModel) -> Columns:
    given = {tensor.name: tensor for tensor in call.inputs}
    expected = [spec.name for spec in model.inputs]
    if len(given) != len(call.inputs) or set(given) != set(expected):
        found = [tensor.name for tensor in call.inputs]
        raise Refused(Reason.INVALID, f"{model}: inputs {found}, but it takes {expected}, each once")
    columns = []
    for spec in model.inputs:
        tensor = given[spec.name]
        if tensor.datatype != spec.datatype:
            message = f"{model}: input {spec.name!r} is {tensor.datatype}, but it takes {spec.datatype}"
            raise Refused(Reason.INVALID, message)
        if len(tensor.shape) not in {1, 2} or tensor.shape[1:] not in {(), (1,)}:
            message = f"{model}: input {spec.name!r} has the shape {list(tensor.shape)}, but it takes [rows, 1]"
            raise Refused(Reason.INVALID, message)
        columns.append(read_texts(tensor, f"{model}: input {spec.name!r}"))
    if len({len(column) for column in columns}) > 1:
        rows = {spec.name: len(column) for spec, column in zip(model.inputs, columns, strict=True)}
        raise Refused(Reason.INVALID, f"{model}: inputs of different rows, {rows}; each row needs one of each")
    return columns


def _wanted(call: InferCall, model: ServedModel) -> list[str]:
    known = [spec.name for spec in model.outputs]
    unknown = [name for name in call.outputs if name not in known]
    if unknown:
        raise Refused(Reason.INVALID, f"{model}: output {unknown[0]!r} is wanted, but it gives {known}")
    return call.outputs or known


def _answer(call: InferCall, model: ServedModel, answered: Answered, wanted: list[str]) -> InferAnswer:
    datatypes = {spec.name: spec.datatype for spec in model.outputs}
    arrays = answered.computed.arrays
    outputs = [Tensor(name, datatypes[name], arrays[name].shape, arrays[name]) for name in wanted]
    parameters = {"queue_us": round(answered.queue_s * 1e6), "compute_us": round(answered.compute_s * 1e6)}
    return InferAnswer(model.name, model.version, outputs, call.id, parameters)


def _described(spec: Any) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def _configured(spec: Any) -> dict[str, Any]:
    datatype = "TYPE_STRING" if spec.datatype == "BYTES" else f"TYPE_{spec.datatype}"
    return {"name": spec.name, "data_type": datatype, "dims": [size for size in spec.shape if size != _ROWS]}


def _duration(count: int, seconds: float) -> dict[str, int]:
    return {"count": count, "ns": round(seconds * 1e9)}
