"""The table of mutations in a document: one row each of its latest run, in the order of the mutations.

A run of some mutations replaces their rows and leaves the others; rows of mutations that are no more are dropped.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.faults.mutation import Mutation

CAUGHT: Final = "caught"
BEGIN: Final = "<!-- Written by `make test-mutations WRITE=1`; do not edit. -->\n"
END: Final = "<!-- The end of what is written. -->\n"
_HEAD: Final = "| protection | test | switched off | what the test then says | run |\n|---|---|---|---|---|\n"
_SAID_LENGTH: Final = 120
_PATHS: Final = re.compile(r"(?<=\s)/\S+|0x[0-9a-f]+")
"""What differs from run to run and says nothing."""


@dataclass(frozen=True)
class Row:
    """What became of one mutation."""

    protection: str
    test: str
    verdict: str
    said: str
    run: str
    """The day, as ISO 8601 writes it."""

    @classmethod
    def of(cls, mutation: Mutation, verdict: str, said: str, run: str) -> "Row":
        """Cut what a run said to what a table holds."""
        plain = _PATHS.sub("…", said).replace("|", "/").replace("`", "'").removeprefix("AssertionError: ")
        cut = plain if len(plain) <= _SAID_LENGTH else plain[:_SAID_LENGTH].rstrip() + "…"
        return cls(mutation.protection, mutation.test.rpartition("::")[2] or mutation.test, verdict, cut, run)

    def line(self) -> str:
        """Give it as a line of Markdown."""
        return f"| {self.protection} | `{self.test}` | {self.verdict} | {self.said} | {self.run} |\n"


def rows_in(document: str) -> dict[str, Row]:
    """Read the rows that a document holds, by protection."""
    lines = _between(document)[1].removeprefix(_HEAD).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]
    return {row.protection: row for row in (Row(each[0], each[1].strip("`"), *each[2:]) for each in cells)}


def table_of(rows: Mapping[str, Row], mutations: Sequence[Mutation]) -> str:
    """Give the table, how many are caught, and why some switch off more than one thing."""
    chosen = [rows[each.protection] for each in mutations if each.protection in rows]
    missed = [row.protection for row in chosen if row.verdict != CAUGHT]
    never = [each.protection for each in mutations if each.protection not in rows]
    said = f"\nOf {len(mutations)}: {len(chosen) - len(missed)} caught, {len(missed)} not caught"
    said += f", {len(never)} never run.\n" if never else ".\n"
    notes = "".join(f"- *{each.protection}*: {each.note}.\n" for each in mutations if each.note)
    return _HEAD + "".join(row.line() for row in chosen) + said + (f"\n{notes}" if notes else "")


def write_into(document: str, rows: Mapping[str, Row], mutations: Sequence[Mutation]) -> str:
    """Give the document with these rows in place of those of the same protections."""
    before, _, after = _between(document)
    return before + table_of({**rows_in(document), **rows}, mutations) + after


def _between(document: str) -> tuple[str, str, str]:
    """Cut a document at the marks; the marks stay with what is around them.

    Raises:
        ValueError: it has no place for a table.
    """
    head, begin, rest = document.partition(BEGIN)
    table, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(
            f"the document has no lines {BEGIN.strip()!r} and {END.strip()!r}: put them where the table is"
        )
    return head + begin, table, end + tail
