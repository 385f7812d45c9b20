"""What is written to ask for a silence, before any broker is asked."""

import click
import pytest
from click.testing import CliRunner

from detectors.rules import DEFAULT_RULES
from schemas.silences import SilenceMatcher
from streams.cli.main import main
from streams.cli.silence_arguments import DURATION, MATCHER, matcher_text, unknown_rules


@pytest.mark.parametrize(
    ("text", "matcher", "written"),
    [
        ("match_drop", SilenceMatcher("rule", "match_drop"), "rule=match_drop"),
        ("surface=ads", SilenceMatcher("surface", "ads"), "surface=ads"),
        ('surface="ads"', SilenceMatcher("surface", "ads"), "surface=ads"),
        ("version!=5", SilenceMatcher("version", "5", is_equal=False), "version!=5"),
        ("rule=~latency_*", SilenceMatcher("rule", "latency_*", is_pattern=True), "rule=~latency_*"),
        ("rule!~*_drop", SilenceMatcher("rule", "*_drop", is_pattern=True, is_equal=False), "rule!~*_drop"),
        ("application=a=b", SilenceMatcher("application", "a=b"), "application=a=b"),
    ],
)
def test_matchers_are_written_as_for_amtool(text: str, matcher: SilenceMatcher, written: str) -> None:
    assert MATCHER.convert(text, None, None) == matcher
    assert matcher_text(matcher) == written
    assert MATCHER.convert(written, None, None) == matcher


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("2h30m", 9000), ("1d", 86_400), ("1w", 604_800)])
def test_durations_are_numbers_with_units(text: str, seconds: int) -> None:
    assert DURATION.convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "5", "h", "1x", "0s", "-1h", "400d", "1 h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        DURATION.convert(text, None, None)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "-c", "x"], "MATCHER"),
        (["add", "match_drop"], "--comment"),
        (["add", "colour=red", "-c", "x"], "alerts have no 'colour'; take one of application, surface"),
        (["add", "rule: x", "-c", "x"], "is no matcher: write name=value"),
        (["add", "match_drop", "-c", "x", "-d", "1h", "--end", "2026-11-23T10:00:00Z"], "not both"),
        (
            ["add", "match_drop", "-c", "x", "--start", "2026-11-23T10:00:00Z", "--end", "2026-11-23T10:00:00Z"],
            "--end must be later",
        ),
        (["add", "match_drop", "-c", "x", "--end", "2089-01-01T00:00:00Z"], "more than 366 days"),
        (["add", *["match_drop"] * 11, "-c", "x"], "at most 10"),
        (["expire"], "ID"),
    ],
)
def test_a_mistake_in_the_arguments_is_one_line_and_exit_code_2(arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(main, ["silence", *arguments])
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_each_has_help_with_an_example() -> None:
    for name in ("add", "list", "expire"):
        shown = CliRunner().invoke(main, ["silence", name, "--help"])
        assert shown.exit_code == 0
        assert f"matchwatch silence {name}" in shown.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "matchdrop",
            "no rule 'matchdrop': if detect has none either, this silences nothing; did you mean match_drop?",
        ),
        ("rule=x", "`matchwatch rules check` lists them"),
        ("match_drop", ""),
        ("rule=~match*", ""),
        ("rule!=matchdrop", ""),
        ("surface=ads", ""),
    ],
)
def test_a_rule_that_there_is_not_is_said(text: str, said: str) -> None:
    lines = list(unknown_rules([MATCHER.convert(text, None, None)], [rule.name for rule in DEFAULT_RULES]))
    assert len(lines) == bool(said)
    assert said in "".join(lines)
