"""What evaluate takes over from the last owner of a partition, and what it does where that cannot be used."""

import logging
from typing import Final, NamedTuple

from detectors.checkpoint import Checkpoint
from schemas.errors import CommitUnreadable, FoldSettingsChanged
from streams.transport import Committed, OffsetsBeyondLog

_log = logging.getLogger(__name__)

SETTINGS_CHANGED: Final = "fold_settings"
UNREADABLE: Final = "commit_unreadable"
LOG_GONE: Final = "log_start"
NO_COMMIT: Final = "no_commit"


class Restart(NamedTuple):
    """Where a partition begins."""

    checkpoint: Checkpoint | None = None
    leave_out: bool = False
    """Whether the cohorts that may have begun before what is read are left out: they would not be whole."""
    reason: str = ""
    """Why the last commit is not gone on from; empty where it is, and where there is nothing to go on from."""


def read_restart(
    partition: int, scores: Committed, clicks: Committed, settings_hash: str, *, from_next_cohort: bool
) -> Restart:
    """Read what the last owner committed.

    Args:
        partition: its number.
        scores: of its match-scores.
        clicks: of its click-events.
        settings_hash: of the settings that shape the fold, now.
        from_next_cohort: begin anew where the commit cannot be used.

    Raises:
        FoldSettingsChanged: other settings were in force.
        CommitUnreadable: the metadata is not ours.
    """
    texts = [state.metadata for state in (scores, clicks) if state.offset is not None]
    if not texts:
        if scores.log_start == 0:
            return Restart()  # nobody has read this before, and nothing is missing
        _log.error(
            "partition %d: there is no commit, and match-scores begins at %d: the first cohorts are left out, for they "
            "may not be whole; was the group away for longer than the broker's offsets.retention.minutes?",
            *(partition, scores.log_start),
        )
        return Restart(None, leave_out=True, reason=NO_COMMIT)
    try:
        checkpoint = _usable(partition, texts, settings_hash)
    except (FoldSettingsChanged, CommitUnreadable) as error:
        if not from_next_cohort:
            raise
        _log.warning("beginning with the next cohort: %s", error)
        changed = isinstance(error, FoldSettingsChanged)
        return Restart(None, leave_out=True, reason=SETTINGS_CHANGED if changed else UNREADABLE)
    if checkpoint.scores.offset < scores.log_start or checkpoint.clicks.offset < clicks.log_start:
        _log.error(
            "partition %d: the log begins at %d and %d, behind what open cohorts need (%d and %d): they are left out; "
            "keep the topics longer than the longest horizon",
            *(partition, scores.log_start, clicks.log_start, checkpoint.scores.offset, checkpoint.clicks.offset),
        )
        return Restart(None, leave_out=True, reason=LOG_GONE)
    return Restart(checkpoint)


def check_source(topic: str, partition: int, checkpoint: Checkpoint, log_end: int) -> None:
    """See that the topic which score reads is still the one that was counted.

    Score would begin again at its start, and every search in it would be taken for one that is known.

    Args:
        topic: full name of search-events.
        partition: its number.
        checkpoint: says up to where its searches have been counted.
        log_end: where it ends now.

    Raises:
        OffsetsBeyondLog: searches were counted that it does not reach.
    """
    if checkpoint.source_offset >= log_end:
        raise OffsetsBeyondLog(
            f"searches of {topic}[{partition}] were counted up to {checkpoint.source_offset}, and it ends at "
            f"{log_end}: the topic was created anew, and others still hold what was made of the old one; choose "
            "another kafka.topic_prefix and kafka.group_prefix"
        )


def _usable(partition: int, texts: list[str], settings_hash: str) -> Checkpoint:
    try:
        checkpoints = [Checkpoint.decode(text) for text in texts]
    except CommitUnreadable as error:
        raise CommitUnreadable(f"partition {partition}: {error}") from error
    checkpoint = checkpoints[0]
    for other in checkpoints[1:]:
        checkpoint = checkpoint if other == checkpoint else checkpoint.joined(other)
    if checkpoint.settings != settings_hash:
        raise FoldSettingsChanged(
            f"partition {partition}: the settings that shape the fold have hash {settings_hash}, those of the last "
            f"commit {checkpoint.settings}: restore [fold] (all but idle_timeout_s and align_s), or start with "
            "--from-next-cohort, which leaves the open cohorts out"
        )
    return checkpoint
