"""A load that goes on at its rate, in event time as fast as the clock, while something happens to who reads it."""

import threading
import time
from types import TracebackType
from typing import Final

from streams.bench.program import BenchFailed
from streams.bench.score_tape import ScoreTape

EVERY_S: Final = 0.25


class LiveLoad:
    """Writes a tape on, four times a second, in a thread of its own, until the block ends.

    Args:
        tape: what is written on; nobody else may write it meanwhile.
    """

    def __init__(self, tape: ScoreTape) -> None:
        self._tape = tape
        self._thread = threading.Thread(target=self._run, name="live-load", daemon=True)
        self._end = threading.Event()
        self._failure: Exception | None = None
        self._began_s = 0.0
        self._first_ms = tape.last_ms

    def __enter__(self) -> "LiveLoad":
        self._began_s = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def now_ms(self) -> int:
        """Give the event time that it is in the shop.

        Raises:
            BenchFailed: the load has stopped.
        """
        if self._failure is not None:
            raise BenchFailed(f"the load stopped: {self._failure}") from self._failure
        return self._first_ms + round((time.monotonic() - self._began_s) * 1000)

    def _run(self) -> None:
        try:
            while not self._end.wait(EVERY_S):
                self._tape.write_until(self.now_ms())
        except Exception as error:  # noqa: BLE001 - it is told to whoever asks for the time
            self._failure = error
