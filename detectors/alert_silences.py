"""Which silences cover an alert: a question about event times alone, so that who reads the log again agrees."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

import msgspec

from schemas.alerts import AlertData
from schemas.silences import Silence, SilenceMatcher

MAX_SILENCES: Final = 500
"""Of more, those that end last are kept."""


class _Known(NamedTuple):
    """A silence and its times, which are looked at at every cohort while an alert is silenced."""

    starts_ms: int
    ends_ms: int
    silence: Silence


class AlertSilences:
    """The silences that are known, the newest of each id."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self.asked = False
        """Whether there has ever been one: until then nothing can be silenced."""

    def put(self, silence: Silence) -> None:
        """Learn of a silence, or of a change of one."""
        self.asked = True
        # What is told to people about it is kept on its topic alone.
        kept = msgspec.structs.replace(silence, created_by="", comment="")
        self._known[silence.id] = _Known(silence.starts_ms, silence.ends_ms, kept)
        if len(self._known) > MAX_SILENCES:
            del self._known[min(self._known, key=lambda name: (self._known[name].ends_ms, name))]

    def drop(self, silence_id: str) -> None:
        """Forget a silence, as if it had never been asked for."""
        self._known.pop(silence_id, None)

    def hear(self, silence_id: str, silence: Silence | None) -> None:
        """Learn what was last said of an id; None: that it is withdrawn."""
        if silence is None:
            self.drop(silence_id)
        else:
            self.put(silence)

    def become(self, other: "AlertSilences") -> None:
        """Know what another knows and nothing else: of the rest it has been heard that they are withdrawn."""
        self._known = dict(other._known)  # noqa: SLF001 - another of this class
        self.asked = self.asked or other.asked

    def covering(self, data: AlertData, at_ms: int) -> list[str]:
        """Give the ids of the silences that cover an alert at an event time, in order."""
        if not self._known:
            return []
        names = alert_names(data)
        return sorted(
            name
            for name, one in self._known.items()
            if one.starts_ms <= at_ms < one.ends_ms and fits(one.silence.matchers, names)
        )

    def state(self) -> dict[str, Any]:
        """Give everything as plain numbers and names."""
        return {"asked": self.asked, "known": [msgspec.to_builtins(one.silence) for one in self._known.values()]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up where another one gave its `state`."""
        for silence in msgspec.convert(state["known"], list[Silence]):
            self.put(silence)
        self.asked = state["asked"]


def alert_names(data: AlertData) -> dict[str, str]:
    """Give what of an alert a matcher can look at."""
    series = data.series
    return {
        "application": series.application,
        "surface": series.surface,
        "model": series.model,
        "version": series.version,
        "rule": data.rule,
        "signal": data.signal,
        "severity": data.severity,
    }


def fits(matchers: Sequence[SilenceMatcher], names: Mapping[str, str]) -> bool:
    """Whether all matchers fit."""
    return all(_fits(matcher, names[matcher.name]) for matcher in matchers)


def _fits(matcher: SilenceMatcher, value: str) -> bool:
    same = fnmatchcase(value, matcher.value) if matcher.is_pattern else value == matcher.value
    return same is matcher.is_equal
