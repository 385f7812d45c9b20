"""The stories that `bench faults` tells: one fault, two of them, and a deployment that is not to blame."""

import asyncio
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from schemas.alerts import Alert
from schemas.config import parse_settings
from schemas.timestamps import timestamp_ms
from streams.backtest.findings import Findings
from streams.backtest.folder_log import FolderLog
from streams.backtest.over_folder import backtest_folder
from streams.bench.stated_delays import STATED, STATED_AT_RATE
from streams.reprocess.span import Span
from streams.shop.faults import Fault, FaultName
from streams.shop.recording import record
from streams.shop.settings import SimulationSettings
from streams.shop.truth import fault_ms, rollouts

MINUTES: Final = 26.0
EARLIEST_MINUTE: Final = 15.0
"""Of a fault: by then every rule has learned what is usual."""
DECOY_MINUTE: Final = 9.0
_HOUR_MS: Final = 3600 * 1000


class Scenario(NamedTuple):
    """What goes wrong in a run."""

    name: str
    faults: tuple[FaultName, ...]


SCENARIOS: Final = (
    *(Scenario(fault.value, (fault,)) for fault, stated in STATED.items() if stated.cause is None),
    Scenario("decoy", (FaultName.DECOY,)),
    Scenario("decoy_and_bad_ranker", (FaultName.DECOY, FaultName.BAD_RANKER)),
    Scenario("decoy_and_latency", (FaultName.DECOY, FaultName.LATENCY)),
    Scenario("decoy_and_bad_matcher", (FaultName.DECOY, FaultName.BAD_MATCHER)),
    Scenario("bad_ranker_and_latency", (FaultName.BAD_RANKER, FaultName.LATENCY)),
    Scenario("zero_results_and_traffic_drop", (FaultName.ZERO_RESULTS, FaultName.TRAFFIC_DROP)),
    Scenario("category_gone_and_missing_titles", (FaultName.CATEGORY_GONE, FaultName.MISSING_TITLES)),
)


class Outcome(NamedTuple):
    """What became of one run."""

    scenario: str
    seed: int
    delays_s: dict[str, float | None]
    """By fault that ought to alarm: seconds to the right rule's alert; None where there was none, or it suspected
    another deployment than the fault's."""
    early: int
    """Alerts before the first fault, or in a run where nothing is wrong."""
    decoy_blamed: int
    """Alerts that suspect the decoy."""

    @property
    def named(self) -> bool:
        """Whether every fault was named by the right rule within its stated delay."""
        delays = {FaultName(fault): delay_s for fault, delay_s in self.delays_s.items()}
        return all(delay_s is not None and delay_s <= STATED[fault].delay_s for fault, delay_s in delays.items())


def tell(scenario: Scenario, seed: int) -> Outcome:
    """Simulate a scenario, fold it as the pipeline does, and compare the alerts with what went wrong."""
    shop = _shop(scenario, seed)
    with tempfile.TemporaryDirectory(prefix="matchwatch-bench-") as folder:
        record(shop, Path(folder))
        alerts = asyncio.run(_alerts(Path(folder)))
    return judge(scenario, shop, [alert for alert in alerts if alert.data.status == "firing" and not alert.data.repeat])


def judge(scenario: Scenario, shop: SimulationSettings, firing: list[Alert]) -> Outcome:
    """Compare alerts with what went wrong."""
    began_ms = {fault.name: fault_ms(shop, fault) for fault in shop.planned_faults()}
    versions = {one.fault.name: one.event for one in rollouts(shop) if one.fault is not None}
    wrong = [name for name in scenario.faults if name in STATED]
    first_ms = min((began_ms[name] for name in wrong), default=None)
    delays: dict[str, float | None] = {}
    for name in wrong:
        deployed = versions.get(name)
        found = [
            (_fired_ms(alert) - began_ms[name]) / 1000
            for alert in firing
            if alert.data.rule == STATED[name].rule
            and _fired_ms(alert) >= began_ms[name]
            and (deployed is None or _suspected(alert) == (deployed.model.name, deployed.model.version))
        ]
        delays[name.value] = min(found, default=None)
    decoy = versions.get(FaultName.DECOY)
    blamed = [
        alert for alert in firing if decoy is not None and _suspected(alert) == (decoy.model.name, decoy.model.version)
    ]
    early = sum(first_ms is None or _fired_ms(alert) < first_ms for alert in firing)
    return Outcome(scenario.name, shop.seed, delays, early, len(blamed))


def _shop(scenario: Scenario, seed: int) -> SimulationSettings:
    rng = np.random.default_rng([seed, 1])
    minutes = (EARLIEST_MINUTE + rng.uniform(0, 2), EARLIEST_MINUTE + rng.uniform(2, 4))
    hour = int(rng.integers(24))
    faults, left = [], iter(minutes)
    for name in scenario.faults:
        minute = DECOY_MINUTE if name is FaultName.DECOY else next(left)
        faults.append(Fault(name, round(float(minute), 2)))
    settings = SimulationSettings(rate=STATED_AT_RATE, minutes=MINUTES, seed=seed, faults=tuple(faults))
    return SimulationSettings(
        rate=STATED_AT_RATE,
        minutes=MINUTES,
        seed=seed,
        faults=tuple(faults),
        start_ms=settings.start_ms + hour * _HOUR_MS,
    )


async def _alerts(folder: Path) -> list[Alert]:
    # One partition and the horizon that rules watch: the same cohorts are decided, at half the cost.
    settings = parse_settings({"kafka": {"partitions": 1}, "fold": {"horizons_s": [60]}}, {})
    span = Span.of(0, None, settings.fold.bucket_s)
    log = FolderLog.open(folder, settings.kafka)
    return (await backtest_folder(log, settings, span, Findings(), lambda _: None)).alerts


def _fired_ms(alert: Alert) -> int:
    return timestamp_ms(alert.data.detected_at, "detected_at")


def _suspected(alert: Alert) -> tuple[str, str] | None:
    cause = alert.data.suspected_cause
    return None if cause is None else (cause.model, cause.version)
