"""Which match model is live, as `model-events` says."""

import logging
from collections.abc import Sequence

from inference.pool import ModelName, ScorePool
from schemas.decode import decode_model_event
from schemas.errors import BadRecord, ModelRefused
from schemas.events import Deployment
from schemas.settings import ScoreSettings
from schemas.topics import MODEL_EVENTS
from streams.control import read_arrival
from streams.stages.bad_records import BadRecords
from streams.transport import Record

_log = logging.getLogger(__name__)


class Rollout:
    """Follows the live deployments of the names that the settings list.

    Until `start` the last one counts; from then on each is acted upon as it comes. A model that cannot be loaded
    leaves the one before live.
    """

    def __init__(self, settings: ScoreSettings, max_ahead_s: int, pool: ScorePool) -> None:
        self._settings = settings
        self._max_ahead_s = max_ahead_s
        self._pool = pool
        self._wanted = ModelName(settings.live.name, settings.live.version)
        self._started = False
        self.bad = BadRecords("score", MODEL_EVENTS.name)
        self.refused_total = 0

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
                self._wanted = ModelName(event.model.name, event.model.version)
                if self._started:
                    await self._switch()

    async def start(self) -> None:
        """Load the model that is live now.

        Raises:
            ModelRefused: neither it nor the settings' own model can be used.
        """
        self._started = True
        configured = ModelName(self._settings.live.name, self._settings.live.version)
        try:
            await self._pool.set_live(self._wanted)
        except ModelRefused as error:
            if self._wanted == configured:
                raise
            self.refused_total += 1
            _log.error("%s; %s/%s stays live", error, configured.name, configured.version)
            await self._pool.set_live(configured)

    async def _switch(self) -> None:
        try:
            await self._pool.set_live(self._wanted)
        except ModelRefused as error:
            self.refused_total += 1
            _log.error("%s; the model before stays live", error)
