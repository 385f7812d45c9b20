"""Something a worker serves under one name and version: what it takes, what it gives, and how it is computed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.protocol.tensors import TensorSpec

Columns = Sequence[Sequence[str]]
"""Texts of each input, all of one length."""


@dataclass(frozen=True, slots=True)
class Computed:
    """Outputs of a batch.

    Attributes:
        arrays: by the outputs' names; the first axis is the batch's rows.
        broken: bool, shape (rows,): where the model gave what is not a number, though there was text.
    """

    arrays: Mapping[str, NDArray[Any]]
    broken: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One entry of the worker.

    Attributes:
        compute: takes a column of texts for each input; for one thread at a time.
        parameters: what a client may want to know, such as the calibration; part of the model's configuration.
    """

    name: str
    version: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    compute: Callable[[Columns], Computed]
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"
