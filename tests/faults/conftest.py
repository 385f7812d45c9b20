"""What scenes share: a dirty recording, settings with short horizons, and a place for the lines that they print."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schemas.config import parse_settings
from streams.kafka_admin import connect, ensure_topics
from streams.stack.lifeline import Lifeline
from streams.stack.ports import free_ports
from tests.faults.broker import Broker
from tests.faults.feed import make_recording
from tests.faults.moments import SeededMoments
from tests.faults.proxy import Proxy
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


SceneMaker = Callable[..., Scene]


@pytest.fixture
def make_scene(request: pytest.FixtureRequest, recording: Path, tmp_path: Path, tell: Tell) -> SceneMaker:
    """Make a scene with topics of its own; further options are those of `Scene`.

    `brokers` and `redis` are servers of the test's own; without them the session's are started.
    """

    def make(
        title: str,
        *,
        brokers: str | None = None,
        redis: str | None = None,
        fold: dict[str, object] | None = None,
        kafka: dict[str, object] | None = None,
        score: dict[str, object] | None = None,
        **options: object,
    ) -> Scene:
        name = uuid.uuid4().hex[:10]
        sections = {
            "kafka": {
                "brokers": brokers or request.getfixturevalue("kafka"),
                "topic_prefix": f"t{name}-",
                "group_prefix": f"g{name}",
                "session_timeout_s": SESSION_S,
                **(kafka or {}),
            },
            "redis": {"url": redis or request.getfixturevalue("redis_url")},
            "fold": {**FOLD, **(fold or {})},
            "detect": {"state_every_s": 5},
            "score": score or {},
        }
        settings = parse_settings(sections, {})
        ensure_topics(connect(settings.kafka), settings.kafka)
        return Scene(title, settings, options.pop("recording", recording), tmp_path, tell, **options)

    return make


@pytest.fixture(scope="session")
def own_broker(tmp_path_factory: pytest.TempPathFactory, lifeline: Lifeline) -> Iterator[Broker]:
    """A broker that may be hurt; a test leaves it running."""
    broker = Broker(tmp_path_factory.mktemp("own-broker"), lifeline)
    yield broker
    broker.close()


@pytest.fixture(scope="session")
def proxied(tmp_path_factory: pytest.TempPathFactory, lifeline: Lifeline) -> Iterator[Proxy]:
    """A broker that all clients reach through a proxy."""
    proxy = Proxy(free_ports(1)[0])
    home = tmp_path_factory.mktemp("proxied-broker")
    broker = Broker(home, lifeline, {"advertised.listeners": f"PLAINTEXT://{proxy.address}"})
    proxy.lead_to(broker.address)
    yield proxy
    proxy.close()
    broker.close()


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> SeededMoments:
    """Random moments from a seed that is printed; `--fault-seed` gives them again."""
    return SeededMoments(request.config.getoption("--fault-seed"))
