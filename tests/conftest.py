"""What all tests share: a real Kafka and a real Redis, once a session, and names that no other test uses."""

import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings

from schemas.config import parse_settings
from schemas.settings import Settings
from streams.kafka_admin import connect, ensure_topics
from streams.stack.kafka import start_kafka
from streams.stack.lifeline import Lifeline
from streams.stack.process import stop
from streams.stack.redis import start_redis

# A mutation's test need only fail, not on the smallest example: looking for that takes a minute.
hypothesis_settings.register_profile("first-failure", phases=[Phase.explicit, Phase.generate])
IN_CI = os.environ.get("CI") == "true"
SKIPPED_IN_CI = "skipped, which fails with CI=true: "


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the fault tests; here, since pytest asks only the first folder for options."""
    parser.addoption("--long", action="store_true", help="also the soaks: many faults in a row, for minutes")
    parser.addoption("--soak-minutes", type=float, default=10.0, help="how long a soak goes on, with --long")
    parser.addoption("--fault-seed", type=int, help="seed of random moments; drawn and printed if not given")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave soaks out, unless they are asked for; a skip would fail in CI."""
    soaks = [item for item in items if item.get_closest_marker("soak") and not config.getoption("--long")]
    if soaks:
        config.hook.pytest_deselected(items=soaks)
        items[:] = [item for item in items if item not in soaks]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """With CI=true a skipped test is a failure: there, nothing may be missing."""
    report = yield
    return _not_skipped(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    """The same for a whole file that skips itself."""
    report = yield
    return _not_skipped(report)


def _not_skipped(report: Any) -> Any:
    if IN_CI and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.longrepr = SKIPPED_IN_CI + str(reason)
    return report


@pytest.fixture(scope="session")
def lifeline() -> Iterator[Lifeline]:
    """Servers tied to it end with the test run, also when it is killed."""
    with Lifeline() as held:
        yield held


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory, lifeline: Lifeline) -> Iterator[str]:
    """A real Kafka: its address, host:port."""
    brokers, server = start_kafka(tmp_path_factory.mktemp("kafka"), tie=lifeline.tie)
    yield brokers
    stop(server, grace_s=0)  # nobody reads its records again


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory, lifeline: Lifeline) -> Iterator[str]:
    """A real Redis: its URL."""
    url, server = start_redis(tmp_path_factory.mktemp("redis"), tie=lifeline.tie)
    yield url
    stop(server)


@pytest.fixture
def fresh_settings(kafka: str) -> Callable[..., Settings]:
    """Settings for the session's Kafka with topics and groups of their own.

    Keyword arguments are further sections: `fresh_settings(fold={"bucket_s": 5}, kafka={"partitions": 2})`. Each call
    draws new names, unless `kafka` gives `topic_prefix` and `group_prefix`.
    """

    def make(**sections: dict[str, Any]) -> Settings:
        name = uuid.uuid4().hex[:10]
        names = {"brokers": kafka, "topic_prefix": f"t{name}-", "group_prefix": f"g{name}"}
        return parse_settings({**sections, "kafka": {**names, **sections.get("kafka", {})}}, {})

    return make


@pytest.fixture
def settings(fresh_settings: Callable[..., Settings], redis_url: str) -> Settings:
    """Settings for the session's Kafka and Redis, with the catalogue's topics made under names of their own."""
    made = fresh_settings(redis={"url": redis_url})
    ensure_topics(connect(made.kafka), made.kafka)
    return made
