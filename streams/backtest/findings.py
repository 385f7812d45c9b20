"""What a backtest keeps of all that is decided: alerts, counts, and the traces of watched signals for a report."""

from collections.abc import Sequence

from detectors.outputs import SignalBatch, Transition
from schemas.alerts import Alert, SampleSearch
from schemas.rollup import Rollup
from schemas.timestamps import format_timestamp
from streams.backtest.traces import Traces
from streams.reprocess.recount import Decided


class Findings:
    """Takes what is decided, in order.

    Args:
        traces: gets every signal point; None: nobody wants to see them.
    """

    def __init__(self, traces: Traces | None = None) -> None:
        self._traces = traces
        self.transitions: list[Transition] = []
        self.searches = 0
        """In the rollups of all versions, at the earliest horizon."""
        self.signal_points = 0

    async def take(self, decided: Sequence[Decided]) -> None:
        """Take the next decisions."""
        for records, outputs in decided:
            for record in records:
                if isinstance(record, Rollup) and _tells_searches(record):
                    self.searches += record.searches
            for output in outputs:
                if isinstance(output, Transition):
                    self.transitions.append(output)
                    continue
                self._take_signals(output)

    def _take_signals(self, batch: SignalBatch) -> None:
        self.signal_points += len(batch.points)
        if self._traces is not None:
            self._traces.take(batch.points)


def _tells_searches(rollup: Rollup) -> bool:
    return not rollup.horizon_s and rollup.series == rollup.series.all_versions()


def event_alert(transition: Transition, samples: list[SampleSearch], bucket_s: int) -> Alert:
    """Give the alert as the running pipeline would have published it, `time` being the event time of the decision."""
    data = transition.data
    end = format_timestamp(transition.cohort_start_ms + bucket_s * 1000)
    first = data.status == "firing" and not data.repeat
    return transition.alert(data.detected_at if first else data.resolved_at or end, samples)
