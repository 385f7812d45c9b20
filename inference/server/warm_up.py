"""Running a model before anybody waits for it: allocations, kernels and engines of every size are made now."""

from collections.abc import Sequence
from typing import Final

from inference.server.served_model import ServedModel
from schemas.errors import ModelRefused

_TEXTS: Final = (
    "running shoes",
    "运动鞋 男士",
    "a longer text, so that a third shape is seen 电热水壶 家用 " * 4,
)


def warm_up(served: Sequence[ServedModel], max_rows: int) -> None:
    """Compute a small and a full batch of each length with every entry.

    Raises:
        ModelRefused: it fails, or gives what is not a number.
    """
    for one in served:
        for rows in (1, max_rows):
            for text in _TEXTS:
                try:
                    computed = one.compute([[text] * rows] * len(one.inputs))
                except Exception as error:
                    raise ModelRefused(f"{one}: its warm-up failed: {error}; export the model again") from error
                if computed.broken.any():
                    raise ModelRefused(f"{one}: what it gave for {text[:30]!r} is not a number; export the model again")
