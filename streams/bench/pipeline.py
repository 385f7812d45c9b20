"""Searches a CPU-second of the whole pipeline, cache warm and cold, and the same of the peers.

    records in Kafka ─► processes go on ─► last rollup closed and read by detect
                        └───── CPU time of all processes of the program ─────┘

Every run has topics and processes of its own. The processes come up, read a first pass that shows every item once,
and are stopped in their tracks while the measured part is sent; so the broker, the sender and their start are not in
the figure, and the whole backlog is there when they go on.
"""

import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from schemas.settings import Settings
from schemas.topics import CLICK_EVENTS, ROLLUPS, SEARCH_EVENTS
from streams.bench.conditions import AllClosed, Committed
from streams.bench.loading import load_measured, load_warm, own_topics
from streams.bench.options import Options
from streams.bench.peers import PEERS, measure_peer, peers_here
from streams.bench.program import Program
from streams.bench.report import Figure, figure
from streams.bench.run import DONE_S, READY_S, Run
from streams.bench.stand import Stand, stand
from streams.bench.workload import Workload, make_workload
from streams.roles import ROLES

COLD_PART: Final = 4
"""A cold run costs several times more a search, so fewer make it as exact."""
PEER_PART: Final = 4
"""So does a peer's."""
SESSION_TIMEOUT_S: Final = 300
"""Processes stand still while their backlog is sent; none may be taken for dead."""


def bench(options: Options) -> list[Figure]:
    """Measure the pipeline, warm and cold, and the peers beside it."""
    peers = peers_here()
    if len(peers) < len(PEERS):
        options.tell("the peers' environment is missing: `make setup-peers` makes it")
    runs: dict[str, list[Run]] = defaultdict(list)
    with stand(options.settings, options.tell) as place:
        for number in range(options.runs):

            def workload(part: int, *, cold: bool = False, seed: int = number + 1) -> Workload:
                return make_workload(
                    max(1, options.searches // part),
                    now_ms=time.time_ns() // 1_000_000,
                    rate=options.rate,
                    seed=seed,
                    cold=cold,
                )

            def note(kind: str, run: Run, round_number: int = number + 1) -> None:
                runs[kind].append(run)
                options.tell(f"{kind} {round_number}: {run.searches_per_cpu_s:,.0f} searches a CPU-second")

            note("warm", measure_pipeline(place, workload(1), unique_name("warm")))
            for peer in peers:
                note(peer.name, measure_peer(place, workload(PEER_PART), unique_name(peer.name), peer))
            note("cold", measure_pipeline(place, workload(COLD_PART, cold=True), unique_name("cold")))
    return _figures(runs)


def _figures(runs: dict[str, list[Run]]) -> list[Figure]:
    warm = runs["warm"]
    found = [
        figure("pipeline", [run.searches_per_cpu_s for run in warm], "searches/CPU-s"),
        *(figure(f"pipeline_{role}", [run.us_per_search(role) for run in warm], "µs/search") for role in ROLES),
        figure("pipeline_cold", [run.searches_per_cpu_s for run in runs["cold"]], "searches/CPU-s"),
    ]
    for peer in PEERS:
        pairs = list(zip(warm, runs[peer.name], strict=False))  # no runs where its environment is missing
        found.append(figure(peer.name, [run.searches_per_cpu_s for _, run in pairs], "searches/CPU-s"))
        ratios = [ours.searches_per_cpu_s_of(peer.roles) / its.searches_per_cpu_s for ours, its in pairs]
        found.append(figure(peer.ratio, ratios, "ratio", peer.target))
    return found


def worker_commands() -> dict[str, list[str]]:
    """Give the command line of each stage."""
    return {role: [sys.executable, "-m", "streams.cli.main", "worker", "--role", role] for role in ROLES}


def worker_env(settings: Settings, session_timeout_s: int = SESSION_TIMEOUT_S) -> dict[str, str]:
    """Give the settings of a run as the workers read them; but for the session timeout, which each bench chooses."""
    return {
        "MATCHWATCH_CONFIG": os.devnull,  # not a matchwatch.toml that lies where the bench is called
        "MATCHWATCH_HOME": "/nonexistent",
        "MATCHWATCH_KAFKA_BROKERS": settings.kafka.brokers,
        "MATCHWATCH_KAFKA_TOPIC_PREFIX": settings.kafka.topic_prefix,
        "MATCHWATCH_KAFKA_GROUP_PREFIX": settings.kafka.group_prefix,
        "MATCHWATCH_KAFKA_SESSION_TIMEOUT_S": str(session_timeout_s),
        "MATCHWATCH_REDIS_URL": settings.redis.url,
        "MATCHWATCH_SCORE_MODELS_DIR": settings.score.models_dir,
        "MATCHWATCH_HTTP_PORT": "0",
    }


def measure_pipeline(
    stand: Stand, workload: Workload, name: str, attach: Callable[[Program], None] = lambda _: None
) -> Run:
    """Run the three stages over a workload.

    Args:
        stand: servers and settings.
        workload: what is read.
        name: of the run, for its topics.
        attach: called with the processes just before they go on; for profilers.

    Raises:
        BenchFailed: a process ended or the rollups do not hold what was sent.
    """
    with own_topics(stand.settings, name) as settings:
        load_warm(settings, workload)
        program = Program(worker_commands(), worker_env(settings), stand.folder / name, stand.lifeline)
        with program, AllClosed(settings, workload.last_search_ms) as closed:
            inputs = {"score": [SEARCH_EVENTS.name], "evaluate": [CLICK_EVENTS.name]}
            program.wait_until("the first pass", Committed(settings, inputs), READY_S)
            program.halt()
            load_measured(settings, workload)
            before = program.cpu_seconds()
            attach(program)
            program.go_on()
            program.wait_until("the last cohort to close", closed, DONE_S)
            program.wait_until("detect to read it", Committed(settings, {"detect": [ROLLUPS.name]}), DONE_S)
            after = program.cpu_seconds()
        closed.must_hold(len(workload.warm_searches) + len(workload.searches))
    return Run(len(workload.searches), {role: after[role] - before[role] for role in before})


def unique_name(kind: str) -> str:
    """Give a name that no earlier run had."""
    return f"{kind}-{time.time_ns() // 1_000_000:x}"
