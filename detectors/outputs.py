"""What detect gives out for a completed cohort."""

import msgspec

from schemas.alerts import FIRING_TYPE, RESOLVED_TYPE, SILENCED_TYPE, Alert, AlertData, AlertType, SampleSearch
from schemas.rollup import Exemplar
from schemas.scores import Series
from schemas.signals import SignalPoint


class Transition(msgspec.Struct, frozen=True):
    """An alert that fired, is repeated or resolved; complete but for the texts of its sample searches."""

    id: str
    type: AlertType
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


def alert_type(data: AlertData, *, told: bool) -> AlertType:
    """Give the CloudEvents type: subscribers act on it, so what they are not to be told of has one of its own."""
    if not told:
        return SILENCED_TYPE
    return FIRING_TYPE if data.status == "firing" else RESOLVED_TYPE
