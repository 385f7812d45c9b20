import io

import msgspec
import pytest
from rich.console import Console, RenderableType

from schemas.alerts import SuspectedCause
from streams.readers.alert_panel import alert_line, alert_panel
from tests.unit.readers.alert_example import ALERT


def drawn(what: RenderableType, *, width: int = 120, colours: bool = False) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=colours).print(what)
    return out.getvalue()


@pytest.mark.parametrize(
    "fact",
    [
        "FIRING · critical · ctr_drop",
        "ctr of search in shop-web is 2 % instead of 10 %",
        "2 % instead of 10 % (limit 9 %)",
        "shop-web / search / all models and versions",
        "2026-11-23T10:07:00.000Z (estimated)",
        "n = 4,160, standard error 0.2 %, 40.0 standard errors from what was expected",
        "shop-rank 5 (live) was deployed 30 s before",
        "device mobile: 74% of the change",
        "docs/runbooks/ctr_drop.md",
    ],
)
def test_a_panel_says(fact: str) -> None:
    assert fact in drawn(alert_panel(ALERT))


def test_a_panel_shows_three_searches_with_scores_and_clicks() -> None:
    text = drawn(alert_panel(ALERT))
    assert [f"运动鞋[red]{number}" in text for number in range(4)] == [True, True, True, False]
    assert "0.01" in text
    (clicked, *_) = [line for line in text.splitlines() if "sku-2" in line]
    assert "clicked" in clicked


@pytest.mark.parametrize(
    ("seconds_before", "words"),
    [(300.0, "deployed 300 s before"), (-120.0, "deployed 120 s after"), (0.0, "deployed as it began")],
)
def test_a_panel_says_whether_the_cause_was_deployed_before_the_change_began_or_after(
    seconds_before: float, words: str
) -> None:
    data = msgspec.structs.replace(ALERT.data, suspected_cause=SuspectedCause("shop-rank", "5", "live", seconds_before))
    text = drawn(alert_panel(msgspec.structs.replace(ALERT, data=data)), width=160)
    assert f"shop-rank 5 (live) was {words} " in text


def test_texts_of_the_shop_are_neither_markup_nor_commands_to_the_terminal() -> None:
    text = drawn(alert_panel(ALERT), colours=True)
    assert "\x1b[2J" not in text
    assert "kettle [/bold]" in text


def test_a_resolved_alert_shows_its_end_and_no_searches() -> None:
    data = msgspec.structs.replace(ALERT.data, status="resolved", resolved_at="2026-11-23T10:30:00.000Z")
    resolved = msgspec.structs.replace(ALERT, data=data)
    text = drawn(alert_panel(resolved), width=160)
    assert "resolved 2026-11-23T10:30:00.000Z" in text
    assert "运动鞋" not in text
    assert drawn(alert_line(resolved)).startswith("2026-11-23T10:30:00.000Z  resolved critical")


def test_an_alert_about_which_little_is_known_can_be_drawn() -> None:
    data = msgspec.structs.replace(
        ALERT.data,
        value=None,
        expected=None,
        threshold=None,
        standard_error=None,
        suspected_cause=None,
        segments=[],
        samples=[],
    )
    text = drawn(alert_panel(msgspec.structs.replace(ALERT, data=data)), width=40)
    assert "no deployment fits in" in text
