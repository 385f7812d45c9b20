"""The table of mutations: what a run writes, a later run reads."""

import pytest

from tests.faults.mutation import ROOT, Mutation
from tests.faults.mutation_table import BEGIN, CAUGHT, END, Row, rows_in, table_of, write_into
from tests.faults.mutations import MUTATIONS

ONE = Mutation("One thing", "a.py", "x", "y", "tests/test_a.py::test_a[b]")
OTHER = Mutation("Another thing", "a.py", "x", "y", "tests/test_a.py", note="because there are two")
EMPTY = f"before\n{BEGIN}{END}after\n"


def test_a_row_comes_back_from_the_document_it_was_written_into() -> None:
    row = Row.of(ONE, CAUGHT, "AssertionError: 3 things | differ in /tmp/x/y", "2026-11-25")
    document = write_into(EMPTY, {row.protection: row}, [ONE])
    assert rows_in(document) == {row.protection: row}
    assert row.said == "3 things / differ in …"
    assert document.startswith(f"before\n{BEGIN}")
    assert document.endswith(f"{END}after\n")


def test_a_run_of_some_replaces_only_their_rows_and_drops_those_of_mutations_that_are_no_more() -> None:
    rows = {each.protection: Row.of(each, "NOT CAUGHT", "", "2026-11-24") for each in (ONE, OTHER)}
    document = write_into(EMPTY, rows, [ONE, OTHER])
    again = {ONE.protection: Row.of(ONE, CAUGHT, "differs", "2026-11-25")}
    found = rows_in(write_into(document, again, [ONE, OTHER]))
    assert found == {**rows, **again}
    assert list(rows_in(write_into(document, {}, [OTHER]))) == [OTHER.protection]


def test_the_table_says_what_is_not_caught_what_never_ran_and_why_two_things_are_switched_off() -> None:
    table = table_of({ONE.protection: Row.of(ONE, "NOT CAUGHT", "", "2026-11-24")}, [ONE, OTHER])
    assert "Of 2: 0 caught, 1 not caught, 1 never run." in table
    assert "- *Another thing*: because there are two." in table


def test_a_document_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="has no lines"):
        write_into("text", {}, [ONE])


def test_the_document_holds_a_row_of_every_mutation_as_a_run_wrote_it_and_all_are_caught() -> None:
    document = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    rows = rows_in(document)
    assert write_into(document, {}, MUTATIONS) == document, "edited by hand: `make test-mutations WRITE=1 NAMES=...`"
    assert [each.name for each in MUTATIONS if each.protection not in rows] == [], "never run"
    for each in MUTATIONS:
        row = rows[each.protection]
        assert (row.test, row.verdict) == (Row.of(each, CAUGHT, "", "").test, CAUGHT), f"run {each.name} again"
