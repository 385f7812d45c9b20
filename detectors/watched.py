"""One rule on one signal of a series: its watch, the life of its alert, and what was published of it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from detectors.cohort_view import CohortView
from detectors.left_watch import LeftWatch
from detectors.lifecycle import Life, Phase, Step
from detectors.rules import Rule
from detectors.watches import AnyWatch
from detectors.watching import Verdict
from schemas.alerts import AlertData


class Watched(msgspec.Struct):
    """One rule on one signal of the series."""

    watch: AnyWatch
    life: Life
    episode: AlertData | None = None
    """What was published when it fired, as long as it fires."""
    verdict: Verdict = Verdict(False, False)

    @property
    def key(self) -> tuple[str, str]:
        """Rule and signal."""
        return self.watch.rule.name, self.watch.signal

    @property
    def fires(self) -> bool:
        """Whether its alert fires."""
        return self.life.phase is Phase.FIRING

    def look(self, view: CohortView) -> None:
        """Show the watch what it wants to see of a cohort; where there is nothing of that, its verdict stands."""
        verdict = view.show(self.watch)
        if verdict is not None:
            self.verdict = verdict

    def begin_anew(self) -> None:
        """Forget the level, and what was suspected of it."""
        self.watch.restart()
        self.life, self.verdict = Life(), Verdict(False, False)

    def let_go(self) -> None:
        """Forget what was suspected: it came to nothing. That the alert has fired before is remembered."""
        self.watch.conclude()
        self.life, self.verdict = Life(fired_ms=self.life.fired_ms), Verdict(False, False)

    def state(self) -> dict[str, Any]:
        """Give everything as plain numbers and names."""
        return {
            "rule": msgspec.to_builtins(self.watch.rule),
            "signal": self.watch.signal,
            "watch": self.watch.state(),
            "life": msgspec.to_builtins(self.life),
            "episode": msgspec.to_builtins(self.episode),
            "verdict": msgspec.to_builtins(self.verdict),
        }

    def fits(self, state: Mapping[str, Any]) -> bool:
        """Whether another one that gave this `state` looked at the same things in the same way."""
        return _shape(msgspec.convert(state["rule"], Rule)) == _shape(self.watch.rule)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up where another one gave its `state`."""
        self.watch.restore(state["watch"])
        self.life = msgspec.convert(state["life"], Life)
        self.episode = msgspec.convert(state["episode"], AlertData | None)
        self.verdict = msgspec.convert(state["verdict"], Verdict)


class Left(NamedTuple):
    """What fired when a predecessor stopped, and whose rule is another one now: to be ended."""

    watch: LeftWatch
    life: Life
    episode: AlertData | None

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "Left":
        """Make it of what it gave itself, or of what a `Watched` gave."""
        return cls(
            LeftWatch(state["rule"]["name"], state["signal"]),
            msgspec.convert(state["life"], Life),
            msgspec.convert(state["episode"], AlertData | None),
        )

    def state(self) -> dict[str, Any]:
        """Give everything as plain numbers and names."""
        return {
            **self.watch.plain(),
            "life": msgspec.to_builtins(self.life),
            "episode": msgspec.to_builtins(self.episode),
        }

    def end(self, end_ms: int) -> "Decision":
        """Give its end, at the end of a cohort."""
        watched = Watched(self.watch, self.life, self.episode)
        return Decision(watched, watched.life.end(end_ms, Step.RESOLVED))


class Decision(NamedTuple):
    """A step in the life of one of the series' alerts."""

    watched: Watched
    step: Step


def _shape(rule: Rule) -> Rule:
    """Give what of a rule decides: words for people, whom it tells when, and its promise may change while it fires."""
    return msgspec.structs.replace(
        rule, severity="", runbook="", renotify_s=0, inhibited_by=(), false_alarm_every_s=None
    )
