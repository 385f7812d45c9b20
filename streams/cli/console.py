"""Tables on stdout: whole lines for programs, and whole names for people."""

import sys
from typing import Final

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

WIDE: Final = 10_000
"""Columns of a console that breaks no line."""


def stdout_console(least: int = 0) -> Console:
    """Give a console as wide as the terminal; where stdout is none, so wide that no line is broken or cut.

    Args:
        least: columns to take even if the terminal has fewer, which then breaks the lines itself.
    """
    console = Console(markup=False)
    if not sys.stdout.isatty():
        console.width = WIDE
    console.width = max(console.width, least)
    return console


def show(table: Table) -> None:
    """Print a table: columns that may not wrap keep their width, the others wrap between words."""
    wide = Console(width=WIDE, markup=False)
    for column in table.columns:
        if column.no_wrap:
            cells = (Measurement.get(wide, wide.options, cell).maximum for cell in (column.header, *column.cells))
            column.min_width = max(cells)
    stdout_console(Measurement.get(wide, wide.options, table).minimum).print(table)
