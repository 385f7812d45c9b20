"""The short form of `make fuzz`: whatever is sent, nothing stops, and every record is accounted for."""

import logging
from collections import Counter
from pathlib import Path

import pytest

from schemas.settings import Settings
from tests.fuzz.broker import fuzz_broker
from tests.fuzz.inner import fuzz_inner
from tests.fuzz.run import fuzz

SEED = 20_261


def test_records_through_all_stages_in_process_have_one_verdict_each_and_the_counters_say_so() -> None:
    report = fuzz(100_000, SEED)
    assert not report.disagreements, (SEED, len(report.disagreements), report.disagreements[:3])
    assert report.mutated > 60_000
    for outcome in ("accepted", "invalid", "late", "repeated"):
        assert report.outcomes[f"search-events {outcome}"] > 0, report.outcomes
    for outcome in ("matched", "unmatched", "unknown action", "invalid", "late"):
        assert report.outcomes[f"click-events {outcome}"] > 0, report.outcomes
    assert len({name.split()[1] for name in report.reasons}) >= 15, report.reasons


def test_broken_records_in_our_own_topics_are_left_out_and_stop_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1)
    counts = fuzz_inner(4_000, SEED)
    for topic in ("match-scores", "rollups", "detector-state", "commit metadata"):
        assert counts[f"{topic} left out"] > 0, (SEED, counts)
        assert counts[f"{topic} read"] > 0, (SEED, counts)


@pytest.mark.kafka
@pytest.mark.redis
def test_records_through_the_stages_on_a_broker_are_dead_letters_or_counted(settings: Settings, tmp_path: Path) -> None:
    report = fuzz_broker(20_000, SEED, settings, tmp_path)
    assert not report.disagreements, (SEED, len(report.disagreements), report.disagreements[:3])
    assert report.sent.total() == 20_000
    assert Counter(report.outcomes)["search-events invalid"] > 1_000
