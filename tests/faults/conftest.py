"""What scenes share: a dirty recording, settings with short horizons, and a place for the lines that they print."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schemas.settings import Settings
from streams.kafka_admin import connect, ensure_topics
from tests.faults.feed import make_recording
from tests.faults.scene import Scene, Tell

FOLD = {"horizons_s": [60, 180]}
"""The longest horizon passes within the load, so that cohorts close and are forgotten before, in and after a fault."""
SESSION_S = 6
"""The shortest that a broker allows by default."""
_LINES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes of a shop, dirty, that pass in fifteen seconds."""
    return make_recording(tmp_path_factory.mktemp("recording"))


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Iterator[Tell]:
    """Print a line at once, past the capture, and once more at the end of the run."""
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    lines = request.config.stash.setdefault(_LINES, [])

    def write(line: str) -> None:
        lines.append(line)
        capture = request.config.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(f"  {line}")

    return write


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print all lines together: fault by fault, with counts."""
    lines = config.stash.get(_LINES, [])
    if lines:
        terminalreporter.section("faults")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def scene(
    fresh_settings: Callable[..., Settings], redis_url: str, recording: Path, tmp_path: Path, tell: Tell
) -> Callable[..., Scene]:
    """Make a scene on the session's broker, with topics of its own: `scene(title, keep=..., speed=...)`."""

    def make(title: str, *, fold: dict[str, object] | None = None, **options: object) -> Scene:
        settings = fresh_settings(
            redis={"url": redis_url},
            fold={**FOLD, **(fold or {})},
            detect={"state_every_s": 5},
            kafka={"session_timeout_s": SESSION_S},
        )
        ensure_topics(connect(settings.kafka), settings.kafka)
        return Scene(title, settings, recording, tmp_path, tell, **options)

    return make
