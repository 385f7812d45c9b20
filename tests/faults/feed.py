"""A dirty recording, made once, and its replay at a pace under which a fault lands in the middle."""

import json
import threading
import time
from bisect import bisect_left
from itertools import accumulate
from operator import itemgetter
from pathlib import Path
from random import Random

from schemas.settings import Settings
from streams.replay.records import Record
from streams.replay.replay import ReplaySummary, replay
from streams.shop.faults import parse_fault
from streams.shop.recording import record
from streams.shop.settings import DEFAULT_START_MS, SimulationSettings
from tests.oracle.contracts import InvalidRecord, read_click, read_search
from tests.oracle.dirt import CLICK_FILE, SEARCH_FILE, soil
from tests.oracle.oracle import lines_of

RATE = 10.0
MINUTES = 10.0
SPEED = 40.0
"""Event seconds a second: ten minutes pass in fifteen seconds."""
TAIL_MS = 60_000
MUCH_LATER = 120
MUCH_LATER_MS = (100_000, 220_000)
"""Within the time for which ids are remembered with the horizons of the scenes."""
POLL_S = 0.01


def make_recording(folder: Path, *, rate: float = RATE, minutes: float = MINUTES, seed: int = 11) -> Path:
    """Record some shop with a bad ranker in its second half, and make 3 % of the lines dirty."""
    clean, dirty = folder / "clean", folder / "dirty"
    faults = (parse_fault(f"bad_ranker@{minutes / 2:g}"), parse_fault(f"latency@{minutes * 2 / 3:g}"))
    record(SimulationSettings(rate=rate, minutes=minutes, seed=seed, start_ms=DEFAULT_START_MS, faults=faults), clean)
    end_ms = DEFAULT_START_MS + round(minutes * 60_000) + TAIL_MS
    _drop_the_tail(clean / CLICK_FILE, end_ms)
    soil(clean, dirty, seed=seed, share=0.03)
    _drop_the_tail(dirty / CLICK_FILE, end_ms)
    _repeat_much_later(dirty / SEARCH_FILE, Random(seed))
    return dirty


def _repeat_much_later(searches: Path, rng: Random) -> None:
    """Show some pages again minutes later: when the first copy's cohort is closed and nothing else needs it any more.

    A successor that does not go back to the first copies takes the second ones for first.
    """
    lines = lines_of(searches)
    times = [_time_ms(raw) for raw in lines]
    reached = list(accumulate(times, max))
    clean = [place for place, time_ms in enumerate(times) if time_ms and time_ms == reached[place]]
    added: list[tuple[float, bytes]] = []
    for place in rng.sample(clean[: len(clean) * 2 // 3], MUCH_LATER):
        event = json.loads(lines[place])
        time_ms = times[place] + rng.randrange(*MUCH_LATER_MS)
        event["timestamp"] = time_ms
        added.append((bisect_left(reached, time_ms) - 0.5, json.dumps(event, ensure_ascii=False).encode()))
    placed = sorted([*enumerate(lines), *added], key=itemgetter(0))
    searches.write_bytes(b"".join(raw + b"\n" for _, raw in placed))


def _time_ms(raw: bytes) -> int:
    try:
        return read_search(raw).time_ms
    except InvalidRecord:
        return 0


def _drop_the_tail(clicks: Path, end_ms: int) -> None:
    """Leave out clicks long after the last search: a paced replay would wait for them."""

    def is_far(raw: bytes) -> bool:
        try:
            return read_click(raw).time_ms > end_ms
        except InvalidRecord:
            return False

    lines = lines_of(clicks)
    clicks.write_bytes(b"".join(raw + b"\n" for raw in lines if not is_far(raw)))


class Feed(threading.Thread):
    """Replays a recording to its end, in the background, and knows how far it is."""

    def __init__(self, recording: Path, settings: Settings, *, speed: float = SPEED, finish: bool = True) -> None:
        super().__init__(daemon=True)
        self._recording, self._settings, self._speed, self._finish = recording, settings, speed, finish
        self._searches = (recording / SEARCH_FILE).read_bytes().count(b"\n")
        self._sent = 0
        self._failure: BaseException | None = None
        self._summary: ReplaySummary | None = None
        self.start()

    def run(self) -> None:
        try:
            self._summary = replay(
                [self._recording], self._settings, speed=self._speed, finish=self._finish, progress=self._count
            )
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for the end
            self._failure = error

    def _count(self, queued: Record) -> None:
        self._sent += queued.topic == "search-events"

    @property
    def share(self) -> float:
        """How much of the recording's searches has been sent, 0 to 1."""
        return self._sent / self._searches

    def reach(self, share: float, deadline_s: float = 120.0) -> None:
        """Wait until so much has been sent."""
        deadline = time.monotonic() + deadline_s
        while self.share < share:
            assert self._failure is None, f"the replay failed: {self._failure!r}"
            assert time.monotonic() < deadline, f"only {self.share:.0%} of the recording was sent in {deadline_s:.0f} s"
            time.sleep(POLL_S)

    def result(self, deadline_s: float = 300.0) -> ReplaySummary:
        """Wait for the end."""
        self.join(deadline_s)
        assert self._failure is None, f"the replay failed: {self._failure!r}"
        assert self._summary is not None, f"the replay did not end within {deadline_s:.0f} s"
        return self._summary
