"""Both long benches, made small: their figures mean nothing, but all that they do happens."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec
import pytest

from schemas.settings import Settings
from streams.bench import recover, scale
from streams.bench.options import Options
from streams.bench.report import Figure
from streams.bench.stand import Stand
from streams.stack.lifeline import Lifeline

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


@pytest.fixture
def stand(
    kafka: str, redis_url: str, lifeline: Lifeline, tmp_path: Path
) -> Callable[[Settings, Callable[[str], None]], AbstractContextManager[Stand]]:
    """Where benches run, on the servers of the session: they need not be started once more."""

    def make(settings: Settings, tell: Callable[[str], None]) -> AbstractContextManager[Stand]:
        own = msgspec.structs.replace(
            settings,
            kafka=msgspec.structs.replace(settings.kafka, brokers=kafka),
            redis=msgspec.structs.replace(settings.redis, url=redis_url),
            score=msgspec.structs.replace(settings.score, models_dir=str(Path(settings.score.models_dir).resolve())),
        )
        return nullcontext(Stand(own, lifeline, tmp_path, tell))

    return make


def by_name(figures: list[Figure]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures}


def test_scale_gives_the_cost_of_every_size_and_of_two_workers(
    monkeypatch: pytest.MonkeyPatch, stand: Callable[..., AbstractContextManager[Stand]]
) -> None:
    monkeypatch.setattr("streams.bench.scale.stand", stand)
    monkeypatch.setattr("streams.bench.two_workers.SESSION_TIMEOUT_S", 8)  # so little is sent while they stand still
    told: list[str] = []
    found = by_name(scale.bench(Options(Settings(), runs=1, searches=300, rate=5.0, tell=told.append)))
    sizes = ["evaluate_1000_events_100_open", "evaluate_10000_events_1000_open", "evaluate_100000_events_10000_open"]
    assert [name for name in found if name.startswith("evaluate_")] == sizes
    assert all(found[name].value for name in sizes), told
    assert found["scale_flatness"].target == "≤ 1.15"
    assert found["two_workers_overhead"].value is not None, told


def test_recover_kills_and_counts_right_again(
    monkeypatch: pytest.MonkeyPatch, stand: Callable[..., AbstractContextManager[Stand]]
) -> None:
    monkeypatch.setattr("streams.bench.recover.stand", stand)
    told: list[str] = []
    # Six seconds are the least that a broker takes.
    settings = msgspec.structs.replace(Settings(), kafka=msgspec.structs.replace(Settings().kafka, session_timeout_s=6))
    options = Options(settings, runs=1, searches=30_000, rate=0.0, tell=told.append)
    found = by_name(recover.bench(options, workers=(1,)))
    assert found["recover_counts_equal"].value == 1.0, told
    recovered, from_kill = found["recover_s"].value, found["recover_from_kill_s"].value
    assert recovered is not None
    assert from_kill is not None
    assert 0 < recovered < from_kill
