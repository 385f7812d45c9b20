"""Tables are whole: for programs in every line, for people in every name."""

import re
import sys

import pytest
from rich.table import Table

from streams.cli.console import show

SERIES = "shop-web/recommendation/shop-rank/2026-11-24"


def table() -> Table:
    made = Table("series", "what is wrong")
    made.columns[0].no_wrap = True
    made.add_row(SERIES, "so many words that no terminal of forty columns holds them all in one line")
    return made


def test_what_is_piped_has_every_row_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show(table())
    (line,) = [line for line in capsys.readouterr().out.splitlines() if SERIES in line]
    assert "all in one line" in line


@pytest.mark.parametrize("columns", ["40", "80"])
def test_on_a_narrow_terminal_names_stay_whole_and_sentences_wrap(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", columns)
    show(table())
    lines = re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out).splitlines()
    assert sum(SERIES in line for line in lines) == 1
    assert len(lines) > 5, "the sentence wraps"
    assert "…" not in "".join(lines)
    assert max(map(len, lines)) <= 80


def test_numbers_keep_their_width_on_a_terminal_that_has_no_room(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "30")
    numbers = Table(*(f"[{number}]" for number in range(12)))
    for column in numbers.columns:
        column.no_wrap = True
    numbers.add_row(*(f"{number:,}" for number in range(1_000_000, 1_000_012)))
    show(numbers)
    assert "1,000,011" in capsys.readouterr().out
