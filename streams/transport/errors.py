"""What can go wrong between a stage and the broker, and what the system does about it."""

from schemas.errors import MatchwatchError


class CommitFailed(MatchwatchError):
    """The generation is lost, nothing was committed: the stage waits for `on_revoked`, its successor reads again."""


class CommitMetadataTooLarge(MatchwatchError):
    """Commit metadata exceeds what the broker keeps: the worker stops before its offsets move."""


class OffsetsBeyondLog(MatchwatchError):
    """A committed offset lies beyond its log, so the topic was created anew: the worker does not start."""


class PositionLost(MatchwatchError):
    """The log begins behind where a worker reads: it stops, and its successor reads on from where the log begins."""


class SendFailed(MatchwatchError):
    """A batch was refused or found no leader: the worker stops before its offsets move, its successor sends again."""


class RecordTooLarge(SendFailed):
    """One record exceeds what the topic takes: whoever made it must cut it; the worker stops."""


class TopicMissing(MatchwatchError):
    """The topic does not exist: `matchwatch topics` creates it."""
