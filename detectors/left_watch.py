"""What is left of a watch that a predecessor had and this program has not: enough to say that its alert has ended."""

from typing import Any

from detectors.rules import Rule
from detectors.shift_watch import ShiftWatch
from detectors.watching import Words


class LeftWatch(ShiftWatch):
    """Stands where a watch's alert fired when its rule was changed or removed; it sees nothing.

    Nobody else would ever end that alert: the rule as it is now knows nothing of it, and begins anew.

    Args:
        rule: name of the rule.
        signal: what it watched.
    """

    def __init__(self, rule: str, signal: str) -> None:
        # Not the rule as it was, whose detector may be one that this program does not have, but the barest there is.
        super().__init__(Rule(name=rule, signal=signal), signal)

    @property
    def words(self) -> Words:
        """Say why it ends: not because anything became better."""
        return Words(ended="is no longer watched by the rule as it was")

    def plain(self) -> dict[str, Any]:
        """Give what it is made of."""
        return {"rule": {"name": self.rule.name}, "signal": self.signal}
