"""What must be there before a worker starts: a broker, its topics, Redis, and the live model whole."""

import logging
import time
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from inference.pool import ModelName
from inference.repository import ModelRepository
from schemas.errors import ServerUnavailable
from schemas.settings import RedisSettings, Settings
from streams.kafka_admin import connect, ensure_topics
from streams.models_folder import models_folder

_PROBE_S: Final = 2.0
_RETRY_S: Final = 0.5

_log = logging.getLogger(__name__)


def check_servers(settings: Settings, wait_s: float = 0.0) -> None:
    """See that Kafka has the catalogue's topics, making those that are missing, and that Redis answers.

    Args:
        settings: where they are.
        wait_s: how long to try again while one is absent; 0 asks once.

    Raises:
        ServerUnavailable: one does not answer.
        TopicMismatch: a topic is not as the catalogue says, so that records would be lost.
    """
    made = ensure_topics(connect(settings.kafka, wait_s), settings.kafka, keep_s=settings.fold.keep_s)
    if made:
        _log.warning("made topics that were missing: %s", ", ".join(made))
    deadline_s = time.monotonic() + wait_s
    while redis_problem(settings.redis):
        if time.monotonic() >= deadline_s:
            raise ServerUnavailable(
                f"no Redis answers at {settings.redis.shown_url}: start one with `matchwatch up`, or set redis.url"
            )
        time.sleep(_RETRY_S)


def check_model(settings: Settings) -> None:
    """See that the files of the model that is live at the start are as its manifest says; a remote pool has its own.

    Raises:
        ModelRefused: one is missing or changed; the message names its path.
    """
    if settings.score.pool == "remote":
        return
    live = settings.score.live
    ModelRepository(models_folder(settings.score.models_dir)).read(ModelName(live.name, live.version))


def redis_problem(settings: RedisSettings) -> str:
    """Ask Redis once: "" if it answers, else the kind of the problem; never its words, which may hold the URL."""
    try:
        with Redis.from_url(settings.url, socket_timeout=_PROBE_S, socket_connect_timeout=_PROBE_S) as redis:
            return "" if redis.ping() else "no PONG"
    except (RedisError, OSError) as error:
        return type(error).__name__
