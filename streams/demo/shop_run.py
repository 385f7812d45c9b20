"""The shop at work beside the view."""

import threading
from types import TracebackType

from schemas.settings import Settings
from streams.shop.catalog import Catalog
from streams.shop.live import LiveSummary, send_live
from streams.shop.outbox import Emitted
from streams.shop.settings import SimulationSettings


class ShopRun:
    """Sends a run of the shop to Kafka in a thread of its own; the end of the block stops it."""

    def __init__(self, simulation: SimulationSettings, settings: Settings, shop: Catalog, speed: float) -> None:
        self._arguments = (simulation, settings)
        self._shop = shop
        self._speed = speed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shop", daemon=True)
        self._failure: Exception | None = None
        self.summary: LiveSummary | None = None
        """What was sent, once all is sent."""
        self.now_ms = simulation.start_ms
        """The latest arrival, event time."""

    def check(self) -> None:
        """Raise what went wrong in the thread."""
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> "ShopRun":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        try:
            self.summary = send_live(
                *self._arguments, speed=self._speed, finish=True, shop=self._shop, progress=self._step
            )
        except _StoppedError:
            pass
        except Exception as error:  # noqa: BLE001 - raised by `check`, in the thread that can tell people
            self._failure = error

    def _step(self, emitted: Emitted) -> None:
        self.now_ms = emitted.arrival_ms
        if self._stop.is_set():
            raise _StoppedError


class _StoppedError(Exception):
    """The demo ends before the shop does."""
