"""ONNX Runtime sessions, opened the same way everywhere."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import onnxruntime  # type: ignore[import-untyped]  # ships no type information

CPU: Final = "CPUExecutionProvider"
PROVIDERS: Final = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": CPU,
}
"""Execution providers by what people call them, the fastest first."""


def available_providers(wanted: Sequence[str]) -> tuple[str, ...]:
    """Give those of the wanted providers that are installed here, in their order; the CPU is always the last."""
    here = onnxruntime.get_available_providers()
    return (*(provider for provider in wanted if provider in here and provider != CPU), CPU)


class Session(Protocol):
    """The part of `onnxruntime.InferenceSession` that is used here; `run` releases the interpreter lock."""

    def run(self, output_names: list[str] | None, input_feed: dict[str, Any]) -> list[Any]:
        """Feed named arrays through the graph, get the outputs in order."""
        ...


def open_session(model: bytes, intra_op_threads: int, providers: Sequence[str] = (CPU,)) -> Session:
    """Open a graph from its bytes.

    Args:
        model: the ONNX file's bytes.
        intra_op_threads: threads that share one operator; 1 keeps the work on the calling thread.
        providers: execution providers, the most wanted first; what one cannot run goes to the next.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = intra_op_threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3  # errors only: they are raised anyway
    # Idle threads that spin would eat the CPU time of the stages beside them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session: Session = onnxruntime.InferenceSession(model, options, providers=list(providers))
    return session
