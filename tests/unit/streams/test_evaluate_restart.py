"""What a partition of evaluate takes over, and why not."""

import msgspec
import pytest

from detectors.checkpoint import Checkpoint, LogMark
from schemas.errors import CommitUnreadable, FoldSettingsChanged, MatchwatchError
from streams.stages.evaluate_restart import Restart, read_restart
from streams.transport import Committed, OffsetsBeyondLog

POINT = Checkpoint(LogMark(10, 5, 3), LogMark(20, 5), {0: 1, 60: 1}, {"accepted_searches": 7}, "hash", source_offset=50)


def commit(offset: int | None, metadata: str = "", log_start: int = 0) -> Committed:
    return Committed(offset, metadata or POINT.encode(), log_start, 1000)


def restart(scores: Committed, clicks: Committed, *, source_end: int = 51, anew: bool = False) -> Restart:
    return read_restart(1, scores, clicks, source_end, "hash", from_next_cohort=anew)


def test_a_commit_is_gone_on_from() -> None:
    assert restart(commit(15), commit(25)) == Restart(POINT)


def test_a_commit_of_an_older_program_without_a_source_offset_is_gone_on_from() -> None:
    plain = msgspec.json.decode(POINT.encode())
    del plain["source_offset"]
    text = msgspec.json.encode(plain).decode()
    found = restart(commit(15, text), commit(25, text), source_end=0)
    assert found == Restart(msgspec.structs.replace(POINT, source_offset=-1))


def test_without_any_commit_a_log_that_begins_later_has_cohorts_that_are_not_whole() -> None:
    assert restart(commit(None), commit(None, log_start=9)) == Restart()
    assert restart(commit(None, log_start=9), commit(None)) == Restart(None, leave_out=True, reason="no_commit")


@pytest.mark.parametrize(("starts"), [(11, 0), (0, 21)])
def test_a_log_that_begins_behind_what_open_cohorts_need_leaves_them_out(starts: tuple[int, int]) -> None:
    found = restart(commit(15, log_start=starts[0]), commit(25, log_start=starts[1]))
    assert found == Restart(None, leave_out=True, reason="log_start")


@pytest.mark.parametrize(
    ("scores", "clicks", "source_end", "refusal"),
    [
        (commit(15, "\0"), commit(25), 51, (CommitUnreadable, "set by another tool", "commit_unreadable")),
        (commit(15, "{"), commit(25), 51, (CommitUnreadable, "commit metadata '{'", "commit_unreadable")),
        (commit(15, '{"x":' + "[" * 4000), commit(25), 51, (CommitUnreadable, "recursion", "commit_unreadable")),
        (commit(15, "\ud800"), commit(25), 51, (CommitUnreadable, "surrogates", "commit_unreadable")),
        (commit(None), commit(25), 51, (CommitUnreadable, "no commit of match-scores", "commit_unreadable")),
        (commit(15), commit(None), 51, (CommitUnreadable, "no commit of click-events", "commit_unreadable")),
        (
            commit(15, msgspec.structs.replace(POINT, version=9).encode()),
            commit(25),
            51,
            (CommitUnreadable, "version 9, this program reads 1; run the version that wrote it", "commit_unreadable"),
        ),
        (commit(15), commit(25), 50, (OffsetsBeyondLog, "counted up to 50, and it ends at 50", "source_renewed")),
        (
            commit(15, msgspec.structs.replace(POINT, settings="other").encode()),
            commit(25, msgspec.structs.replace(POINT, settings="other").encode()),
            51,
            (FoldSettingsChanged, "restore [fold]", "fold_settings"),
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_cure_and_begun_anew_on_demand(
    scores: Committed, clicks: Committed, source_end: int, refusal: tuple[type[MatchwatchError], str, str]
) -> None:
    error, words, reason = refusal
    with pytest.raises(error) as raised:
        restart(scores, clicks, source_end=source_end)
    told = str(raised.value)
    assert told.startswith("partition 1: ")
    assert words in told
    assert "start with --from-next-cohort" in told
    assert restart(scores, clicks, source_end=source_end, anew=True) == Restart(None, leave_out=True, reason=reason)
