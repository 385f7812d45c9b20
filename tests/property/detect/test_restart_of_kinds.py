"""A successor goes on exactly where its predecessor stopped, whatever kinds of rules there are."""

from functools import lru_cache

import msgspec
import pytest

from detectors.detect_fold import DetectFold
from detectors.rules import DEFAULT_RULES, Rule
from schemas.rollup import Rollup, RollupControl
from tests.unit.detect.canary_shop import CANARY, LIVE, shop_with_canary
from tests.unit.detect.shop_rollups import START_MS

BURN = {"objective": 0.99, "burn": 3.0, "long_s": 600.0, "short_s": 60.0}
RULES = (
    *(rule for rule in DEFAULT_RULES if rule.detector == "canary"),
    Rule(name="burning", signal="zero_result_rate", scope="any", detector="burn_rate", settings=BURN, direction="up"),
    Rule(
        name="slow",
        signal="slow_share",
        detector="burn_rate",
        settings={**BURN, "slower_than_ms": 120.0, "objective": 0.98, "burn": 2.0},
        direction="up",
    ),
    Rule(name="season", signal="search_rate", detector="seasonal_band", settings={"point_s": 60.0}),
    Rule(
        name="odd",
        signal="anomaly_score",
        signals=("match_at_10", "latency_p95", "zero_result_rate"),
        detector="multivariate",
        settings={"threshold": 1.0},
        min_n=10,
        direction="up",
    ),
)
DEPLOYED = [(0, LIVE, "live"), (2400, CANARY, "canary"), (3300, CANARY, "retired")]
STRIDE = 61
"""No divisor of the records of a cohort: stopping so often stops at every place within one."""


@lru_cache
def log() -> tuple[Rollup | RollupControl, ...]:
    return tuple(shop_with_canary(20, 75, 3, (2400, 3300), share=0.3, zero_results=0.15, latency_ms=70.0, ctr=0.02))


def new_fold() -> DetectFold:
    fold = DetectFold(rules=RULES)
    for second, version, role in DEPLOYED:
        fold.apply_deployment(START_MS + second * 1000, "shop-rank", version, role)
    return fold


def successor(fold: DetectFold) -> DetectFold:
    stored = msgspec.msgpack.encode(fold.state())
    return DetectFold.from_state(msgspec.msgpack.decode(stored, strict=False), rules=RULES)


@lru_cache
def expected() -> tuple[bytes, ...]:
    fold = new_fold()
    return tuple(msgspec.json.encode(x) for i, record in enumerate(log()) for x in fold.apply(record, i))


def test_every_kind_fires_and_what_can_end_resolves() -> None:
    alerts = [alert["data"] for alert in map(msgspec.json.decode, expected()) if "data" in alert]
    told = {(alert["rule"], alert["status"]) for alert in alerts}
    names = {"canary_ctr_drop", "canary_zero_results_rise", "canary_latency_rise", "burning", "slow", "odd"}
    assert {(name, status) for name in names for status in ("firing", "resolved")} <= told


@pytest.mark.timeout(600)  # many successors: minutes on a busy machine
def test_a_successor_every_few_records_gives_the_outputs_of_a_run_without_a_crash() -> None:
    fold, outputs = new_fold(), []
    for i, record in enumerate(log()):
        if i % STRIDE == 0:
            fold = successor(fold)
        outputs += [msgspec.json.encode(x) for x in fold.apply(record, i)]
    assert tuple(outputs) == expected()
