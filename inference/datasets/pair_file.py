"""A file of labelled pairs, read in batches: what is wrong is counted and shown, and the rest is used."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from inference.datasets.pair import BadRow, LabelledPair, make_pair
from inference.datasets.rows import read_rows
from schemas.errors import UnusableFile

BATCH_ROWS: Final = 8_192
BATCH_CHARACTERS: Final = 8_000_000
"""A batch ends here too, so that no file makes it large."""
_EXAMPLES: Final = 10


class PairFile:
    """Pairs of a CSV, JSON lines or Parquet file with the columns of `LabelledPair`.

    Args:
        path: the file; CSV and JSON lines may be packed with gzip.
        strict: refuse the file at the first bad row.
    """

    def __init__(self, path: Path, *, strict: bool = False) -> None:
        self.path = path
        self._strict = strict
        self.rows = 0
        """Read so far, bad ones included."""
        self.bad: Counter[str] = Counter()
        """Bad rows by reason."""
        self.examples: list[str] = []
        """The first bad rows: file, line (of Parquet: row), value and cure."""

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[list[LabelledPair]]:
        """Give all good pairs in the file's order; counts begin anew.

        Raises:
            UnusableFile: the file cannot be read, columns are missing, nothing good is left, or `strict` and a row is
                bad.
        """
        self.rows, self.bad, self.examples = 0, Counter(), []
        batch: list[LabelledPair] = []
        characters = 0
        for place, values in read_rows(self.path):
            self.rows += 1
            try:
                if isinstance(values, BadRow):
                    raise values
                pair = make_pair(values)
            except BadRow as error:
                self._note(place, error)
                continue
            batch.append(pair)
            characters += len(pair.query) + len(pair.item)
            if len(batch) >= rows or characters >= BATCH_CHARACTERS:
                yield batch
                batch, characters = [], 0
        if batch:
            yield batch
        if self.rows == sum(self.bad.values()):
            told = f"no row of {self.rows:,} is a pair; {self.examples[0]}" if self.examples else "has no rows"
            raise UnusableFile(f"{self.path}: {told}")

    def _note(self, place: int, error: BadRow) -> None:
        told = f"{self.path}:{place}: {error}"
        if self._strict:
            raise UnusableFile(told) from error
        self.bad[error.reason] += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(told)
