"""A run of the shop sent to Kafka while it happens, in event time that may pass faster than ours."""

from collections.abc import Callable
from typing import Final

import msgspec

from schemas.settings import Settings
from schemas.topics import CATALOG_ITEMS, CLICK_EVENTS, MODEL_EVENTS, SEARCH_EVENTS
from streams.control import arrival_headers
from streams.replay.pace import Pace
from streams.replay.replay import finish_watermark_ms, send_watermark
from streams.replay.sender import Sender
from streams.shop.catalog import Catalog
from streams.shop.outbox import Emitted
from streams.shop.settings import SimulationSettings
from streams.shop.simulation import simulate

_CONFIRMED: Final = frozenset({CATALOG_ITEMS.name, MODEL_EVENTS.name})


class LiveSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a live run sent."""

    sent: dict[str, int]
    """Acknowledged records by topic, control records included."""
    first_ms: int
    last_ms: int
    """The last arrival, epoch milliseconds of event time."""
    watermark_ms: int | None
    """What the control records said; None: none were sent."""


def send_live(
    simulation: SimulationSettings,
    settings: Settings,
    *,
    speed: float = 1.0,
    finish: bool = False,
    shop: Catalog | None = None,
    progress: Callable[[Emitted], None] | None = None,
) -> LiveSummary:
    """Run the shop against Kafka.

    The header of each record says when it arrived in event time. Items and deployments are acknowledged before
    anything that comes after them. A run ends with its last search, as if one looked at a shop at that moment; only
    with `finish` the clicks that would come later follow, at once. Else they would lie in the log ahead of whatever
    is sent next, and make it late.

    Args:
        simulation: what to run.
        settings: brokers, topic prefix, and the fold that `finish` needs.
        speed: event seconds per second; 0 as fast as the broker takes them.
        finish: end with a control record in each source partition, whose watermark closes every cohort.
        shop: the catalogue of the run's seed, where the caller has it already.
        progress: is told each record once it is queued.

    Raises:
        ServerUnavailable: Kafka does not answer.
        TopicMismatch: a topic is missing.
        DeliveryFailed: a record was not acknowledged.
    """
    sender = Sender(settings.kafka.brokers)
    prefix = settings.kafka.topic_prefix
    topics = (CATALOG_ITEMS, MODEL_EVENTS, SEARCH_EVENTS, CLICK_EVENTS)
    partitions = {topic.name: sender.partitions(prefix + topic.name) for topic in topics}
    pace = Pace(speed)
    unconfirmed = False
    last_ms = simulation.start_ms
    for emitted in simulate(simulation, shop):
        if emitted.arrival_ms <= simulation.end_ms:
            pace.wait_for(emitted.arrival_ms)
        elif not finish:
            break
        confirmed = emitted.topic in _CONFIRMED
        if unconfirmed and not confirmed:
            sender.flush()
        unconfirmed = confirmed
        sender.send(prefix + emitted.topic, emitted.key, emitted.value, arrival_headers(emitted.arrival_ms))
        last_ms = emitted.arrival_ms
        if progress is not None:
            progress(emitted)
    sender.flush()
    watermark_ms = None
    if finish:
        # Every event is older than its arrival, so the last arrival is as good as the largest event time.
        watermark_ms = finish_watermark_ms(last_ms, settings.fold)
        send_watermark(sender, prefix, watermark_ms, partitions)
    return LiveSummary(
        sent={topic.removeprefix(prefix): count for topic, count in sender.acknowledged.items()},
        first_ms=simulation.start_ms,
        last_ms=last_ms,
        watermark_ms=watermark_ms,
    )
