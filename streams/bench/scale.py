"""Whether an event costs the same late as early, with many open searches as with few, and with two workers as with one.

    tape ─► match-scores, click-events ─► evaluate, young: 10⁵ events seen, 10⁴ searches open ─┐
         ─►                            ─► evaluate,        10⁶              10⁵               ─┼─► turn by turn
         ─►                            ─► evaluate, old:   10⁷              10⁶               ─┘

An event is a search or a click. Each process has read all those events before it is measured; then all of them get
the same number of events more, one process at a time and in turns, so that what the machine does meanwhile happens to
all alike. The load is the same for all, and so is the work of closing cohorts: how many searches are open is set by the
horizon alone.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Final

import msgspec

from schemas.settings import Settings
from schemas.topics import MATCH_SCORES
from streams.bench.conditions import Committed, Open
from streams.bench.evaluate_log import all_read, past_tape
from streams.bench.loading import own_topics
from streams.bench.options import Options
from streams.bench.pipeline import unique_name, worker_commands, worker_env
from streams.bench.program import Program
from streams.bench.report import Figure, figure
from streams.bench.run import DONE_S, READY_S
from streams.bench.score_tape import ScoreTape
from streams.bench.score_template import ScoreTemplate, make_template
from streams.bench.stand import Stand, stand
from streams.bench.two_workers import two_worker_figures

FLATNESS_TARGET: Final = 1.15
EVENTS_AT_DEFAULTS: Final = 30_000
"""Searches a run at which the sizes are those of the target; fewer make everything smaller, for a look."""
BLOCK_SEARCHES: Final = 512
"""As score writes them from a backlog."""
SHORTEST_HORIZON_S: Final = 5
"""Every click comes within it, so that each size counts the same clicks."""

SHOWN_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much a process has seen when it is measured."""

    events: int
    open_searches: int

    @property
    def name(self) -> str:
        """As its figure is called."""
        return f"evaluate_{self.events}_events_{self.open_searches}_open"


SIZES: Final = (Size(10**5, 10**4), Size(10**6, 10**5), Size(10**7, 10**6))


@dataclass(frozen=True, slots=True)
class _Subject:
    """One process under measure with its log."""

    size: Size
    settings: Settings
    tape: ScoreTape
    stage: Program

    def take(self, searches: int) -> tuple[float, int]:
        """Let it read so many searches more; gives the CPU seconds and the events."""
        before = self.tape.searches + self.tape.clicks
        self.tape.write(searches)
        read = all_read(self.settings)
        began = self.stage.cpu_seconds()["evaluate"]
        self.stage.go_on()
        self.stage.wait_until("evaluate to read its part", read, DONE_S)
        self.stage.halt()
        return self.stage.cpu_seconds()["evaluate"] - began, self.tape.searches + self.tape.clicks - before


def bench(options: Options) -> list[Figure]:
    """Measure flatness, then two workers."""
    part = min(1.0, options.searches / EVENTS_AT_DEFAULTS)
    sizes = [Size(round(size.events * part), round(size.open_searches * part)) for size in SIZES]
    with stand(options.settings, options.tell) as place:
        return [*_flatness(options, place, sizes), *two_worker_figures(options, place)]


def _flatness(options: Options, place: Stand, sizes: list[Size]) -> list[Figure]:
    template = make_template(place, options.rate)
    costs: dict[Size, list[float]] = {size: [] for size in sizes}
    with ExitStack() as stack:
        # The largest first: the others would have to stand still while it reads.
        subjects = [_prepare(stack, options, place, template, size) for size in reversed(sizes)]
        for number in range(options.runs):
            for subject in subjects if number % 2 else reversed(subjects):
                cpu_s, events = subject.take(options.searches)
                costs[subject.size].append(cpu_s / events * 1e6)
            told = ", ".join(f"{size.events} events: {costs[size][-1]:.2f}" for size in sizes)
            options.tell(f"{number + 1}: {told} µs an event")
    found = [figure(size.name, costs[size], "µs/event") for size in sizes]
    return [*found, figure("scale_flatness", flatness(list(costs.values())), "ratio", FLATNESS_TARGET, "less")]


def flatness(costs: list[list[float]]) -> list[float]:
    """Give worst over best, run by run.

    Which size is worst and which is best is decided once, by their medians: the worst and the best of each single run
    would be told apart by its noise alone.

    Args:
        costs: of each size, by run.

    >>> flatness([[10.0, 12.0, 11.0], [10.0, 15.0, 11.0], [11.0, 12.0, 13.2]])
    [1.1, 1.0, 1.2]
    """
    ordered = sorted(costs, key=median)
    return [round(worst / best, 9) for best, worst in zip(ordered[0], ordered[-1], strict=True)]


def _prepare(stack: ExitStack, options: Options, place: Stand, template: ScoreTemplate, size: Size) -> _Subject:
    fold = options.settings.fold
    # A search is open until the horizon and the lateness have passed, and at most a cohort longer.
    horizon_s = round(size.open_searches / options.rate) - fold.lateness_s
    horizons = (SHORTEST_HORIZON_S, max(2 * SHORTEST_HORIZON_S, horizon_s))
    name = unique_name("scale")
    settings = stack.enter_context(own_topics(place.settings, name))
    settings = msgspec.structs.replace(settings, fold=msgspec.structs.replace(fold, horizons_s=horizons))
    env = {**worker_env(settings), "MATCHWATCH_FOLD_HORIZONS_S": ",".join(map(str, horizons))}
    command = {"evaluate": worker_commands()["evaluate"]}
    wanted = max(
        round(size.events / (1 + template.clicks_per_search)),
        round((horizons[-1] + 3 * fold.lateness_s + 2 * fold.bucket_s) * options.rate),
    )
    span_s = (wanted + options.runs * options.searches) / options.rate + 60
    tape = past_tape(
        settings,
        template,
        rate=options.rate,
        span_s=span_s,
        block_searches=BLOCK_SEARCHES,
        longest_delay_ms=SHORTEST_HORIZON_S * 1000,
    )
    options.tell(f"evaluate reads {size.events:,} events, until {size.open_searches:,} searches are open")
    stage = stack.enter_context(Program(command, env, place.folder / name, place.lifeline))
    subject = _Subject(size, settings, tape, stage)
    tape.write(1)
    stage.wait_until("evaluate to come up", Committed(settings, {"evaluate": [MATCH_SCORES.name]}), READY_S)
    tape.write(wanted - 1)
    stage.wait_until("evaluate to read all that comes before", all_read(settings), DONE_S)
    # So many are open by their times alone: what is open in fact must not be fewer.
    stage.wait_until(f"{size.open_searches} searches to be open", Open(settings, size.open_searches), SHOWN_S)
    stage.halt()
    return subject
