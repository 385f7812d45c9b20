"""Both long benches, made small: their figures mean nothing, but all that they do happens."""

import msgspec
import pytest

from schemas.settings import Settings
from streams.bench import recover, scale
from streams.bench.options import Options
from streams.bench.report import Figure


def by_name(figures: list[Figure]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures}


@pytest.mark.kafka
def test_scale_gives_the_cost_of_every_size_and_of_two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.bench.two_workers.SESSION_TIMEOUT_S", 8)  # so little is sent while they stand still
    told: list[str] = []
    found = by_name(scale.bench(Options(Settings(), runs=1, searches=300, rate=5.0, tell=told.append)))
    sizes = ["evaluate_1000_events_100_open", "evaluate_10000_events_1000_open", "evaluate_100000_events_10000_open"]
    assert [name for name in found if name.startswith("evaluate_")] == sizes
    assert all(found[name].value for name in sizes), told
    assert found["scale_flatness"].target == "≤ 1.15"
    assert found["two_workers_overhead"].value is not None, told


@pytest.mark.kafka
def test_recover_kills_and_counts_right_again() -> None:
    told: list[str] = []
    # Six seconds are the least that a broker takes.
    settings = msgspec.structs.replace(Settings(), kafka=msgspec.structs.replace(Settings().kafka, session_timeout_s=6))
    options = Options(settings, runs=1, searches=60_000, rate=0.0, tell=told.append)
    found = by_name(recover.bench(options, workers=(1,)))
    assert found["recover_counts_equal"].value == 1.0, told
    recovered, from_kill = found["recover_s"].value, found["recover_from_kill_s"].value
    assert recovered is not None
    assert from_kill is not None
    assert 0 < recovered < from_kill
