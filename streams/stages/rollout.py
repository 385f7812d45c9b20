"""Which match model is live, as `model-events` says."""

import logging
from collections import deque
from collections.abc import Sequence
from typing import Final

from inference.pool import ModelName, ScorePool
from schemas.decode import decode_model_event
from schemas.errors import BadRecord, ModelRefused
from schemas.events import Deployment
from schemas.settings import ScoreSettings
from schemas.topics import MODEL_EVENTS
from streams.control import read_arrival
from streams.metrics import Metrics
from streams.stages.bad_records import BadRecords
from streams.transport import Record

MAX_DEPLOYED: Final = 50
"""Deployments remembered until the start."""

_log = logging.getLogger(__name__)


class Rollout:
    """Follows the live deployments of the names that the settings list.

    Until `start` they are only noted; from then on each is acted upon as it comes. A model that cannot be loaded leaves
    the one before live, also over a restart.
    """

    def __init__(self, settings: ScoreSettings, max_ahead_s: int, pool: ScorePool, metrics: Metrics) -> None:
        self._settings = settings
        self._max_ahead_s = max_ahead_s
        self._pool = pool
        self._metrics = metrics
        self._deployed = deque([ModelName(settings.live.name, settings.live.version)], maxlen=MAX_DEPLOYED)
        """Models in the order in which they went live."""
        self._started = False
        self.bad = BadRecords("score", MODEL_EVENTS.name)

    async def take(self, records: Sequence[Record]) -> None:
        """Apply records in the order of the log."""
        for record in records:
            try:
                event = decode_model_event(
                    record.value, read_arrival(record.headers, record.timestamp), self._max_ahead_s
                )
            except BadRecord as error:
                self.bad.add(error, record)
                continue
            if isinstance(event, Deployment) and event.role == "live" and event.model.name in self._settings.models:
                model = ModelName(event.model.name, event.model.version)
                if self._started:
                    await self._switch(model)
                else:
                    self._deployed.append(model)

    async def start(self) -> None:
        """Load the model that is live now: the newest deployed one that can be used, at last the settings' own.

        Raises:
            ModelRefused: none of them can.
        """
        self._started = True
        configured = ModelName(self._settings.live.name, self._settings.live.version)
        for model in dict.fromkeys([*reversed(self._deployed), configured]):
            try:
                await self._pool.set_live(model)
            except ModelRefused as error:
                self._metrics.refused_models.inc()
                _log.error("%s; the model before it is tried", error)
                refused = error
            else:
                return
        raise refused

    async def _switch(self, model: ModelName) -> None:
        try:
            await self._pool.set_live(model)
        except ModelRefused as error:
            self._metrics.refused_models.inc()
            _log.error("%s; the model before stays live", error)
