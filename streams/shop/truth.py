"""What really happened in a run: its deployments, its faults and which of them ought to raise an alarm."""

from typing import Final

import msgspec

from schemas.events import Deployment, ModelRef
from schemas.timestamps import format_timestamp
from streams.shop.catalog import Catalog
from streams.shop.faults import SYMPTOMS, FaultName, PlannedFault
from streams.shop.settings import BEFORE_MS, SimulationSettings

RANKER: Final = "shop-rank"
FIRST_RANKER_VERSION: Final = 3
MATCHER: Final = "shop-match"
FIRST_MATCHER_VERSION: Final = 1

_DEPLOYS: Final = {
    FaultName.BAD_RANKER: RANKER,
    FaultName.DECOY: RANKER,
    FaultName.BAD_MATCHER: MATCHER,
}


class Rollout(msgspec.Struct, frozen=True):
    """One deployment, and the fault it comes from (None: it was there before the start)."""

    event: Deployment
    fault: PlannedFault | None


def fault_ms(settings: SimulationSettings, fault: PlannedFault) -> int:
    """When a fault begins, epoch milliseconds."""
    return settings.start_ms + round(fault.minute * 60_000)


def rollouts(settings: SimulationSettings) -> list[Rollout]:
    """Give all deployments of a run in order of time: the ranker that was there, then one per fault that deploys."""
    versions = {RANKER: FIRST_RANKER_VERSION, MATCHER: FIRST_MATCHER_VERSION}
    before = settings.start_ms - BEFORE_MS
    found = [Rollout(_deployment(before, RANKER, FIRST_RANKER_VERSION), None)]
    for fault in settings.planned_faults():
        model = _DEPLOYS.get(fault.name)
        if model is not None:
            versions[model] += 1
            found.append(Rollout(_deployment(fault_ms(settings, fault), model, versions[model]), fault))
    return found


def gone_category(shop: Catalog) -> str:
    """The category that the fault `category_gone` takes: the one that most searches ask for."""
    weight: dict[str, float] = {}
    for query, popularity in zip(shop.queries, shop.popularity, strict=True):
        for category in sorted(query.categories):
            weight[category] = weight.get(category, 0.0) + float(popularity) / len(query.categories)
    return max(sorted(weight), key=lambda category: weight[category])


def truth(settings: SimulationSettings, shop: Catalog) -> dict[str, object]:
    """Tell a run's truth as JSON values: settings, deployments, faults, what is wrong and what should alarm."""
    by_fault = {rollout.fault: rollout.event for rollout in rollouts(settings) if rollout.fault is not None}
    faults: list[dict[str, object]] = []
    for fault in settings.planned_faults():
        symptom = SYMPTOMS[fault.name]
        entry: dict[str, object] = {
            "name": fault.name,
            "minute": fault.minute,
            "since": format_timestamp(fault_ms(settings, fault)),
            "since_ms": fault_ms(settings, fault),
            "what_is_wrong": symptom.wrong,
            "should_alarm": bool(symptom.signals),
            "signals": [{"name": name, "direction": direction} for name, direction in symptom.signals.items()],
            "cause": None,
        }
        if fault in by_fault:
            event = by_fault[fault]
            entry["cause"] = {"model": event.model.name, "version": event.model.version, "role": event.role}
        if fault.name is FaultName.CATEGORY_GONE:
            entry["category"] = gone_category(shop)
        faults.append(entry)
    return {
        "seed": settings.seed,
        "start": format_timestamp(settings.start_ms),
        "start_ms": settings.start_ms,
        "end": format_timestamp(settings.end_ms),
        "end_ms": settings.end_ms,
        "settings": msgspec.to_builtins(settings),
        "deployments": [
            {
                "timestamp": format_timestamp(rollout.event.time_ms),
                "time_ms": rollout.event.time_ms,
                "model": rollout.event.model.name,
                "version": rollout.event.model.version,
                "role": rollout.event.role,
                "fault": rollout.fault.name if rollout.fault is not None else None,
            }
            for rollout in rollouts(settings)
        ],
        "faults": faults,
        "should_alarm": any(SYMPTOMS[fault.name].signals for fault in settings.planned_faults()),
    }


def _deployment(time_ms: int, model: str, version: int) -> Deployment:
    return Deployment(
        time_ms=time_ms,
        model=ModelRef(name=model, version=str(version)),
        role="live",
        share=1.0,
        by="cd",
        note=f"rollout of {model} {version}",
    )
