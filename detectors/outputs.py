"""What detect gives out for a completed cohort."""

from typing import Literal

import msgspec

from detectors.lifecycle import Step
from schemas.alerts import FIRING_TYPE, RESOLVED_TYPE, Alert, AlertData, SampleSearch
from schemas.rollup import Exemplar
from schemas.scores import Series
from schemas.signals import SignalPoint


class Transition(msgspec.Struct, frozen=True):
    """An alert that fired, is repeated or resolved; complete but for the texts of its sample searches."""

    id: str
    type: Literal["matchwatch.alert.firing", "matchwatch.alert.resolved"]
    cohort_start_ms: int
    """Cohort of the decision."""
    data: AlertData
    exemplars: list[Exemplar]
    """The searches to show, best first: read their texts at (partition, source_offset) of `search-events`."""

    def alert(self, time: str, samples: list[SampleSearch], *, replayed: bool = False) -> Alert:
        """Give the record to publish.

        Args:
            time: when it is sent, RFC 3339.
            samples: the exemplars as people saw them.
            replayed: whether it was recomputed over old events.
        """
        return Alert(
            id=self.id,
            source=f"matchwatch/{self.data.series.application}",
            type=self.type,
            subject=self.data.fingerprint,
            time=time,
            data=msgspec.structs.replace(self.data, samples=samples, replayed=replayed),
        )


class SignalBatch(msgspec.Struct, frozen=True):
    """The signal points of one (series, cohort, horizon): one record of `signals`."""

    series: Series
    cohort_start_ms: int
    horizon_s: int
    points: list[SignalPoint]


Output = Transition | SignalBatch


def alert_type(step: Step) -> Literal["matchwatch.alert.firing", "matchwatch.alert.resolved"]:
    """Give the CloudEvents type of a step that people are told of."""
    return FIRING_TYPE if step in {Step.FIRED, Step.REPEATED} else RESOLVED_TYPE
