"""The life of an alert: quiet → pending → firing → quiet again, with one fingerprint for ever."""

from enum import StrEnum
from typing import Final

import msgspec
import xxhash

from schemas.scores import Series

RENOTIFY_S: Final = 4 * 3600
"""How often a firing alert is repeated where its rule does not say: as Alertmanager's `repeat_interval`."""
FLAP_FIRINGS: Final = 4
FLAP_WINDOW_S: Final = 3600
"""What fires so many times within it flaps."""
FLAP_QUIET_S: Final = 1800
"""How long the condition of a flapping alert must be gone before it resolves."""
ACCEPT_S: Final = 24 * 3600
"""A change that has lasted so long is the new level."""


class Phase(StrEnum):
    """Where an alert is in its life."""

    QUIET = "quiet"
    PENDING = "pending"
    FIRING = "firing"


class Step(StrEnum):
    """What a cohort's decision did."""

    FIRED = "firing"
    REPEATED = "repeated"
    RESOLVED = "resolved"
    ACCEPTED = "accepted"
    """Resolved because the change has become the new level."""
    WITHDRAWN = "withdrawn"
    """It was pending, and the condition went away: nobody is told."""


class Life(msgspec.Struct):
    """The state of one (rule, signal, series); all times are event times, epoch milliseconds."""

    phase: Phase = Phase.QUIET
    since_ms: int = 0
    """End of the cohort in which the phase began."""
    gone_since_ms: int | None = None
    """While firing: end of the first cohort of the present run without the condition."""
    notified_ms: int = 0
    repeat: int = 0
    hushed: bool = False
    """While firing: the latest notification was silenced, so subscribers do not know of it."""
    fired_ms: list[int] = []
    """When it fired within the last FLAP_WINDOW_S, this time included; at most FLAP_FIRINGS."""
    untold: bool = False
    """While firing: every notification of the episode was silenced, so its end is no news either."""

    @property
    def flapping(self) -> bool:
        """Whether it has fired so often of late that one more resolution would not be the last."""
        return len(self.fired_ms) >= FLAP_FIRINGS

    def quiet_s(self, resolve_s: int) -> int:
        """Give how long the condition must be gone before it resolves, where the rule says `resolve_s`."""
        return max(resolve_s, FLAP_QUIET_S) if self.flapping else resolve_s

    def decide(
        self,
        end_ms: int,
        *,
        breached: bool,
        inhibited: bool,
        for_s: int,
        resolve_s: int,
        renotify_s: int = RENOTIFY_S,
    ) -> Step | None:
        """Take the decision on a cohort.

        Args:
            end_ms: end of the cohort.
            breached: whether the rule's condition holds.
            inhibited: whether another alert explains it: it stays pending as long.
            for_s: how long the condition must hold before it fires.
            resolve_s: how long it must be gone before it resolves; longer where the alert flaps.
            renotify_s: how often it is repeated while it fires.
        """
        if self.phase is Phase.FIRING:
            return self._while_firing(end_ms, breached, self.quiet_s(resolve_s), renotify_s)
        if not breached:
            was_pending = self.phase is Phase.PENDING
            self.phase, self.since_ms = Phase.QUIET, end_ms
            return Step.WITHDRAWN if was_pending else None
        if self.phase is Phase.QUIET:
            self.phase, self.since_ms = Phase.PENDING, end_ms
        if inhibited or end_ms - self.since_ms < for_s * 1000:
            return None
        self.phase, self.since_ms, self.notified_ms = Phase.FIRING, end_ms, end_ms
        self.gone_since_ms, self.repeat = None, 0
        lately = [time_ms for time_ms in self.fired_ms if end_ms - time_ms < FLAP_WINDOW_S * 1000]
        self.fired_ms = [*lately, end_ms][-FLAP_FIRINGS:]
        return Step.FIRED

    def _while_firing(self, end_ms: int, breached: bool, resolve_s: int, renotify_s: int) -> Step | None:
        if breached:
            self.gone_since_ms = None
        elif self.gone_since_ms is None:
            self.gone_since_ms = end_ms
        if self.gone_since_ms is not None and end_ms - self.gone_since_ms >= resolve_s * 1000:
            return self.end(end_ms, Step.RESOLVED)
        if end_ms - self.notified_ms >= renotify_s * 1000:
            return self.repeat_now(end_ms)
        return None

    def tell(self, step: Step, *, silenced: bool) -> bool:
        """Note that a step is published; gives whether subscribers are to be told of it.

        Who was told that it fires is told that it has resolved, silenced or not: else it would stay open there.
        """
        if step in {Step.RESOLVED, Step.ACCEPTED}:
            told = not self.untold
            self.hushed = self.untold = False
            return told
        self.untold = silenced and (self.untold or step is Step.FIRED)
        self.hushed = silenced
        return not silenced

    def repeat_now(self, end_ms: int) -> Step:
        """Repeat a firing alert ahead of its time."""
        self.repeat += 1
        self.notified_ms = end_ms
        return Step.REPEATED

    def accept(self, end_ms: int, accept_s: int = ACCEPT_S) -> Step | None:
        """End an episode that has lasted `accept_s`, as the new level; None if there is none so old."""
        if self.phase is Phase.FIRING and end_ms - self.since_ms >= accept_s * 1000:
            return self.end(end_ms, Step.ACCEPTED)
        return None

    def end(self, end_ms: int, step: Step) -> Step:
        """End the episode, as `step` says why."""
        self.phase, self.since_ms = Phase.QUIET, end_ms
        return step


def fingerprint(rule: str, signal: str, series: Series) -> str:
    """Name an alert for its whole life: 16 hex digits of (rule, signal, series)."""
    return _hash((rule, signal, series.application, series.surface, series.model, series.version))


def alert_id(fingerprint: str, cohort_start_ms: int, transition: str, repeat: int) -> str:
    """Name one notification: the same from every process that takes the same decision."""
    return _hash((fingerprint, str(cohort_start_ms), transition, str(repeat)))


def _hash(parts: tuple[str, ...]) -> str:
    # As a JSON array, so that no two lists of names can run together into one text.
    return xxhash.xxh3_64_hexdigest(msgspec.json.encode(parts))
