"""`matchwatch rules check` as people call it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from detectors.rules import DEFAULT_RULES
from streams.cli.main import main


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def checked(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["rules", "check", *arguments])
    return result.exit_code, result.output


def test_without_a_file_the_default_rules_are_explained() -> None:
    code, output = checked()
    assert code == 0
    assert all(rule.name[:12] in output for rule in DEFAULT_RULES)
    assert "by chance one alarm in 30 days" in output


def test_the_rates_of_all_rules_add_up_to_the_promise() -> None:
    _, output = checked("--json", "--series", "4")
    rules = json.loads(output)["rules"]
    assert [x["rule"] for x in rules] == [rule.name for rule in DEFAULT_RULES]
    promising = [x for x in rules if x["every_s"] is not None]
    assert sum(1 / x["every_s"] for x in promising) == pytest.approx(1 / (30 * 86_400))
    assert sum(x["share"] for x in promising) == pytest.approx(1.0)
    assert all(x["every_on_one_s"] == pytest.approx(4 * len(x["signals"]) * x["every_s"]) for x in promising)


def test_a_promise_of_its_own_is_said(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        '[[rules]]\nname = "slow"\nsignal = "latency_p9?"\ndetector = "cusum"\ndirection = "up"\n'
        'settings = { min_effect = 0.05 }\nfalse_alarm_every = "7d"\n',
        "utf-8",
    )
    code, output = checked(str(file), "--json")
    assert code == 0
    (rule,) = json.loads(output)["rules"]
    assert rule["every_s"] == pytest.approx(7 * 86_400)
    assert rule["every_on_one_s"] == pytest.approx(14 * 86_400)
    assert rule["words"] == (
        "warning when the share of searches slower than latency_p95 or latency_p99 was rises lastingly "
        "by about 0.05 or more, on each surface"
    )


@pytest.mark.parametrize(
    ("toml", "path"),
    [
        ('[[rules]]\nname = "x"\nsignal = "ctr"\ndetector = "cusum"\n', "horizon_s"),
        ('[[rules]]\nname = "x"\nsignal = "ctr"\ndetector = "oracle"\nhorizon_s = 60\n', "detector"),
        ('[[rules]]\nname = "x"\nsignal = "search_rate"\ndetector = "cusum"\nfalse_alarm_every = "soon"\n', "12h, 30d"),
        (
            '[[rules]]\nname = "x"\nsignal = "search_rate"\ndetector = "adwin"\nfalse_alarm_every = "7d"\n',
            "false_alarm_every",
        ),
    ],
)
def test_what_is_wrong_is_said_with_exit_code_two(tmp_path: Path, toml: str, path: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(toml, "utf-8")
    code, output = checked(str(file))
    assert code == 2
    assert path in output


def test_the_last_line_speaks_of_the_rules_that_share_the_promise(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    limit = '[[rules]]\nname = "slow"\nsignal = "latency_p95"\ndetector = "threshold"\nsettings = { limit = 500 }\n'
    file.write_text(limit + 'direction = "up"\n', "utf-8")
    assert "1 rule, none promises" in checked(str(file))[1]


def test_a_file_without_rules_is_told_from_one_that_has_the_default_ones(tmp_path: Path) -> None:
    file = tmp_path / "empty.toml"
    file.write_text("", "utf-8")
    code, output = checked(str(file))
    assert code == 0
    assert "has no [[rules]]" in output
    assert "has no [[rules]]" not in checked()[1]
