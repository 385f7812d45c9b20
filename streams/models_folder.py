"""Where the model repository lies: the one that the settings name, else the one that comes with matchwatch."""

from pathlib import Path
from typing import Final

_SHIPPED: Final = Path(__file__).parents[1]


def models_folder(configured: str) -> Path:
    """Give the folder of the model repository.

    A relative path starts at the working directory; where there is none, at the checkout, so that the shipped model
    is found from everywhere.
    """
    path = Path(configured)
    return path if path.is_absolute() or path.exists() else _SHIPPED / path
