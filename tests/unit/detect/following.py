"""Runs a shop through the fold, and reads what came out."""

from collections.abc import Iterable
from dataclasses import dataclass

from detectors.detect_fold import DetectFold
from detectors.outputs import Output, SignalBatch, Transition
from schemas.scores import Series
from schemas.timestamps import timestamp_ms
from tests.unit.detect.shop_rollups import START_MS, Shop

LIVE = "live"


@dataclass
class Followed:
    """The fold and everything that it gave out."""

    fold: DetectFold
    outputs: list[Output]

    @property
    def transitions(self) -> list[Transition]:
        return [x for x in self.outputs if isinstance(x, Transition)]

    @property
    def signals(self) -> list[SignalBatch]:
        return [x for x in self.outputs if isinstance(x, SignalBatch)]

    def fired(self, rule: str | None = None) -> list[Transition]:
        return [x for x in self.transitions if x.data.status == "firing" and rule in (None, x.data.rule)]


def follow(shop: Shop, deployments: Iterable[tuple[float, str, str]] = ()) -> Followed:
    """Fold a shop's log; deployments are (second, version, role) of the shop's ranking model."""
    fold = DetectFold()
    for second, version, role in deployments:
        fold.apply_deployment(START_MS + int(second * 1000), "shop-rank", version, role)
    outputs: list[Output] = []
    for offset, record in enumerate(shop.records()):
        outputs += fold.apply(record, offset)
    return Followed(fold, outputs)


def seconds(text: str) -> float:
    """Seconds since the start of the shop."""
    return (timestamp_ms(text, "test") - START_MS) / 1000


def every_version(surface: str = "search") -> Series:
    return Series("shop", surface, "*", "*")
