"""Rows of a file of pairs, whatever its format: CSV, JSON lines or Parquet, found by content and not by name.

Nothing here holds more than one batch: lines are cut at a limit, Parquet comes in row groups' batches.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from io import BufferedIOBase
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from inference.datasets.pair import ALIASES, COLUMNS, NEEDED, BadRow
from schemas.errors import MatchwatchError, UnusableFile

Format = Literal["csv", "jsonl", "parquet"]

MAX_LINE_BYTES: Final = 1 << 20
_MAX_FIELD: Final = 1 << 18
_PARQUET_ROWS: Final = 1_024
"""Read at once: some hundred megabytes of the largest texts there may be, some hundred kilobytes of usual ones."""
_DELIMITERS: Final = (",", ";", "\t")
_JSON: Final = msgspec.json.Decoder(dict[str, Any])
_TOO_LONG: Final = f"a line of more than {MAX_LINE_BYTES:,} bytes: cut its texts, or close its quotes"


class Row(NamedTuple):
    """Values by column, and where they stand; `values` is an error where the row cannot be read at all."""

    place: int
    values: dict[str, Any] | BadRow


def format_of(path: Path) -> Format:
    """Tell the format by the first bytes.

    Raises:
        UnusableFile: the file is empty or cannot be opened.
    """
    try:
        with path.open("rb") as raw:
            if raw.read(4) == b"PAR1":
                return "parquet"
        with _unpacked(path) as lines:
            head = lines.read(4096)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, error) from error
    except OSError as error:
        raise UnusableFile(f"{path}: {error.strerror or error}; give a file of pairs") from error
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise UnusableFile(f"{path}: is empty; give a file of pairs with the columns {', '.join(NEEDED)}")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnusableFile(f"{path}: is UTF-16; save it as UTF-8")
    return "jsonl" if text.startswith(b"{") else "csv"


def read_rows(path: Path) -> Iterator[Row]:
    """Give the rows of a file in order; CSV and JSON lines may be packed with gzip.

    Raises:
        UnusableFile: columns are missing, or the file is damaged.
        MatchwatchError: Parquet, and pyarrow is not installed.
    """
    kind = format_of(path)
    try:
        yield from {"csv": _csv_rows, "jsonl": _json_rows, "parquet": _parquet_rows}[kind](path)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> UnusableFile:
    return UnusableFile(f"{path}: the gzip file is damaged ({error}); copy it again, whole")


@contextmanager
def _unpacked(path: Path) -> Iterator[BufferedIOBase]:
    with path.open("rb") as raw:
        if raw.peek(2).startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=raw) as file:
                yield file
        else:
            yield raw


def _lines(file: BufferedIOBase) -> Iterator[tuple[int, bytes | None]]:
    """Give lines with their numbers; None for one that is too long, which is passed over in pieces."""
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) <= MAX_LINE_BYTES:
            yield number, line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE_BYTES)
        yield number, None


def _json_rows(path: Path) -> Iterator[Row]:
    with _unpacked(path) as file:
        for number, line in _lines(file):
            if line is None:
                yield Row(number, BadRow("too_long", _TOO_LONG))
                continue
            text = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip()
            if not text:
                continue
            try:
                values = _JSON.decode(text)
            except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
                yield Row(number, BadRow("json", f"not a JSON object ({error}): write one object a line"))
                continue
            yield Row(number, {ALIASES.get(name, name): value for name, value in values.items()})


class _CsvLines:
    """Decoded lines for the csv module, which asks for more where a quoted field goes on."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._lines = _lines(file)
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        for number, line in self._lines:
            self.number = number
            # A line that is too long ends what was quoted, so that the rows behind it can be read.
            text = '"' + "x" * _MAX_FIELD + "\n" if line is None else line.decode("utf-8", "surrogateescape")
            yield text.removeprefix("\ufeff") if number == 1 else text


def _csv_rows(path: Path) -> Iterator[Row]:
    csv.field_size_limit(_MAX_FIELD - 1)
    with _unpacked(path) as file:
        lines = _CsvLines(file)
        texts = iter(lines)
        head = next(texts, "")
        delimiter = max(_DELIMITERS, key=head.count)
        names = [name.strip().lower() for name in next(csv.reader([head], delimiter=delimiter), [])]
        columns = [ALIASES.get(name, name) for name in names]
        _check_columns(path, columns)
        reader = csv.reader(texts, delimiter=delimiter)
        while True:
            place = lines.number + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Row(place, BadRow("csv", f"not readable ({error}): a quote is not closed, or a text is too long"))
                continue
            if not fields:
                continue
            if len(fields) > len(columns):
                told = f"{len(fields)} fields for {len(columns)} columns: quote texts that hold {delimiter!r}"
                yield Row(place, BadRow("csv", told))
                continue
            yield Row(place, dict(zip(columns, fields, strict=False)))


def _parquet_rows(path: Path) -> Iterator[Row]:
    if find_spec("pyarrow") is None:
        raise MatchwatchError(
            f"{path}: Parquet needs pyarrow, which is not installed: call `make setup-train`, or give CSV or JSON lines"
        )
    arrow: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")
    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            columns = {name: ALIASES.get(name.lower(), name.lower()) for name in names}
            _check_columns(path, list(columns.values()))
            wanted = [name for name in names if columns[name] in COLUMNS]
            place = 0
            for batch in file.iter_batches(batch_size=_PARQUET_ROWS, columns=wanted):
                for values in batch.to_pylist():
                    place += 1
                    yield Row(place, {columns[name]: value for name, value in values.items()})
    except (arrow.ArrowException, OSError, UnicodeError) as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnusableFile(f"{path}: the Parquet file cannot be read ({told}); write it again") from error


def _check_columns(path: Path, columns: list[str]) -> None:
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        found = ", ".join(columns[:12]) if len(", ".join(columns[:12])) <= 120 else f"{len(columns)} others"
        raise UnusableFile(
            f"{path}: has no column {', '.join(missing)}; found {found}; "
            f"the first line must name {', '.join(NEEDED)}, and may name {', '.join(COLUMNS[len(NEEDED) :])}"
        )
    doubled = sorted({name for name in columns if name in COLUMNS and columns.count(name) > 1})
    if doubled:
        raise UnusableFile(f"{path}: names the column {', '.join(doubled)} twice; rename one")
