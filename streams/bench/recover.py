"""How soon evaluate is back at real time after `kill -9`, with a million open searches, and whether it counts right.

    fill ─► real time ─► kill -9 ─► ……… ─► new assignment ─► replay from the commit's mark ─► real time again
                         └────────────── recover_from_kill_s ─────────────────────────────────┘
                                           └──────────────── recover_s ───────────────────────┘

The load goes on all the time at the rate that keeps so many searches open. A successor is started at once, as a
supervisor would; the broker gives it the partitions when the session of the dead one has timed out (the default
settings). Real time is when every partition's control record, with all clicks and searches up to then applied, is at
most SLACK_S behind the load. In the end every cohort is compared with what was written.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.settings import Settings
from streams.bench.evaluate_log import all_read, past_tape
from streams.bench.group import Group, Shared
from streams.bench.live_load import EVERY_S, LiveLoad
from streams.bench.loading import own_topics
from streams.bench.options import Options
from streams.bench.pipeline import unique_name, worker_commands, worker_env
from streams.bench.program import BenchFailed, Program
from streams.bench.report import Figure, figure
from streams.bench.rollup_watch import RollupWatch
from streams.bench.run import DONE_S, READY_S
from streams.bench.score_tape import ScoreTape
from streams.bench.score_template import ScoreTemplate, make_template
from streams.bench.stand import Stand, stand
from streams.shop.clicks import LONGEST_DELAY_S

RECOVER_TARGET_S: Final = 15.0
FROM_KILL_TARGET_S: Final = 25.0
SLACK_S: Final = 2.0
"""Evaluate speaks once a second, and the load comes four times a second."""
_LONGEST_S: Final = 300.0
_STEADY_S: Final = 3.0
"""So long it stands at real time before it is killed."""
_ASK_EVERY_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Recovery:
    """One kill."""

    from_assignment_s: float
    from_kill_s: float


def bench(options: Options, workers: Sequence[int] = (1, 2)) -> list[Figure]:
    """Kill a worker again and again: one that was alone, then one of two."""
    figures, right = [], []
    with stand(options.settings, options.tell) as place:
        template = make_template(place, max(1.0, _rate(options)))
        for number in workers:
            found, all_right = _kills(options, place, template, number)
            name = "recover" if number == 1 else f"recover_one_of_{number}"
            since = [one.from_assignment_s for one in found]
            figures.append(figure(f"{name}_s", since, "s", RECOVER_TARGET_S, "less"))
            since = [one.from_kill_s for one in found]
            figures.append(figure(f"{name}_from_kill_s", since, "s", FROM_KILL_TARGET_S, "less"))
            right.append(float(all_right))
    return [*figures, figure("recover_counts_equal", [min(right)], "1 is yes", 1.0)]


def _open_s(settings: Settings) -> int:
    """How long a search is open where events come in order."""
    return max(settings.fold.horizons_s) + settings.fold.lateness_s + settings.fold.bucket_s


def _rate(options: Options) -> float:
    return options.searches / _open_s(options.settings)


@dataclass(slots=True)
class _Crew:
    """Workers of evaluate with one log."""

    settings: Settings
    place: Stand
    group: Group
    workers: list[Program] = field(default_factory=list)
    started: int = 0

    def start(self) -> None:
        """Start one more."""
        self.started += 1
        name = f"evaluate-{self.started}"
        # How soon a dead worker is missed is part of what is measured; the other benches stretch it.
        env = worker_env(self.settings, self.settings.kafka.session_timeout_s)
        folder = self.place.folder / self.settings.kafka.group_prefix
        self.workers.append(
            Program({name: worker_commands()["evaluate"]}, env, folder, self.place.lifeline).__enter__()
        )

    def check(self) -> None:
        """See that all run."""
        for worker in self.workers:
            worker.check()

    def end(self) -> None:
        """Stop all."""
        for worker in self.workers:
            worker.__exit__(None, None, None)

    def wait_until(self, what: str, done: Callable[[], bool], deadline_s: float = _LONGEST_S) -> None:
        """Wait while all run."""
        until_s = time.monotonic() + deadline_s
        while not done():
            self.check()
            if time.monotonic() > until_s:
                raise BenchFailed(f"waited {deadline_s:.0f} s for {what}")
            time.sleep(_ASK_EVERY_S)


def _kills(options: Options, place: Stand, template: ScoreTemplate, workers: int) -> tuple[list[Recovery], bool]:
    """Give every recovery, and whether all counts were right in the end."""
    rate, fold = _rate(options), options.settings.fold
    # The last horizon's searches, and those whose ids are remembered beyond it.
    fill = round(rate * (_open_s(options.settings) + 3 * fold.lateness_s + fold.bucket_s))
    with own_topics(place.settings, unique_name(f"recover{workers}")) as settings, RollupWatch(settings) as watch:
        # What lies in the log when a worker dies was written live, not from a backlog: in small blocks.
        block = max(1, round(rate * EVERY_S / settings.kafka.partitions))
        # The last clicks are all written at the end.
        span_s = fill / rate + LONGEST_DELAY_S
        tape = past_tape(settings, template, rate=rate, span_s=span_s, block_searches=block, fill_source=True)
        crew = _Crew(settings, place, Group(settings, "evaluate"))
        try:
            for _ in range(workers):
                crew.start()
            crew.wait_until("evaluate to come up", Shared(settings, {"evaluate": workers}), READY_S)
            options.tell(
                f"{workers} of evaluate: {fill:,} searches, {rate:.0f} a second of event time, {block} a block"
            )
            tape.write(fill)
            crew.wait_until("the fill to be read", all_read(settings), DONE_S)
            with LiveLoad(tape) as load:
                found = [_kill(options, crew, watch, load, workers) for _ in range(options.runs)]
            tape.finish()

            def closed() -> bool:
                watch.look()
                return watch.closed_through(tape.last_ms + 1)

            crew.wait_until("the last cohort to close", closed, DONE_S)
            return found, _right(options, tape, watch)
        finally:
            crew.end()


def _kill(options: Options, crew: _Crew, watch: RollupWatch, load: LiveLoad, workers: int) -> Recovery:
    def at_real_time() -> bool:
        watch.look()
        return watch.newest_ms() >= load.now_ms() - SLACK_S * 1000

    behind_s = 0.0

    def steady() -> bool:
        nonlocal behind_s
        now_s = time.monotonic()
        if not behind_s or not at_real_time():
            behind_s = now_s
        return now_s - behind_s > _STEADY_S

    crew.wait_until("evaluate to stand at real time", steady)
    before = crew.group.members().partitions
    victim = crew.workers.pop(0)
    killed_s = time.monotonic()
    victim.kill()
    if workers == 1:
        crew.start()

    def assigned() -> bool:
        found = crew.group.members()
        # What is dead is gone, and all that it had has a new owner.
        return found.stable and not before.keys() <= found.partitions.keys() and all(found.partitions.values())

    crew.wait_until("the partitions to be assigned anew", assigned)
    assigned_s = time.monotonic()
    crew.wait_until("evaluate to be at real time again", at_real_time)
    again_s = time.monotonic()
    options.tell(f"assigned after {assigned_s - killed_s:.1f} s, real time again {again_s - assigned_s:.1f} s later")
    if workers > 1:
        crew.start()
        crew.wait_until("the group to be whole again", Shared(crew.settings, {"evaluate": workers}))
    return Recovery(again_s - assigned_s, again_s - killed_s)


def _right(options: Options, tape: ScoreTape, watch: RollupWatch) -> bool:
    """Whether every cohort has the counts of what was written, and no rollup came twice with different ones."""
    expected, found = tape.expected.counts(), watch.counted.counts()
    wrong = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
    for key in sorted(wrong)[:3]:
        options.tell(f"{key}: {found.get(key)} counted, {expected.get(key)} written (searches, impressions, clicks)")
    told = f"{len(expected):,} cohorts and horizons, {tape.searches:,} searches, {tape.clicks:,} clicks"
    options.tell(f"{told}: {len(wrong)} differ, {watch.counted.differing} repeats differ")
    return not wrong and not watch.counted.differing
