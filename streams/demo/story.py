"""The demo's story so far: what the pipeline has told, and where event time stands."""

from typing import Final

import msgspec

from schemas.alerts import Alert, decode_alert
from schemas.decode import decode_model_event
from schemas.events import Deployment
from schemas.settings import FoldSettings
from schemas.signals import SignalPoint
from schemas.topics import ALERTS, MODEL_EVENTS, SIGNALS
from streams.demo.board import Board
from streams.demo.counters import Counts
from streams.demo.tail import Told
from streams.shop.settings import SimulationSettings

_points: Final = msgspec.json.Decoder(list[SignalPoint])


class Story:
    """Takes what the topics tell.

    Args:
        simulation: the run of the shop.
        fold: cohorts and horizons of the pipeline.
    """

    def __init__(self, simulation: SimulationSettings, fold: FoldSettings) -> None:
        self.simulation = simulation
        self.now_ms = simulation.start_ms
        """Event time: the latest arrival from the shop."""
        self.counts = Counts()
        self.board = Board(simulation.application, simulation.start_ms, fold.horizons_s[0])
        self.deployments: list[Deployment] = []
        """Those of this run, in order of time."""
        self.alerts: list[Alert] = []
        self._last_horizon_s = fold.horizons_s[-1]
        bucket_ms = fold.bucket_s * 1000
        self._last_cohort_ms = (simulation.end_ms - 1) // bucket_ms * bucket_ms
        self._decided_ms = 0

    @property
    def decided(self) -> bool:
        """Whether detect has decided about every cohort of the run.

        Its alerts on a cohort are acknowledged before its signals, and it takes the cohorts in order: so the signals
        of the last cohort at the longest horizon come after all alerts.
        """
        return self._decided_ms >= self._last_cohort_ms

    @property
    def minute(self) -> float:
        """Minutes of event time since the start, those of the run at most."""
        return min((self.now_ms - self.simulation.start_ms) / 60_000, self.simulation.minutes)

    def take(self, told: Told) -> Alert | Deployment | None:
        """Take one record; returns it where people should hear of it at once."""
        if told.topic == ALERTS.name:
            alert = decode_alert(told.value)
            self.alerts.append(alert)
            return alert
        if told.topic == MODEL_EVENTS.name:
            event = decode_model_event(told.value, None, 0)
            if isinstance(event, Deployment):
                self.deployments.append(event)
                return event
        elif told.topic == SIGNALS.name:
            points = _points.decode(told.value)
            self.board.take(points)
            for point in points:
                if point.series.application == self.simulation.application and point.horizon_s == self._last_horizon_s:
                    self._decided_ms = max(self._decided_ms, point.cohort_start_ms)
        return None
