"""A shop with a canary: two shops' traffic in one log, as two partitions."""

from collections.abc import Iterator
from dataclasses import replace

import msgspec

from schemas.rollup import Rollup, RollupControl
from tests.unit.detect.shop_rollups import HEALTHY, Behaviour, Shop

LIVE, CANARY = "3", "4"


def shop_with_canary(
    rate: float,
    minutes: float,
    seed: int,
    between: tuple[float, float] = (0.0, 1e9),
    share: float = 0.1,
    **worse: object,
) -> Iterator[Rollup | RollupControl]:
    """Give the log of a shop that sends a share of its traffic to version 4 between two times.

    Args:
        rate: searches a second.
        minutes: how long.
        seed: of both versions' randomness.
        between: seconds in which the canary serves.
        share: of the traffic.
        worse: what the canary does otherwise than version 3.
    """

    def canary(t: float) -> Behaviour:
        changed = replace(HEALTHY, **worse, version=CANARY)  # type: ignore[arg-type]
        return changed if between[0] <= t < between[1] else replace(changed, volume=0.0)

    shops = [
        Shop(rate * part, minutes, seed * 2 + i, story, versions=True, surfaces=("search",))
        for i, (part, story) in enumerate([(1 - share, lambda _: HEALTHY), (share, canary)])
    ]
    logs = [_up_to_controls(shop, partition) for partition, shop in enumerate(shops)]
    for both in zip(*logs, strict=True):
        for records in both:
            yield from records


def _up_to_controls(shop: Shop, partition: int) -> Iterator[list[Rollup | RollupControl]]:
    records: list[Rollup | RollupControl] = []
    for record in shop.records():
        records.append(msgspec.structs.replace(record, partition=partition))
        if isinstance(record, RollupControl):
            records[-1] = msgspec.structs.replace(record, partition=partition, partitions=2)
            yield records
            records = []
