"""Record batches from Kafka to a stage, and its commits back: the only room that knows Faust's private names."""

from streams.transport.app import StageApp, make_app
from streams.transport.batch import TP, Commit, Committed, Record, RecordBatch
from streams.transport.errors import (
    CommitFailed,
    CommitMetadataTooLarge,
    OffsetsBeyondLog,
    PositionLost,
    RecordTooLarge,
    SendFailed,
    TopicMissing,
)
from streams.transport.limits import Limits
from streams.transport.ordered_producer import MAX_RECORD_BYTES, OrderedProducer, OutRecord
from streams.transport.read_all import ReadAll
from streams.transport.run import run_worker
from streams.transport.stage import Source, Stage

__all__ = [
    "MAX_RECORD_BYTES",
    "TP",
    "Commit",
    "CommitFailed",
    "CommitMetadataTooLarge",
    "Committed",
    "Limits",
    "OffsetsBeyondLog",
    "OrderedProducer",
    "OutRecord",
    "PositionLost",
    "ReadAll",
    "Record",
    "RecordBatch",
    "RecordTooLarge",
    "SendFailed",
    "Source",
    "Stage",
    "StageApp",
    "TopicMissing",
    "make_app",
    "run_worker",
]
