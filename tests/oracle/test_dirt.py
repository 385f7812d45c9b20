import json
from pathlib import Path
from random import Random

import pytest

from tests.oracle.build import click_event, search_event
from tests.oracle.dirt import CLICK_KINDS, SEARCH_KINDS, Ledger, soil
from tests.oracle.oracle import expect_folder


def write_clean(folder: Path, searches: int) -> None:
    rng = Random(5)
    pages = [[f"sku-{rng.randrange(200)}" for _ in range(8)] for _ in range(searches)]
    shown = [search_event(f"q-{n}", n * 500, *page, title=None) for n, page in enumerate(pages)]
    clicked = [click_event(f"q-{n}", n * 500 + 3000, page[n % 8]) for n, page in enumerate(pages)]
    items = [{"object_id": f"sku-{n}", "title": f"鞋 {n}"} for n in range(200)]
    folder.mkdir()
    for name, events in (("search-events", shown), ("click-events", clicked), ("catalog-items", items)):
        text = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
        (folder / f"{name}.ndjson").write_text(text, "utf-8")
    (folder / "truth.json").write_text("{}")


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ledger]:
    folder = tmp_path_factory.mktemp("dirt")
    write_clean(folder / "clean", 4200)
    return folder, soil(folder / "clean", folder / "dirty", seed=3, share=0.05)


def test_every_kind_is_dealt(dirty: tuple[Path, Ledger]) -> None:
    _, ledger = dirty
    dealt = {entry.kind for entry in ledger.entries}
    assert dealt >= SEARCH_KINDS.keys() - {"out of order"}
    assert dealt >= CLICK_KINDS.keys()


def test_the_oracle_refuses_exactly_the_lines_that_were_made_invalid(dirty: tuple[Path, Ledger]) -> None:
    folder, ledger = dirty
    refused = expect_folder(folder / "dirty").invalid_lines
    for topic in ("search-events", "click-events", "catalog-items"):
        expected = ledger.invalid_lines(f"{topic}.ndjson")
        assert {number for name, number in refused if name == topic} == expected
        assert expected


def test_dirt_of_every_counter_is_there(dirty: tuple[Path, Ledger]) -> None:
    folder, _ = dirty
    clean, soiled = (expect_folder(folder / name).counters for name in ("clean", "dirty"))
    assert not clean
    assert soiled.keys() == {
        "invalid search-events",
        "invalid click-events",
        "invalid catalog-items",
        "late search-events",
        "late click-events",
        "repeated searches",
        "unmatched clicks",
        "unknown actions",
    }


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(dirty: tuple[Path, Ledger], tmp_path: Path) -> None:
    folder, ledger = dirty
    assert soil(folder / "clean", tmp_path / "again", seed=3, share=0.05).entries == ledger.entries
    soil(folder / "clean", tmp_path / "other", seed=4, share=0.05)
    for path in (folder / "dirty").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
    assert (folder / "dirty" / "search-events.ndjson").read_bytes() != (
        tmp_path / "other" / "search-events.ndjson"
    ).read_bytes()


def test_the_ledger_names_the_line_that_it_soiled(dirty: tuple[Path, Ledger]) -> None:
    folder, ledger = dirty
    lines = (folder / "dirty" / "search-events.ndjson").read_bytes().split(b"\n")
    (entry,) = [e for e in ledger.entries if e.kind == "byte order mark" and e.file.startswith("search")][:1]
    assert lines[entry.line - 1].startswith(b"\xef\xbb\xbf")
    saved = json.loads((folder / "dirty" / "dirt.json").read_text())
    assert len(saved) == len(ledger.entries)
