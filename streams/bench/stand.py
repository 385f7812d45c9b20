"""Where benches run: a broker and a Redis of their own, and a folder for what their programs print."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from schemas.settings import Settings
from streams.stack.lifeline import Lifeline
from streams.stack.stack import in_front


@dataclass(frozen=True, slots=True)
class Stand:
    """What all runs of a bench share."""

    settings: Settings
    """With the addresses of the bench's own servers."""
    lifeline: Lifeline
    folder: Path
    tell: Callable[[str], None]
    """Told what goes on, in one line."""


@contextmanager
def stand(settings: Settings, tell: Callable[[str], None]) -> Iterator[Stand]:
    """Start the servers; they end with the block.

    Raises:
        ServerUnavailable: one of them did not start.
    """
    with (
        tempfile.TemporaryDirectory(prefix="matchwatch-bench-") as folder,
        in_front(settings.kafka, tell=tell) as (stack, lifeline),
    ):
        kafka = msgspec.structs.replace(settings.kafka, brokers=stack.kafka.address)
        redis = msgspec.structs.replace(settings.redis, url=stack.redis.address)
        models = str(Path(settings.score.models_dir).resolve())
        own = msgspec.structs.replace(
            settings, kafka=kafka, redis=redis, score=msgspec.structs.replace(settings.score, models_dir=models)
        )
        yield Stand(own, lifeline, Path(folder), tell)
