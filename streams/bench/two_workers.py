"""Two workers of score and of evaluate beside one of each: what the second costs, and what it brings."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.topics import CLICK_EVENTS, SEARCH_EVENTS
from streams.bench.conditions import AllClosed, Committed
from streams.bench.group import Shared
from streams.bench.loading import load_measured, load_warm, own_topics
from streams.bench.options import Options
from streams.bench.pipeline import unique_name, worker_commands, worker_env
from streams.bench.program import Program
from streams.bench.report import Figure, figure
from streams.bench.run import DONE_S, READY_S
from streams.bench.stand import Stand
from streams.bench.workload import Workload, make_workload

OVERHEAD_TARGET: Final = 1.1
SPEED_UP_TARGET: Final = 1.8
CORES_FOR_SPEED_UP: Final = 4
"""Broker and load need cores of their own, or the second worker only takes them away."""
WARM_PASSES: Final = 8
"""Every item is shown so often before: once would fill the cache of one of the two workers only."""
SESSION_TIMEOUT_S: Final = 40
"""Longer than they stand still. A worker learns by its next heartbeat, a quarter of it later, that another has come:
with the timeout of the other benches, forming the group would take longer than the run."""
_STAGES: Final = ("score", "evaluate")


@dataclass(frozen=True, slots=True)
class _Cost:
    cpu_s: float
    wall_s: float


def two_worker_figures(options: Options, place: Stand) -> list[Figure]:
    """Measure pairs of runs, one worker and two of each stage, in turns."""
    pairs = []
    for number in range(options.runs):
        now_ms = time.time_ns() // 1_000_000
        workload = make_workload(
            options.searches, now_ms=now_ms, rate=options.rate, seed=number + 1, warm_passes=WARM_PASSES
        )
        found = {workers: _measure(place, workload, workers) for workers in ((1, 2) if number % 2 else (2, 1))}
        pairs.append((found[1], found[2]))
        one, two = (found[workers].cpu_s / options.searches * 1e6 for workers in (1, 2))
        options.tell(f"{number + 1}: one worker {one:.1f}, two workers {two:.1f} µs a search")
    enough = len(os.sched_getaffinity(0)) >= CORES_FOR_SPEED_UP
    if not enough:
        options.tell(f"fewer than {CORES_FOR_SPEED_UP} cores: the speed-up of two workers is not measured")
    per_search = 1e6 / options.searches
    return [
        figure("one_worker", [one.cpu_s * per_search for one, _ in pairs], "µs/search"),
        figure("two_workers", [two.cpu_s * per_search for _, two in pairs], "µs/search"),
        figure("two_workers_overhead", [two.cpu_s / one.cpu_s for one, two in pairs], "ratio", OVERHEAD_TARGET, "less"),
        figure(
            "two_workers_speed_up",
            [one.wall_s / two.wall_s for one, two in pairs] if enough else [],
            "ratio",
            SPEED_UP_TARGET,
        ),
    ]


def _measure(place: Stand, workload: Workload, workers: int) -> _Cost:
    """Run so many workers of each stage over a workload."""
    name = unique_name(f"workers{workers}")
    commands = worker_commands()
    each = {f"{role}-{number}": commands[role] for role in _STAGES for number in range(workers)}
    with own_topics(place.settings, name) as settings:
        env = worker_env(settings, SESSION_TIMEOUT_S)
        program = Program(each, env, place.folder / name, place.lifeline)
        with program, AllClosed(settings, workload.last_search_ms) as closed:
            shared = Shared(settings, dict.fromkeys(_STAGES, workers))
            program.wait_until(f"{workers} workers of each stage to share the partitions", shared, READY_S)
            load_warm(settings, workload)
            inputs: Mapping[str, list[str]] = {"score": [SEARCH_EVENTS.name], "evaluate": [CLICK_EVENTS.name]}
            program.wait_until("the first pass", Committed(settings, inputs), READY_S)
            program.halt()
            load_measured(settings, workload)
            before = sum(program.cpu_seconds().values())
            began_s = time.monotonic()
            program.go_on()
            program.wait_until("the last cohort to close", closed, DONE_S)
            wall_s = time.monotonic() - began_s
            after = sum(program.cpu_seconds().values())
        closed.must_hold(len(workload.warm_searches) + len(workload.searches))
    return _Cost(after - before, wall_s)
