"""How the demo shows itself: a live view in a terminal, plain lines elsewhere."""

from types import TracebackType
from typing import Final, Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from schemas.alerts import Alert
from schemas.events import Deployment
from streams.demo.board import SURFACES
from streams.demo.screen import Screen, alert_line, deployment_line
from streams.demo.story import Story

_LINE_EVERY_MINUTES: Final = 5


class View(Protocol):
    """Shows a story while it happens; used as a context around the run."""

    def happened(self, what: Alert | Deployment) -> None:
        """Something that people should hear of at once."""

    def refresh(self) -> None:
        """The story has moved on; called several times a second."""

    def __enter__(self) -> "View": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class LiveView:
    """Draws one screen over and over."""

    def __init__(self, console: Console, story: Story, fault: str, speed: float) -> None:
        screen = Screen(story, fault, speed)
        self._live = Live(screen, console=console, auto_refresh=False, vertical_overflow="crop")

    def happened(self, what: Alert | Deployment) -> None:
        """The screen shows it by itself."""

    def refresh(self) -> None:
        """Draw again."""
        self._live.refresh()

    def __enter__(self) -> "LiveView":
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()


class LineView:
    """Writes a line for each thing that happens, and one now and then on how it goes."""

    def __init__(self, console: Console, story: Story) -> None:
        self._console = console
        self._story = story
        self._next_minute = _LINE_EVERY_MINUTES

    def happened(self, what: Alert | Deployment) -> None:
        """Write it as a line."""
        start_ms = self._story.simulation.start_ms
        if isinstance(what, Alert):
            self._print(alert_line(what, start_ms))
        elif what.time_ms >= start_ms:
            self._print(deployment_line(what, start_ms))

    def refresh(self) -> None:
        """Write how it goes, every few minutes of event time."""
        story = self._story
        if story.minute < self._next_minute:
            return
        counts, surface = story.counts, SURFACES[0]
        ctr, match = (story.board.now(surface, signal) for signal in ("ctr", "match_at_10"))
        shown = ", ".join(f"{name} {value:.3f}" for name, value in (("CTR", ctr), ("match@10", match)) if value)
        self._print(
            Text(
                f"{self._next_minute:02d}:00   {counts.searches:,} searches, {counts.clicks:,} clicks, "
                f"{counts.late} late, {counts.dead_letters} dead letters; {surface}: {shown or 'nothing yet'}"
            )
        )
        self._next_minute += _LINE_EVERY_MINUTES

    def _print(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)

    def __enter__(self) -> "LineView":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None
