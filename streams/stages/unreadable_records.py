"""Records of our own topics that we did not write so: counted, said now and then, and left out.

Nobody but a stage writes there, so such a record is somebody's mistake. It must not stop every successor as well.
"""

import logging
import time
from typing import Final

from streams.metrics import Metrics
from streams.transport import Record

SAY_EVERY_S: Final = 10.0
"""A thousand bad records shall not fill the log of a worker."""

_log = logging.getLogger(__name__)


class UnreadableRecords:
    """Counts them by topic.

    Args:
        metrics: where they are shown.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._unsaid = 0
        self._said_s: float | None = None

    def leave_out(self, record: Record, error: Exception) -> None:
        """Count a record, and say which it is unless another was named a moment ago."""
        self._metrics.unreadable_records.labels(record.topic).inc()
        self._unsaid += 1
        now_s = time.monotonic()
        if self._said_s is None or now_s - self._said_s >= SAY_EVERY_S:
            _log.error(
                "record %d of %s[%d] is not ours and left out, with %d others: %s",
                *(record.offset, record.topic, record.partition, self._unsaid - 1, error),
            )
            self._said_s, self._unsaid = now_s, 0
