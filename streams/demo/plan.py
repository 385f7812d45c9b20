"""What the demo tells: half an hour of a shop, a harmless deployment early, and one thing that goes wrong later."""

from typing import Any, Final

import msgspec

from schemas.events import ModelRef
from streams.shop.faults import Fault, FaultName
from streams.shop.settings import SimulationSettings

MINUTES: Final = 30.0
RATE: Final = 25.0
"""Searches a second of event time: 300 pages a cohort on the busiest surface, 10 on the quietest."""
SPEED: Final = 30.0
"""Event seconds a second: half an hour in one minute, a small part of what the pipeline can take."""
NO_FAULT: Final = frozenset({"none", FaultName.DECOY.value})
FAULTS: Final = ("none", *(fault.value for fault in FaultName))


class Expected(msgspec.Struct, frozen=True):
    """What went wrong, as the shop itself tells: an alert is held against it."""

    name: str
    what_is_wrong: str
    since_ms: int
    signals: dict[str, str]
    """Which signals move, and where to: `up` or `down`."""
    cause: ModelRef | None
    """The deployment that did it; None where none did."""


def plan_demo(seed: int, fault: str, rate: float) -> SimulationSettings:
    """Give the run of the shop; minutes of deployments and faults are drawn from the seed.

    Args:
        seed: of the story.
        fault: one of FAULTS; with `none` there is only the harmless deployment.
        rate: searches a second of event time.

    Raises:
        ValueError: a value is out of its range; the message says which.
    """
    faults = [Fault(FaultName.DECOY)]
    if fault not in NO_FAULT:
        faults.append(Fault(FaultName(fault)))
    return SimulationSettings(rate=rate, minutes=MINUTES, seed=seed, faults=tuple(faults))


def expected_fault(truth: dict[str, Any]) -> Expected | None:
    """Read from a run's truth what ought to raise an alarm; None where nothing is wrong."""
    for fault in truth["faults"]:
        if fault["should_alarm"]:
            cause = fault["cause"]
            return Expected(
                name=fault["name"],
                what_is_wrong=fault["what_is_wrong"],
                since_ms=fault["since_ms"],
                signals={signal["name"]: signal["direction"] for signal in fault["signals"]},
                cause=None if cause is None else ModelRef(name=cause["model"], version=cause["version"]),
            )
    return None
