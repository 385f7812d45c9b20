"""A dirty copy of a clean recording, the same for the same seed, with a ledger of what was done to which line."""

import argparse
import json
import shutil
import sys
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random

from tests.oracle import dirt_kinds as kinds
from tests.oracle.dirt_kinds import Event, Kind, line, stamp, time_of

SEARCH_FILE, CLICK_FILE, ITEM_FILE = "search-events.ndjson", "click-events.ndjson", "catalog-items.ndjson"
MAX_OVERSIZED = 2
"""Oversized lines a file: each costs a megabyte."""


@dataclass(frozen=True)
class Entry:
    """What was done to one line: file, line from 1 in the dirty copy, kind, and whether it is still valid."""

    file: str
    line: int
    kind: str
    valid: bool


@dataclass
class Ledger:
    """All dirty lines, in the order of files and lines."""

    entries: list[Entry] = field(default_factory=list)

    def by_kind(self) -> Counter[str]:
        """Count the dirty lines of each kind."""
        return Counter(entry.kind for entry in self.entries)

    def invalid_lines(self, file: str) -> set[int]:
        """Give the lines of a file that must be refused."""
        return {entry.line for entry in self.entries if entry.file == file and not entry.valid}


@dataclass(frozen=True)
class Placed:
    """A line of the copy: `place` orders it among the clean line numbers, halves stand between two lines."""

    place: float
    raw: bytes
    kind: str = ""
    valid: bool = True


class Recording:
    """The clean lines of one file with their times, and where in the file a later time is reached."""

    def __init__(self, lines: list[bytes]) -> None:
        self.lines = lines
        self.times = [time_of(json.loads(raw)) for raw in lines]
        self.reached = list(accumulate(self.times, max))

    def event(self, index: int) -> Event:
        """Give a copy of an event that may be changed."""
        event: Event = json.loads(self.lines[index])
        return event

    def place_of(self, time: datetime, after: int) -> float:
        """Find the place, behind line `after`, where the file first reaches a time; its end when it never does."""
        return max(bisect_left(self.reached, time), after + 1) - 0.5


Move = Callable[[Random, Recording, int], list[Placed]]
"""Replaces one line by several; the kinds' names are filled in by the caller where they are empty."""


def _repeated(rng: Random, clean: Recording, index: int) -> list[Placed]:
    return [
        Placed(index, clean.lines[index]),
        Placed(index + rng.randrange(20) + 0.5, clean.lines[index], "repeat"),
    ]


def _repeated_later(rng: Random, clean: Recording, index: int) -> list[Placed]:
    later = clean.times[index] + timedelta(milliseconds=rng.randrange(1, 20_000))
    again = line({**clean.event(index), "timestamp": stamp(later)})
    return [Placed(index, clean.lines[index]), Placed(clean.place_of(later, index), again, "repeat, dated later")]


def _later_one_first(rng: Random, clean: Recording, index: int) -> list[Placed]:
    later = clean.times[index] + timedelta(milliseconds=rng.randrange(1, 20_000))
    again = line({**clean.event(index), "timestamp": stamp(later)})
    place = clean.place_of(later, index)
    return [Placed(place, again), Placed(place + 0.25, clean.lines[index], "repeat, the later date first")]


def _repeated_with_another_page(rng: Random, clean: Recording, index: int) -> list[Placed]:
    event = clean.event(index)
    event["results"] = [{"object_id": f"other-{n}", "position": n, "title": "kettle"} for n in range(1, 4)]
    event["model"] = {"name": "another", "version": "9"}
    return [
        Placed(index, clean.lines[index]),
        Placed(index + rng.randrange(5) + 0.5, line(event), "repeat with another page"),
    ]


def _moved_down(seconds: int, kind: str) -> Move:
    def move(rng: Random, clean: Recording, index: int) -> list[Placed]:
        until = clean.times[index] + timedelta(seconds=seconds + rng.randrange(seconds))
        return [Placed(clean.place_of(until, index), clean.lines[index], kind)]

    return move


def _clicked(seconds: int, kind: str) -> Move:
    """Click again on the same item, long after: the line is put where the file reaches that time.

    In the last part of a recording there is no such place: then an earlier click is repeated. Where the whole
    recording is too short the line comes last, so that its time makes no other line late.
    """

    def add(rng: Random, clean: Recording, index: int) -> list[Placed]:
        again_at = timedelta(seconds=seconds)
        early_enough = bisect_right(clean.reached, clean.reached[-1] - again_at)
        chosen = min(index, rng.randrange(early_enough)) if early_enough else index
        time = clean.times[chosen] + again_at
        again = line({**clean.event(chosen), "timestamp": stamp(time)})
        return [Placed(index, clean.lines[index]), Placed(clean.place_of(time, chosen), again, kind)]

    return add


def _dated_back(seconds: int, kind: str) -> Move:
    """Date a click back, so that it may lie before its search or be late."""

    def change(_: Random, clean: Recording, index: int) -> list[Placed]:
        earlier = clean.times[index] - timedelta(seconds=seconds)
        return [Placed(index, line({**clean.event(index), "timestamp": stamp(earlier)}), kind)]

    return change


MOVES: dict[str, Move] = {
    "repeat": _repeated,
    "repeat, dated later": _repeated_later,
    "repeat, the later date first": _later_one_first,
    "out of order": _moved_down(8, "out of order"),
    "moved down a minute": _moved_down(60, "moved down a minute"),
}
SEARCH_MOVES = {**MOVES, "repeat with another page": _repeated_with_another_page}
CLICK_MOVES = {
    **MOVES,
    "click again after 61 s": _clicked(61, "click again after 61 s"),
    "click again after 1801 s": _clicked(1801, "click again after 1801 s"),
    "dated back 5 s": _dated_back(5, "dated back 5 s"),
    "dated back 20 s": _dated_back(20, "dated back 20 s"),
    "dated back a minute": _dated_back(60, "dated back a minute"),
}


def _changing(kind: str, change: Kind, *, valid: bool) -> Move:
    return lambda rng, clean, index: [Placed(index, change(rng, clean.event(index)), kind, valid)]


def _spread(rng: Random, repertoire: dict[str, Move], count: int) -> list[str]:
    """Deal kinds as evenly as can be, in random order, the oversized ones sparingly."""
    names: list[str] = []
    while len(names) < count:
        usual = [name for name in repertoire if name != "oversized" or names.count(name) < MAX_OVERSIZED]
        names += rng.sample(usual, len(usual))
    return names[:count]


def _repertoire(moves: dict[str, Move], invalid: dict[str, Kind], valid: dict[str, Kind]) -> dict[str, Move]:
    return {
        **moves,
        **{name: _changing(name, change, valid=False) for name, change in invalid.items()},
        **{name: _changing(name, change, valid=True) for name, change in valid.items()},
    }


SEARCH_KINDS = _repertoire(
    SEARCH_MOVES,
    kinds.INVALID_ANYWHERE | kinds.INVALID_SEARCH,
    kinds.VALID_ANYWHERE | kinds.VALID_SEARCH,
)
CLICK_KINDS = _repertoire(
    CLICK_MOVES,
    kinds.INVALID_ANYWHERE | kinds.INVALID_CLICK,
    kinds.VALID_ANYWHERE | kinds.VALID_CLICK,
)


def _write(path: Path, placed: list[Placed], ledger: Ledger) -> None:
    placed = sorted(placed, key=lambda one: one.place)
    path.write_bytes(b"".join(one.raw + b"\n" for one in placed))
    ledger.entries += [
        Entry(path.name, number, one.kind, one.valid) for number, one in enumerate(placed, 1) if one.kind
    ]


def _dirty_events(rng: Random, lines: list[bytes], repertoire: dict[str, Move], share: float) -> list[Placed]:
    clean = Recording(lines)
    chosen = rng.sample(range(len(lines)), round(share * len(lines)))
    kind_of = dict(zip(chosen, _spread(rng, repertoire, len(chosen)), strict=True))
    placed: list[Placed] = []
    for index, raw in enumerate(lines):
        kind = kind_of.get(index)
        placed += repertoire[kind](rng, clean, index) if kind else [Placed(index, raw)]
    return placed


def _dirty_items(rng: Random, lines: list[bytes], share: float) -> list[Placed]:
    """Add broken copies of items; the good lines stay, so that the items' texts do."""
    placed = [Placed(index, raw) for index, raw in enumerate(lines)]
    names = list(kinds.INVALID_ITEM)
    for count, index in enumerate(rng.sample(range(len(lines)), round(share * len(lines)))):
        kind = names[count % len(names)]
        broken = kinds.INVALID_ITEM[kind](rng, json.loads(lines[index]))
        placed.append(Placed(index + 0.5, broken, kind, valid=False))
    return placed


def _clean_lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.exists() else []


def soil(source: Path, target: Path, seed: int, share: float = 0.02) -> Ledger:
    """Copy a clean recording and make a share of its lines dirty.

    Args:
        source: folder of a recording whose every line is a valid event.
        target: folder to write; other files (deployments, truth) are copied as they are. The ledger is written
            there too, as `dirt.json`.
        seed: the same seed gives the same bytes.
        share: part of the lines of each file that become dirty.

    Returns:
        What was done, by file and line.
    """
    target.mkdir(parents=True, exist_ok=True)
    ledger = Ledger()
    for path in sorted(source.iterdir()):
        rng = Random(f"{seed} {path.name}")
        if path.name == SEARCH_FILE:
            _write(target / path.name, _dirty_events(rng, _clean_lines(path), SEARCH_KINDS, share), ledger)
        elif path.name == CLICK_FILE:
            _write(target / path.name, _dirty_events(rng, _clean_lines(path), CLICK_KINDS, share), ledger)
        elif path.name == ITEM_FILE:
            _write(target / path.name, _dirty_items(rng, _clean_lines(path), share), ledger)
        elif path.is_file():
            shutil.copyfile(path, target / path.name)
    (target / "dirt.json").write_text(json.dumps([asdict(entry) for entry in ledger.entries], indent=1) + "\n")
    return ledger


def main() -> None:
    """Make a dirty copy and print how many lines of each kind it has."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.dirt", description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=0.02)
    arguments = parser.parse_args()
    ledger = soil(arguments.source, arguments.target, arguments.seed, arguments.share)
    for kind, count in sorted(ledger.by_kind().items()):
        sys.stdout.write(f"{count:6d}  {kind}\n")


if __name__ == "__main__":
    main()
