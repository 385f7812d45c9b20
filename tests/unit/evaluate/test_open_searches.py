"""Open searches against plain lists, over many rows: arrays that grow, rows that move, memory that is given back."""

from random import Random

import numpy as np

from detectors.id_index import NOT_FOUND
from detectors.open_searches import OpenSearches

ITEMS = 3


class Plain:
    """What must be found, by row."""

    def __init__(self) -> None:
        self.rows: dict[int, tuple[int, int, list[int], list[int]]] = {}
        self.next = 0


def add(searches: OpenSearches, plain: Plain, count: int, random: Random) -> None:
    ids = [random.getrandbits(64) for _ in range(count)]
    items = [[random.getrandbits(64) for _ in range(ITEMS)] for _ in range(count)]
    scores = [[random.randrange(4097) for _ in range(ITEMS)] for _ in range(count)]
    times = [random.randrange(10**12) for _ in range(count)]
    searches.add(
        query_ids=np.array(ids, dtype=np.uint64),
        times_ms=np.array(times, dtype=np.int64),
        series=np.zeros(count, dtype=np.uint16),
        segments=np.zeros(count, dtype=np.uint16),
        item_counts=np.full(count, ITEMS, dtype=np.int64),
        item_ids=np.array(items, dtype=np.uint64).ravel(),
        positions=np.tile(np.arange(1, ITEMS + 1, dtype=np.uint32), count),
        scores=np.array(scores, dtype=np.uint16).ravel(),
    )
    for each in zip(ids, times, items, scores, strict=True):
        plain.rows[plain.next] = each
        plain.next += 1


def check(searches: OpenSearches, plain: Plain) -> None:
    first, end = min(plain.rows), plain.next
    assert (searches.first_row, searches.next_row) == (first, end)
    rows = np.arange(first, end)
    ids = np.array([plain.rows[row][0] for row in rows], dtype=np.uint64)
    assert searches.find(ids).tolist() == rows.tolist()
    assert searches.times_ms(rows).tolist() == [plain.rows[row][1] for row in rows]
    second = np.array([plain.rows[row][2][1] for row in rows], dtype=np.uint64)
    assert (searches.find_items(rows, second) != NOT_FOUND).all()
    _, scores, _ = searches.items(first, end)
    assert scores.tolist() == [score for row in rows for score in plain.rows[row][3]]


def test_rows_stay_what_they_are_while_arrays_grow_move_and_shrink() -> None:
    random, searches, plain = Random(5), OpenSearches(), Plain()
    sizes = []
    for keep in (4_000, 4_000, 12_000, 2_000):
        for _ in range(40):
            add(searches, plain, random.choice([1, 30, 300, 700]), random)
            searches.drop_below(plain.next - keep)
            for row in [row for row in plain.rows if row < plain.next - keep]:
                del plain.rows[row]
        check(searches, plain)
        sizes.append(searches.nbytes() / len(plain.rows))
    least = sizes[0] * 0.8
    assert all(least < size < 2 * sizes[0] for size in sizes), sizes
