"""Labelled pairs for training, and the checks that make the test figures mean what they say."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from schemas.errors import MatchwatchError

VALIDATION_SHARE = 0.1


class TrainingPair(NamedTuple):
    """One query and title with how well they match, in [0, 1].

    `split`: `train` pairs are learned from; of a `test` pair neither query nor title occurs in training; `mixed` pairs
    have one side of each and are not used.
    """

    query: str
    title: str
    label: float
    split: Literal["train", "test", "mixed"]


class Pairs(NamedTuple):
    """Pairs by use. Validation queries occur in neither of the other two; validation titles may occur in training."""

    train: list[TrainingPair]
    validation: list[TrainingPair]
    test: list[TrainingPair]


class _Line(msgspec.Struct):
    """A training pair as a file has it; unknown fields are ignored."""

    query: str
    title: str
    label: float
    split: Literal["train", "test", "mixed"]


def read_pairs(path: Path) -> Iterator[TrainingPair]:
    """Pairs of an NDJSON file with the fields of `TrainingPair`.

    Raises:
        MatchwatchError: a line is not a pair; the message names file and line.
    """
    decoder = msgspec.json.Decoder(_Line)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                pair = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise MatchwatchError(f"{path}:{number}: not a training pair, {error}; correct the line") from error
            yield TrainingPair(pair.query, pair.title, pair.label, pair.split)


def divide(pairs: Iterable[TrainingPair]) -> Pairs:
    """Order pairs by text, drop repeats, and set a tenth of the training queries aside for calibration.

    The order is that of the texts, so the result does not depend on the order of the input.

    Raises:
        MatchwatchError: a query or title of a test pair occurs in training, a label is outside [0, 1], or a part lacks
            matches or mismatches.
    """
    divided = Pairs([], [], [])
    for pair in sorted(set(pairs)):
        if not 0.0 <= pair.label <= 1.0:
            raise MatchwatchError(f"pair {pair.query!r}, {pair.title!r}: label expected in [0, 1], found {pair.label}")
        if pair.split == "test":
            divided.test.append(pair)
        elif pair.split == "train":
            (divided.validation if _is_for_validation(pair.query) else divided.train).append(pair)
    learned = divided.train + divided.validation
    leaked = {pair.query for pair in learned} & {pair.query for pair in divided.test}
    leaked |= {pair.title for pair in learned} & {pair.title for pair in divided.test}
    if leaked:
        raise MatchwatchError(f"{min(leaked)!r} is in training and test: hold queries and titles of test pairs out")
    for name, part in zip(Pairs._fields, divided, strict=True):
        if len({pair.label >= 0.5 for pair in part}) < 2:
            raise MatchwatchError(f"{name} pairs: expected matches and mismatches, found {len(part)} pairs of one kind")
    return divided


def fingerprint(pairs: Pairs) -> str:
    """SHA-256 over all pairs in order, by which a model can be traced to its data."""
    digest = hashlib.sha256()
    for part in pairs:
        for pair in part:
            digest.update(msgspec.json.encode(tuple(pair)) + b"\n")
    return digest.hexdigest()


def _is_for_validation(query: str) -> bool:
    digest = hashlib.blake2b(f"validation:{query}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) < VALIDATION_SHARE * 2**64
