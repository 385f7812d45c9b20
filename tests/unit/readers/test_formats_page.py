"""The page on formats is held to what the encoders write."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from schemas.rollup import Clicks, Exemplar, Rollup, RollupControl, encode_rollup
from schemas.scores import ScoreBlock, Series

PAGE = (Path(__file__).parents[3] / "docs" / "formats.md").read_text("utf-8")
SERIES = Series("shop", "search", "rank", "3")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}", 1)[1].split("\n## ", 1)[0]


def rollup(partition: int, searches: int) -> bytes:
    return encode_rollup(
        Rollup(
            series=SERIES,
            cohort_start_ms=0,
            bucket_s=10,
            horizon_s=60,
            partition=partition,
            searches=searches,
            labels=Clicks(clicks=1),
            exemplars=[Exemplar(1, 0, 2, [None], [])],
        )
    )


def control(through_ms: int) -> bytes:
    return encode_rollup(
        RollupControl(
            partition=0,
            partitions=1,
            closed_through_ms={60: through_ms},
            watermark_ms=0,
            largest_time_ms=0,
            idle=False,
            wall_ms=0,
        )
    )


def test_its_program_reads_what_evaluate_writes() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {"msgspec": msgspec}
    exec(program, names)  # noqa: S102 - the page's own example
    fold: Callable[[list[bytes]], Any] = names["fold"]
    sums, closed = fold([rollup(0, 3), rollup(1, 4), rollup(0, 3), control(70_000), control(60_000)])
    assert sums == {(("shop", "search", "rank", "3"), 0, 60): (7, 2)}
    assert closed == {0: {60: 70_000}}


def test_it_lists_the_columns_of_a_block_in_order() -> None:
    named = re.findall(r"^\| (\d+) \| `(\w+)`", section("`match-scores`"), re.MULTILINE)
    assert named == [(str(place), name) for place, name in enumerate(ScoreBlock.__struct_fields__, 1)]


def test_it_names_every_field_of_rollups_and_controls() -> None:
    named = set(re.findall(r"\w+", section("`rollups`")))
    for kind in (Rollup, RollupControl):
        assert set(kind.__struct_fields__) <= named
