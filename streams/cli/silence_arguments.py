"""What people write to ask for a silence: matchers as Alertmanager's amtool has them, and durations."""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, cast, get_args

import click

from schemas.silences import LONGEST_S, MatcherName, SilenceMatcher

_MATCHER: Final = re.compile(r"(?P<name>[A-Za-z_]+)\s*(?P<operator>=~|!~|!=|=)(?P<value>.*)", re.DOTALL)
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]+")
_DURATION: Final = re.compile(r"(?:\d+[wdhms])+")
_PART: Final = re.compile(r"(\d+)([wdhms])")
_SECONDS: Final = {"w": 7 * 86_400, "d": 86_400, "h": 3600, "m": 60, "s": 1}


class MatcherType(click.ParamType):
    """Gives a `SilenceMatcher`."""

    name = "MATCHER"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> SilenceMatcher:
        """Read `name=value`, `name!=value`, or with `=~` and `!~` a shell pattern; a bare word names a rule."""
        if _WORD.fullmatch(value):
            return SilenceMatcher("rule", value)
        match = _MATCHER.fullmatch(value)
        if match is None:
            self.fail(f"{value!r} is no matcher: write name=value or name=~'pattern*'", param, ctx)
        names = get_args(MatcherName)
        if match["name"] not in names:
            self.fail(f"{value!r}: alerts have no {match['name']!r}; take one of {', '.join(names)}", param, ctx)
        operator, text = match["operator"], match["value"].strip('"')
        return SilenceMatcher(cast(MatcherName, match["name"]), text, "~" in operator, not operator.startswith("!"))


class DurationType(click.ParamType):
    """Gives seconds."""

    name = "DURATION"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read `90s`, `30m`, `2h30m`, `1d`, `1w`."""
        if isinstance(value, int):
            return value
        if not _DURATION.fullmatch(value):
            self.fail(f"{value!r} is no duration: write 30m, 2h30m, 1d or 1w", param, ctx)
        seconds = sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(value))
        if not 0 < seconds <= LONGEST_S:
            self.fail(f"{value!r}: a silence lasts longer than nothing and at most a year", param, ctx)
        return seconds


def matcher_text(matcher: SilenceMatcher) -> str:
    """Write a matcher as it is given to `matchwatch silence add`."""
    operator = ("=" if matcher.is_equal else "!") + ("~" if matcher.is_pattern else "" if matcher.is_equal else "=")
    return f"{matcher.name}{operator}{matcher.value}"


MATCHER: Final = MatcherType()
DURATION: Final = DurationType()


def unknown_rules(matchers: Iterable[SilenceMatcher], known: Sequence[str]) -> Iterator[str]:
    """Say which rules that are to be silent these settings do not have; the workers may have others."""
    for one in matchers:
        if one.name == "rule" and one.is_equal and not one.is_pattern and one.value not in known:
            close = difflib.get_close_matches(one.value, known, n=1)
            meant = f"; did you mean {close[0]}?" if close else "; `matchwatch rules check` lists them"
            yield f"the settings have no rule {one.value!r}: if detect has none either, this silences nothing{meant}"
