from collections.abc import Mapping
from pathlib import Path

import pytest

from streams.transport import TP, Commit, Committed, OffsetsBeyondLog, RecordBatch, Stage, make_app
from streams.transport.commit_request import check_metadata
from streams.transport.driver import seek_offset
from streams.transport.errors import CommitFailed, CommitMetadataTooLarge
from streams.transport.stage import Source

SEARCHES = TP("search-events", 2)


class Idle(Stage):
    async def on_assigned(self, committed: Mapping[TP, Committed]) -> Mapping[TP, int]:
        return dict.fromkeys(committed, 0)

    async def on_batch(self, batch: RecordBatch) -> None:
        raise AssertionError(batch)


def test_bare_environment_variables_change_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("APP_ID", "BROKER_URL", "BROKER_SESSION_TIMEOUT", "TABLE_STANDBY_REPLICAS", "TOPIC_ALLOW_DECLARE"):
        monkeypatch.setenv(name, "7")
        monkeypatch.setenv(f"MATCHWATCH_FAUST_{name}", "7")
    app = make_app("score", Idle(), brokers="h1:1,h2:2", group="g", topics=["search-events"])
    assert app.conf.id == "g"
    assert [str(url) for url in app.conf.broker] == ["kafka://h1:1", "kafka://h2:2"]
    assert app.conf.broker_session_timeout == 10
    assert app.conf.table_standby_replicas == 1
    assert app.conf.topic_allow_declare is False
    assert app.conf.topic_disable_leader is True
    assert app.conf.web_enabled is False
    assert list(tmp_path.iterdir()) == []


async def test_a_source_without_an_assignment_commits_nothing() -> None:
    stage = Idle()
    make_app("score", stage, brokers="h:1", group="g", topics=["search-events"])
    source: Source = stage.source
    assert source.generation is None
    with pytest.raises(CommitFailed, match="revoked"):
        await source.commit({})


@pytest.mark.parametrize(
    ("committed", "wanted", "sought"),
    [
        (None, None, 5),
        (None, 7, 7),
        (8, None, 8),
        (8, 6, 6),
        (8, 2, 5),
        (3, None, 5),
    ],
)
def test_reading_goes_on_where_the_stage_wants_but_never_below_the_log(
    committed: int | None, wanted: int | None, sought: int
) -> None:
    assert seek_offset(SEARCHES, Committed(committed, "", log_start=5, log_end=9), wanted) == sought


def test_a_commit_beyond_the_log_is_refused_with_its_cure() -> None:
    with pytest.raises(OffsetsBeyondLog, match=r"search-events\[2\].* up to 10.*ends at 9.*topic_prefix"):
        seek_offset(SEARCHES, Committed(10, "", log_start=5, log_end=9), None)


def test_a_stage_that_wants_to_read_beyond_the_log_has_state_of_an_older_topic() -> None:
    with pytest.raises(OffsetsBeyondLog, match=r"up to 12.*ends at 9"):
        seek_offset(SEARCHES, Committed(None, "", log_start=0, log_end=9), 12)


def test_metadata_beyond_the_brokers_limit_is_refused_in_bytes_not_characters() -> None:
    check_metadata({SEARCHES: Commit(1, "鞋" * 1365)})
    with pytest.raises(CommitMetadataTooLarge, match=r"search-events\[2\] has 4098 bytes"):
        check_metadata({SEARCHES: Commit(1, "鞋" * 1366)})
