"""Writes the contracts as files that other languages read: a JSON Schema for each record, and an AsyncAPI document.

The copies in `schemas/generated/` are made by `matchwatch schema export schemas/generated`; a test holds them to the
structs.
"""

import json
from pathlib import Path
from typing import Any, Final

from schemas.asyncapi import asyncapi
from schemas.json_schema import RECORDS, json_schema

CONTRACT_VERSION: Final = "1.0.0"
"""Of the contracts, not of the program: minor for a new field with a default; fields are never retyped."""


def documents() -> dict[str, dict[str, Any]]:
    """Give every document by its file name."""
    schemas = {f"{name}.json": json_schema(name) for name in RECORDS}
    return schemas | {"asyncapi.json": asyncapi(CONTRACT_VERSION)}


def export(directory: Path) -> list[Path]:
    """Write every document.

    Args:
        directory: made where it is missing; files of the same names are replaced, others are left.

    Returns:
        The files written, in order of their names.

    Raises:
        OSError: the directory cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, document in sorted(documents().items()):
        path = directory / name
        path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        written.append(path)
    return written
