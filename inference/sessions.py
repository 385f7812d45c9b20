"""ONNX Runtime sessions, opened the same way everywhere."""

from typing import Any, Protocol

import onnxruntime  # type: ignore[import-untyped]  # ships no type information


class Session(Protocol):
    """The part of `onnxruntime.InferenceSession` that is used here; `run` releases the interpreter lock."""

    def run(self, output_names: list[str] | None, input_feed: dict[str, Any]) -> list[Any]:
        """Feed named arrays through the graph, get the outputs in order."""
        ...


def open_session(model: bytes, intra_op_threads: int) -> Session:
    """Open a graph from its bytes on the CPU.

    Args:
        model: the ONNX file's bytes.
        intra_op_threads: threads that share one operator; 1 keeps the work on the calling thread.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = intra_op_threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3  # errors only: they are raised anyway
    # Idle threads that spin would eat the CPU time of the stages beside them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session: Session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session
