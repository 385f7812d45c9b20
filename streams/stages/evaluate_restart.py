"""What evaluate takes over from the last owner of a partition, and what it does where that cannot be used."""

import logging
from typing import Final, NamedTuple

from detectors.checkpoint import Checkpoint
from schemas.errors import CommitUnreadable, FoldSettingsChanged, MatchwatchError
from streams.transport import Committed, OffsetsBeyondLog

_log = logging.getLogger(__name__)

LOG_GONE: Final = "log_start"
NO_COMMIT: Final = "no_commit"
_REFUSED: Final[dict[type[MatchwatchError], str]] = {
    FoldSettingsChanged: "fold_settings",
    CommitUnreadable: "commit_unreadable",
    OffsetsBeyondLog: "source_renewed",
}


class Restart(NamedTuple):
    """Where a partition begins."""

    checkpoint: Checkpoint | None = None
    leave_out: bool = False
    """Whether the cohorts that may have begun before what is read are left out: they would not be whole."""
    reason: str = ""
    """Why the last commit is not gone on from; empty where it is, and where there is nothing to go on from."""


def read_restart(
    partition: int,
    scores: Committed,
    clicks: Committed,
    source_end: int,
    settings_hash: str,
    *,
    from_next_cohort: bool,
) -> Restart:
    """Read what the last owner committed.

    Args:
        partition: its number.
        scores: of its match-scores.
        clicks: of its click-events.
        source_end: where its search-events ends now.
        settings_hash: of the settings that shape the fold, now.
        from_next_cohort: begin anew where the commit cannot be used.

    Raises:
        FoldSettingsChanged: other settings were in force.
        CommitUnreadable: the metadata is not ours, or one of the two topics has no commit any more.
        OffsetsBeyondLog: search-events was made anew.
    """
    if scores.offset is None and clicks.offset is None:
        if scores.log_start == 0:
            return Restart()  # nobody has read this before, and nothing is missing
        _log.error(
            "partition %d: there is no commit, and match-scores begins at %d: the first cohorts are left out, for they "
            "may not be whole; was the group away for longer than the broker's offsets.retention.minutes?",
            *(partition, scores.log_start),
        )
        return Restart(None, leave_out=True, reason=NO_COMMIT)
    try:
        checkpoint = _usable(scores, clicks, source_end, settings_hash)
    except tuple(_REFUSED) as error:
        told = f"partition {partition}: {error}"
        if not from_next_cohort:
            raise type(error)(f"{told}; start with --from-next-cohort, which leaves the open cohorts out") from error
        _log.warning("%s: beginning with the next cohort", told)
        return Restart(None, leave_out=True, reason=_REFUSED[type(error)])
    if checkpoint.scores.offset < scores.log_start or checkpoint.clicks.offset < clicks.log_start:
        _log.error(
            "partition %d: the log begins at %d and %d, behind what open cohorts need (%d and %d): they are left out; "
            "keep the topics longer than the longest horizon",
            *(partition, scores.log_start, clicks.log_start, checkpoint.scores.offset, checkpoint.clicks.offset),
        )
        return Restart(None, leave_out=True, reason=LOG_GONE)
    return Restart(checkpoint)


def _usable(scores: Committed, clicks: Committed, source_end: int, settings_hash: str) -> Checkpoint:
    if scores.offset is None or clicks.offset is None:
        # Both are committed at once, and a topic takes its commits with it.
        gone = "match-scores" if scores.offset is None else "click-events"
        raise CommitUnreadable(f"there is no commit of {gone}: it was deleted and made anew")
    mine, other = Checkpoint.decode(scores.metadata), Checkpoint.decode(clicks.metadata)
    checkpoint = mine if mine == other else mine.joined(other)
    if checkpoint.settings != settings_hash:
        raise FoldSettingsChanged(
            f"the settings that shape the fold have hash {settings_hash}, those of the last commit "
            f"{checkpoint.settings}: restore [fold] (all but idle_timeout_s and align_s)"
        )
    if checkpoint.source_offset >= source_end:
        # Score begins at its start, and every search in it would be taken for one that is known.
        raise OffsetsBeyondLog(
            f"searches of search-events were counted up to {checkpoint.source_offset}, and it ends at {source_end}: "
            "it was deleted and made anew"
        )
    return checkpoint
