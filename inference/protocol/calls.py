"""A call for inference and its answer, whichever way they come and go."""

from dataclasses import dataclass, field
from typing import Any

from inference.protocol.tensors import Tensor

Parameters = dict[str, Any]
"""Text, numbers and truth values by name."""


@dataclass(frozen=True, slots=True)
class InferCall:
    """What a client asks.

    Attributes:
        model: the name of the model.
        version: of it; empty for the server's choice.
        outputs: names of those wanted; empty for all.
        binary: which outputs REST sends as binary data; those not named follow `binary_default`.
    """

    model: str
    version: str
    inputs: list[Tensor]
    id: str = ""
    parameters: Parameters = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    binary: dict[str, bool] = field(default_factory=dict)
    binary_default: bool = False


@dataclass(frozen=True, slots=True)
class InferAnswer:
    """What a model gives."""

    model: str
    version: str
    outputs: list[Tensor]
    id: str = ""
    parameters: Parameters = field(default_factory=dict)

    def output(self, name: str) -> Tensor | None:
        """Give an output by its name; None where there is none."""
        return next((tensor for tensor in self.outputs if tensor.name == name), None)
