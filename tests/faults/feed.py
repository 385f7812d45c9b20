"""A dirty recording, made once, and its replay at a pace under which a fault lands in the middle."""

import json
import threading
import time
from pathlib import Path

from schemas.settings import Settings
from streams.replay.records import Record
from streams.replay.replay import ReplaySummary, replay
from streams.shop.faults import parse_fault
from streams.shop.recording import record
from streams.shop.settings import DEFAULT_START_MS, SimulationSettings
from tests.oracle.contracts import parse_timestamp
from tests.oracle.dirt import CLICK_FILE, SEARCH_FILE, soil

RATE = 10.0
MINUTES = 10.0
SPEED = 40.0
"""Event seconds a second: ten minutes pass in fifteen seconds."""
TAIL_MS = 60_000
POLL_S = 0.01


def make_recording(folder: Path, *, rate: float = RATE, minutes: float = MINUTES, seed: int = 11) -> Path:
    """Record some shop with a bad ranker in its second half, and make 3 % of the lines dirty."""
    clean, dirty = folder / "clean", folder / "dirty"
    faults = (parse_fault(f"bad_ranker@{minutes / 2:g}"), parse_fault(f"latency@{minutes * 2 / 3:g}"))
    record(SimulationSettings(rate=rate, minutes=minutes, seed=seed, start_ms=DEFAULT_START_MS, faults=faults), clean)
    _drop_the_tail(clean / CLICK_FILE, DEFAULT_START_MS + round(minutes * 60_000) + TAIL_MS)
    soil(clean, dirty, seed=seed, share=0.03)
    return dirty


def _drop_the_tail(clicks: Path, end_ms: int) -> None:
    """Leave out purchases long after the last search: a paced replay would wait for them."""
    lines = clicks.read_bytes().splitlines(keepends=True)
    clicks.write_bytes(b"".join(raw for raw in lines if parse_timestamp(json.loads(raw)["timestamp"]) < end_ms))


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

    def result(self, deadline_s: float = 200.0) -> ReplaySummary:
        """Wait for the end."""
        self.join(deadline_s)
        assert self._failure is None, f"the replay failed: {self._failure!r}"
        assert self._summary is not None, f"the replay did not end within {deadline_s:.0f} s"
        return self._summary
