"""The models that a worker has loaded, which version answers where none is named, and what else lies in the folder."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, Literal

from inference.manifest import MANIFEST_FILE
from inference.protocol.refusals import Reason, Refused
from inference.repository import ModelFiles, ModelName, ModelRepository
from inference.server.batch_queue import BatchLimits
from inference.server.batcher import Batcher
from inference.server.model_figures import ModelFigures
from inference.server.served_model import ServedModel
from inference.server.warm_up import warm_up
from schemas.errors import ModelRefused

MAX_VERSIONS: Final = 4
"""Versions of one model that are loaded at once: live, before it, canary and shadow. A further one ends the oldest."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A version in the repository, as Triton's repository index tells of it."""

    name: str
    version: str
    state: Literal["READY", "LOADING", "UNAVAILABLE"]
    reason: str = ""


class ModelLibrary:
    """Loads versions beside each other; requests that name no version get the one loaded as live.

    Args:
        repository: where models lie.
        open_model: makes what is served of a verified model.
        limits: of each model's batches.
        executor: whose threads compute.
    """

    def __init__(
        self,
        repository: ModelRepository,
        open_model: Callable[[ModelFiles], list[ServedModel]],
        limits: BatchLimits,
        executor: Executor,
    ) -> None:
        self._repository = repository
        self._open_model = open_model
        self._limits = limits
        self._executor = executor
        self._changing = asyncio.Lock()
        self._loaded: dict[ModelName, list[Batcher]] = {}
        """In the order in which they were loaded or asked for."""
        self._live: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        """The model that each served name belongs to."""
        self._loading: ModelName | None = None
        self._refusals: dict[ModelName, str] = {}
        self.figures: dict[tuple[str, str], ModelFigures] = {}

    def batchers(self) -> list[Batcher]:
        """Everything that is served now."""
        return [batcher for batchers in self._loaded.values() for batcher in batchers]

    def loaded(self) -> dict[ModelName, bool]:
        """The models that are loaded, and whether each is the live one of its name."""
        return {model: self._live.get(model.name) == model.version for model in self._loaded}

    def find(self, name: str, version: str = "") -> Batcher:
        """Give what is served under a name; without a version, of the live one.

        Raises:
            Refused: there is nothing.
        """
        owner = self._owners.get(name)
        if owner is not None:
            wanted = ModelName(owner, version or self._live[owner])
            for batcher in self._loaded.get(wanted, ()):
                if batcher.model.name == name:
                    return batcher
        served = ", ".join(sorted({str(batcher.model) for batcher in self.batchers()})) or "nothing"
        asked = f"{name}/{version}" if version else name
        raise Refused(
            Reason.NOT_FOUND, f"model {asked} is not loaded; served: {served}; load it, or ask for one of those"
        )

    async def start(self, wanted: Mapping[str, str]) -> None:
        """Load what a worker begins with.

        Args:
            wanted: version by name. A name that is not there gets its newest version that can be used and was not
                spoilt on purpose.

        Raises:
            ModelRefused: a wanted version, or every version of a name, cannot be used, or there is no model.
        """
        found = self._repository.models()
        if not found:
            raise ModelRefused(
                f"{self._repository.root}: no model folder <name>/<version>; train one, or copy it there"
            )
        for name, version in wanted.items():
            await self._load_or_raise(ModelName(name, version))
        for name in sorted({model.name for model in found} - set(wanted)):
            await self._load_newest(name)

    async def load(self, name: str, version: str = "", *, live: bool | None = None) -> ModelName:
        """Load and warm a version beside what is served.

        Args:
            name: of the model.
            version: of it; empty for the newest.
            live: whether it answers from now on where no version is named; None: only if `version` is empty.

        Raises:
            Refused: it cannot be used; what was served before still is.
        """
        try:
            if not version:
                return await self._load_newest(name, live=live is not False)
            model = ModelName(name, version)
            await self._load_or_raise(model, live=bool(live))
        except ModelRefused as error:
            raise Refused(Reason.INVALID, str(error)) from error
        return model

    async def unload(self, name: str, version: str = "") -> None:
        """Serve a model's version no more, without a version none of it; what waits is computed first.

        Raises:
            Refused: it is not loaded.
        """
        async with self._changing:
            gone = [model for model in self._loaded if model.name == name and version in {"", model.version}]
            if not gone:
                raise Refused(Reason.NOT_FOUND, f"model {name}{version and '/'}{version} is not loaded")
            for model in gone:
                await self._drop(model)

    def index(self) -> list[IndexEntry]:
        """Every version in the repository and what has become of it, half-uploaded ones too."""
        found = set(self._repository.models()) | set(self._loaded)
        entries = []
        for model in found:
            if model in self._loaded:
                entries.append(IndexEntry(*model, "READY"))
            elif model == self._loading:
                entries.append(IndexEntry(*model, "LOADING"))
            else:
                entries.append(IndexEntry(*model, "UNAVAILABLE", self._refusals.get(model, "not loaded")))
        for folder in self._repository.root.glob("*/*/"):
            if not (folder / MANIFEST_FILE).exists():
                reason = f"no {MANIFEST_FILE}: it is written last, so the upload has not ended"
                entries.append(IndexEntry(folder.parent.name, folder.name, "UNAVAILABLE", reason))
        return sorted(entries, key=lambda entry: (entry.name, len(entry.version), entry.version))

    async def close(self) -> None:
        """Compute what waits, then let go of everything."""
        async with self._changing:
            for model in list(self._loaded):
                await self._drop(model)

    async def _load_newest(self, name: str, *, live: bool = True) -> ModelName:
        versions = [model for model in self._repository.models() if model.name == name]
        refused = ModelRefused(
            f"{self._repository.root / name}: no version with a {MANIFEST_FILE}; copy one there whole"
        )
        for model in reversed(versions):
            try:
                training = (await asyncio.to_thread(self._repository.read, model)).manifest.training
                if training is not None and training.sabotage is not None and len(versions) > 1:
                    _log.warning("%s was spoilt on purpose: it is loaded only where it is asked for", model)
                    continue
                await self._load_or_raise(model, live=live)
            except ModelRefused as error:
                _log.error("%s; the version before it is tried", error)
                self._refusals[model] = str(error)
                refused = error
            else:
                return model
        raise refused

    async def _load_or_raise(self, model: ModelName, *, live: bool = True) -> None:
        async with self._changing:
            if model not in self._loaded:
                self._loading = model
                try:
                    served = await asyncio.to_thread(self._open_and_warm, model)
                except ModelRefused as error:
                    self._refusals[model] = str(error)
                    raise
                finally:
                    self._loading = None
                self._refusals.pop(model, None)
                self._loaded[model] = [self._batcher(one) for one in served]
                self._owners |= {one.name: model.name for one in served}
            if live or model.name not in self._live:
                self._live[model.name] = model.version  # from here on, between two batches
            _log.info("%s is loaded%s", model, " and live" if self._live[model.name] == model.version else "")
            await self._make_room(model)

    def _open_and_warm(self, model: ModelName) -> list[ServedModel]:
        served = self._open_model(self._repository.read(model))
        for one in served:
            owner = self._owners.get(one.name, model.name)
            if owner != model.name:
                raise ModelRefused(f"{model}: its part {one.name} is served by the model {owner}; rename one of them")
        warm_up(served, self._limits.max_rows)
        return served

    def _batcher(self, served: ServedModel) -> Batcher:
        key = (served.name, served.version)
        figures = self.figures.setdefault(key, ModelFigures(*key))
        return Batcher(served, self._limits, self._executor, figures)

    async def _make_room(self, newest: ModelName) -> None:
        versions = [model for model in self._loaded if model.name == newest.name]
        for model in versions[:-1]:
            if len(versions) <= MAX_VERSIONS:
                break
            if model.version != self._live[model.name]:
                _log.info("%s is unloaded: at most %d versions are kept", model, MAX_VERSIONS)
                await self._drop(model)
                versions.remove(model)

    async def _drop(self, model: ModelName) -> None:
        batchers = self._loaded.pop(model)
        left = [other for other in self._loaded if other.name == model.name]
        if not left:
            self._live.pop(model.name, None)
            self._owners = {served: owner for served, owner in self._owners.items() if owner != model.name}
        elif self._live.get(model.name) == model.version:
            self._live[model.name] = left[-1].version
        # Whoever asked for it may go meanwhile: what is no longer listed must end all the same.
        await asyncio.shield(asyncio.gather(*(batcher.close() for batcher in batchers)))
