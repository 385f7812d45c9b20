"""Files of pairs in each format: the same pairs, and each bad row named by file and line."""

import csv
import gzip
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference.datasets.pair import LabelledPair
from inference.datasets.pair_file import PairFile
from schemas.errors import UnusableFile

ROWS: list[dict[str, Any]] = [
    {
        "query": "运动鞋",
        "item": '男士 "轻" 跑步鞋, 红',
        "label": 1.0,
        "weight": 2.5,
        "group": "g1",
        "category": "shoes",
    },
    {
        "query": "kettle 🫖",
        "item": "Steel kettle;\n1.7 l",
        "label": 0.25,
        "weight": 0.5,
        "group": "g2",
        "category": None,
    },
    {"query": "kettle 🫖", "item": "x" * 100_000, "label": 0.0, "weight": 1.0, "group": "g2", "category": ""},
]
PAIRS = [
    LabelledPair("运动鞋", '男士 "轻" 跑步鞋, 红', 1.0, 2.5, "g1", None, "shoes"),
    LabelledPair("kettle 🫖", "Steel kettle; 1.7 l", 0.25, 0.5, "g2"),
    LabelledPair("kettle 🫖", "x" * 100_000, 0.0, 1.0, "g2"),
]


def write_csv(path: Path, rows: list[dict[str, Any]], delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.Table.from_pylist(rows), path, row_group_size=2)


def read(path: Path) -> list[LabelledPair]:
    return [pair for batch in PairFile(path).batches() for pair in batch]


@pytest.mark.parametrize("write", [write_csv, write_jsonl, write_parquet])
def test_each_format_gives_the_same_pairs_whatever_the_name_says(
    write: Callable[[Path, list[dict[str, Any]]], None], tmp_path: Path
) -> None:
    path = tmp_path / "pairs"
    write(path, ROWS)
    assert read(path) == PAIRS


def test_packed_files_semicolons_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    plain, packed = tmp_path / "p.csv", tmp_path / "p.csv.gz"
    write_csv(plain, ROWS, ";")
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + plain.read_bytes()))
    assert read(packed) == PAIRS


def test_a_file_with_three_columns_weighs_every_row_alike_and_groups_by_query(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("Query,Title,label\na  b,c,1\n", encoding="utf-8")
    assert read(path) == [LabelledPair("a b", "c", 1.0, 1.0, "a b")]


BAD_CSV = b"""query,item,label,weight
shoe,Red shoe,1,1
,Red shoe,1,1
shoe,   ,1,1
shoe,Red shoe,1.5,1
shoe,Red shoe,nan,1
shoe,Red shoe,yes,1
shoe,Red shoe,,1
shoe,Red shoe,1,-2
shoe,Red, shoe,1,1
sh\xffe,Red shoe,1,1
shoe,Red shoe,0,
"""


def test_bad_rows_are_counted_by_reason_and_shown_with_line_value_and_cure(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(BAD_CSV)
    file = PairFile(path)
    good = [pair for batch in file.batches() for pair in batch]
    assert [pair.label for pair in good] == [1.0, 0.0]
    assert file.rows == 11
    assert file.bad == {
        "no_query": 1, "no_item": 1, "label": 3, "no_label": 1, "weight": 1, "csv": 1, "encoding": 1,
    }  # fmt: skip
    assert f"{path}:5: label is '1.5': it must be from 0 to 1; scale grades to that" in file.examples
    assert any(line.startswith(f"{path}:11: query is") and "UTF-8" in line for line in file.examples)


def test_bad_lines_of_json_are_counted_likewise(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    lines = ['{"query":"a","item":"b","label":1}', "{", '{"query":"a","item":7,"label":1}', '{"query":"a","item":"b"}']
    path.write_text("\n\n".join([*lines, '{"query":"a\\ud800","item":"b","label":true}', "[" * 5000]), encoding="utf-8")
    file = PairFile(path)
    assert len([pair for batch in file.batches() for pair in batch]) == 1
    assert file.bad == {"json": 3, "item": 1, "no_label": 1}
    assert any(line.startswith(f"{path}:5: item is 7") for line in file.examples)


def test_a_quote_that_is_never_closed_costs_its_rows_and_not_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    open_quote = b'shoe,"never closed,1\n' + b"shoe,Red shoe,1\n" * 30_000
    path.write_bytes(b"query,item,label\n" + open_quote + b"x" * 5_000_000 + b"\nkettle,Kettle,1\n")
    tracemalloc.start()
    file = PairFile(path)
    good = [pair for batch in file.batches(1000) for pair in batch]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert good[-1].query == "kettle"
    assert file.bad["csv"] >= 2
    assert f"{path}:2: not readable" in file.examples[0]
    assert peak < 40_000_000


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    line = json.dumps({"query": "q" * 50_000, "item": "i" * 50_000, "label": 1}) + "\n"
    with path.open("w", encoding="utf-8") as file:
        for _ in range(600):
            file.write(line)
    tracemalloc.start()
    assert sum(len(batch) for batch in PairFile(path).batches()) == 600
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30_000_000 < path.stat().st_size


def test_strict_refuses_at_the_first_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(BAD_CSV)
    with pytest.raises(UnusableFile, match=r"p\.csv:3: query is blank: give its text"):
        list(PairFile(path, strict=True).batches())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"query,item\na,b\n", "has no column label; found query, item"),
        (b"query,item,label,label\na,b,1,1\n", "names the column label twice"),
        (b"query,item,label\n", "has no rows"),
        (b"query,item,label\na,b,7\n", r"no row of 1 is a pair; .*:2: label is '7'"),
        (b"\xff\xfeq\x00", "is UTF-16; save it as UTF-8"),
        (gzip.compress(b"query,item,label\n" * 99)[:-12], "gzip file is damaged"),
        (b"\x1f\x8bnot gzip", "gzip"),
    ],
)
def test_a_file_that_holds_no_pairs_is_refused_with_the_cure(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(content)
    with pytest.raises(UnusableFile, match=told):
        list(PairFile(path).batches())


def test_a_damaged_parquet_file_is_refused_and_a_missing_file_named(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    write_parquet(path, ROWS)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UnusableFile, match="Parquet file cannot be read"):
        read(path)
    with pytest.raises(UnusableFile, match="No such file"):
        read(tmp_path / "missing.csv")
