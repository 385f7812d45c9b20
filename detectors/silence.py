"""Total silence: when no partition has anything to read, only the wall clock can say that searches are missing."""

from typing import Final

import msgspec

from detectors.frontier import Frontier

LIVE_LAG_MS: Final = 600_000
"""Event time this close to the wall clock may be live traffic."""
PACE_MS: Final = 20_000
"""Wall time over which the pace of event time is judged."""


class Silence(msgspec.Struct):
    """Gives event time while all sources stand, where the traffic was live before.

    A replayed or accelerated log also ends in silence; that nothing more comes then means nothing. Traffic is live
    if its event time is near the wall clock and went as fast as it.
    """

    anchor_wall_ms: int = 0
    anchor_time_ms: int = 0
    """Wall clock and event time some while ago."""
    live: bool = False
    silent_since_wall_ms: int | None = None
    silent_from_ms: int = 0
    """The latest event time when the silence began."""

    def observe(self, frontier: Frontier) -> None:
        """Look at the clocks after a control."""
        if frontier.all_idle:
            # Where something came after all, what went by on the wall before it is no event time behind it.
            if self.silent_since_wall_ms is None or frontier.largest_time_ms > self.silent_from_ms:
                self.silent_since_wall_ms, self.silent_from_ms = frontier.wall_ms, frontier.largest_time_ms
            return
        self.silent_since_wall_ms = None
        if not self.anchor_time_ms:  # before the first event there is no pace
            self.anchor_wall_ms, self.anchor_time_ms = frontier.wall_ms, frontier.largest_time_ms
        wall = frontier.wall_ms - self.anchor_wall_ms
        time = frontier.largest_time_ms - self.anchor_time_ms
        # Sources become idle only some time after their last record: a pause of the events judges no pace.
        if wall < PACE_MS or not time:
            return
        near = abs(frontier.wall_ms - frontier.largest_time_ms) <= LIVE_LAG_MS
        self.live = near and wall / 2 <= time <= wall * 2
        self.anchor_wall_ms, self.anchor_time_ms = frontier.wall_ms, frontier.largest_time_ms

    def now_ms(self, frontier: Frontier) -> int | None:
        """Event time by the wall clock; None where something is still read, or the traffic was not live."""
        if self.silent_since_wall_ms is None or not self.live:
            return None
        return frontier.largest_time_ms + frontier.wall_ms - self.silent_since_wall_ms
