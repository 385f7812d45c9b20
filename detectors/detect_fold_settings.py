"""The settings that shape the fold of detect."""

import msgspec

from detectors.lifecycle import ACCEPT_S


class DetectFoldSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What shapes the fold besides its rules."""

    bucket_s: int = 10
    cause_window_s: int = 3600
    cause_after_cohorts: int = 2
    accept_s: int = ACCEPT_S
    max_series: int = 400
    max_segment_values: int = 50
    """Values of each segment dimension that a cohort keeps when its partitions are summed."""
    false_alarm_every_s: int = 30 * 24 * 3600
    """Expected time between false alarms, of all rules on all series together."""
    runbook_page: str = "docs/runbooks/{rule}.md"
    """Where a rule without a runbook of its own has it."""
