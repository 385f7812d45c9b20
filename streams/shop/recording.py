"""A run of the shop as files: one line per event, in order of arrival, and the truth beside them."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from schemas.topics import CATALOG_ITEMS, CLICK_EVENTS, MODEL_EVENTS, SEARCH_EVENTS
from streams.shop.catalog import build_catalog
from streams.shop.outbox import Emitted
from streams.shop.settings import SimulationSettings
from streams.shop.simulation import simulate
from streams.shop.truth import truth

RECORDED_TOPICS: Final = (CATALOG_ITEMS.name, MODEL_EVENTS.name, SEARCH_EVENTS.name, CLICK_EVENTS.name)
"""What a folder of recorded events holds, each as `<topic>.ndjson`."""


def record(
    settings: SimulationSettings, folder: Path, progress: Callable[[Emitted], None] | None = None
) -> dict[str, int]:
    """Write a run into a folder (made if missing) and count its lines by topic.

    The files carry no arrival times: the order of their lines is the order of arrival.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shop = build_catalog(settings.seed, items=settings.items, queries=settings.queries)
    counts = dict.fromkeys(RECORDED_TOPICS, 0)
    with ExitStack() as stack:
        files = {
            topic: stack.enter_context((folder / f"{topic}.ndjson").open("wb", buffering=1 << 20))
            for topic in RECORDED_TOPICS
        }
        for emitted in simulate(settings, shop):
            files[emitted.topic].write(emitted.value + b"\n")
            counts[emitted.topic] += 1
            if progress is not None:
                progress(emitted)
    told = msgspec.json.format(msgspec.json.encode(truth(settings, shop)), indent=2)
    (folder / "truth.json").write_bytes(told + b"\n")
    return counts
