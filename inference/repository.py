"""The model repository: `<root>/<name>/<version>/` with a manifest and the files it names (Triton's layout).

A model's bytes are hashed and then used, never read twice, so what was checked is what runs.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from inference.manifest import MANIFEST_FILE, Manifest, encode_manifest
from schemas.errors import ModelRefused

PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
"""Names come from deployment events and manifests: one path component, never a way out of its folder."""
_RETRAIN = "restore it, or write the model anew with `matchwatch train`"


class ModelName(NamedTuple):
    """A match model: the folder `<name>/<version>` of the repository."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A verified model: its manifest and the very bytes whose hashes were compared."""

    model: ModelName
    folder: Path
    manifest: Manifest
    contents: dict[str, bytes]


class ModelRepository:
    """Finds and verifies models below one folder.

    Args:
        root: the folder that holds `<name>/<version>/`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def models(self) -> list[ModelName]:
        """All folders that look like a model, verified or not, in order of name and version."""
        found = [
            ModelName(path.parent.parent.name, path.parent.name) for path in self.root.glob(f"*/*/{MANIFEST_FILE}")
        ]
        return sorted(found, key=lambda model: (model.name, len(model.version), model.version))

    def read(self, model: ModelName) -> ModelFiles:
        """Read a model's files and hold them against the manifest.

        Raises:
            ModelRefused: a name leads out of the repository, a file is missing, its hash differs, or the manifest is
                not one. The message names path, expected, found and cure.
        """
        for part in model:
            if not PLAIN_NAME.fullmatch(part):
                raise ModelRefused(
                    f"model {model}: {part!r} is not a plain folder name below {self.root}; "
                    "correct the deployment or the setting score.live"
                )
        folder = self.root / model.name / model.version
        manifest = self._manifest(folder, model)
        contents = {}
        for name, expected in manifest.files.items():
            data = _read(_inside(folder, name))
            found = hashlib.sha256(data).hexdigest()
            if found != expected.lower():
                raise ModelRefused(
                    f"{folder / name}: sha256 expected {expected} by {MANIFEST_FILE}, found {found}; {_RETRAIN}"
                )
            contents[name] = data
        return ModelFiles(model, folder, manifest, contents)

    def _manifest(self, folder: Path, model: ModelName) -> Manifest:
        path = folder / MANIFEST_FILE
        try:
            manifest = msgspec.json.decode(_read(_inside(folder, MANIFEST_FILE)), type=Manifest)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ModelRefused(f"{path}: not a manifest, {error}; {_RETRAIN}") from error
        if (manifest.name, manifest.version) != model:
            raise ModelRefused(
                f"{path}: expected model {model}, found {manifest.name}/{manifest.version}; "
                "move the folder to where its manifest says it belongs"
            )
        towers = manifest.towers
        for role, name in (("query", towers.query), ("item", towers.item), ("tokenizer", towers.tokenizer)):
            if name not in manifest.files:
                raise ModelRefused(
                    f"{path}: expected a hash of the {role} file {name!r}, "
                    f"found files {sorted(manifest.files)}; {_RETRAIN}"
                )
        if manifest.embedding_dim < 1 or manifest.max_tokens < 1:
            raise ModelRefused(
                f"{path}: expected embedding_dim and max_tokens above zero, "
                f"found {manifest.embedding_dim} and {manifest.max_tokens}; {_RETRAIN}"
            )
        return manifest


def hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    """SHA-256 of each file in hexadecimal, as a manifest keeps them."""
    return {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}


def write_model(root: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Path:
    """Write a model's folder, the manifest last; an existing version is overwritten. Returns the folder."""
    folder = root / manifest.name / manifest.version
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / MANIFEST_FILE).write_bytes(encode_manifest(manifest))
    return folder


def _inside(folder: Path, name: str) -> Path:
    """The path of a plain file name; refuses names and symbolic links that lead out of the folder."""
    path = folder / name
    if not PLAIN_NAME.fullmatch(name) or not path.resolve().is_relative_to(folder.resolve()):
        raise ModelRefused(
            f"{folder / MANIFEST_FILE}: expected files inside the folder, found {name!r}; name plain files only"
        )
    return path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise ModelRefused(f"{path}: expected a readable file, found: {reason}; {_RETRAIN}") from error
