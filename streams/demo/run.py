"""The demo from beginning to end."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.text import Text

from schemas.config import parse_settings
from schemas.errors import ServerUnavailable
from schemas.settings import Settings
from streams.demo.counters import LiveCounters
from streams.demo.crew import Crew, crew
from streams.demo.plan import SPEED, expected_fault, plan_demo
from streams.demo.shop_run import ShopRun
from streams.demo.story import Story
from streams.demo.tail import Tail
from streams.demo.ubi_figures import UbiFigures
from streams.demo.ubi_run import run_ubi
from streams.demo.verdict import Verdict, judge
from streams.demo.views import LineView, LiveView, View
from streams.kafka_admin import connect, ensure_topics
from streams.models_folder import models_folder
from streams.shop.catalog import build_catalog
from streams.shop.truth import truth
from streams.stack.stack import in_front

_BROKER_S: Final = 30.0
_DEADLINE_S: Final = 240.0
"""For the whole run of the shop: four times what it takes."""
_POLL_S: Final = 0.15


class DemoResult(msgspec.Struct, frozen=True):
    """What the demo showed."""

    seed: int
    fault: str
    broker: str
    ubi: UbiFigures
    searches: int
    clicks: int
    verdict: Verdict
    seconds: float


def run_demo(console: Console, *, seed: int, fault: str, rate: float, embedded: bool, home: Path) -> DemoResult:
    """Start everything, tell the story, judge it, stop everything.

    Args:
        console: where people look.
        seed: of the story.
        fault: what goes wrong; `none` for nothing.
        rate: searches a second of event time.
        embedded: take the broker without Java.
        home: gets the workers' logs, which stay for a look.

    Raises:
        ServerUnavailable: a server or worker did not start, ended, or was not done in time.
    """
    began_s = time.monotonic()
    simulation = plan_demo(seed, fault, rate)
    shop = build_catalog(seed, items=simulation.items, queries=simulation.queries)
    tell = _teller(console)
    defaults = parse_settings({}, {})
    tell("starting Kafka and Redis on free ports")
    with in_front(defaults.kafka, embedded=embedded, tell=tell) as (stack, lifeline):
        settings = parse_settings(
            {
                "kafka": {"brokers": stack.kafka.address},
                "redis": {"url": stack.redis.address},
                "score": {"models_dir": str(models_folder(defaults.score.models_dir).resolve())},
            },
            {},
        )
        if stack.kind == "kafka":
            ensure_topics(connect(settings.kafka, _BROKER_S), settings.kafka)
        with crew(home / "demo", settings, lifeline) as workers, Tail(settings.kafka) as tail:
            tell("waiting for the three stages: score, evaluate, detect")
            workers.wait_until_ready()
            tell("replaying a real shop's click log (OpenSearch UBI sample)")
            ubi = run_ubi(settings, tail, workers)
            _show_ubi(console, ubi)
            tell(f"now a bilingual shop: {simulation.minutes:g} minutes of traffic at {SPEED:g} times real time")
            story = Story(simulation, settings.fold)
            view = _view(console, story, fault)
            run = ShopRun(simulation, settings, shop, SPEED)
            _watch(run, story, view, tail=tail, workers=workers, settings=settings)
            expected = expected_fault(truth(simulation, shop))
            counts = story.counts
        return DemoResult(
            seed=seed,
            fault=fault,
            broker=stack.kind,
            ubi=ubi,
            searches=counts.searches,
            clicks=counts.clicks,
            verdict=judge(expected, story.alerts),
            seconds=round(time.monotonic() - began_s, 1),
        )


def _watch(run: ShopRun, story: Story, view: View, *, tail: Tail, workers: Crew, settings: Settings) -> None:
    """Show the run of the shop until detect has decided about all of it."""
    deadline_s = time.monotonic() + _DEADLINE_S
    with closing(LiveCounters(settings)) as counters, view, run:
        before = counters.read()
        while not (run.summary is not None and story.decided):
            run.check()
            workers.check()
            if time.monotonic() > deadline_s:
                raise ServerUnavailable(
                    f"detect had not decided about the whole run after {_DEADLINE_S:.0f} s: see the workers' logs"
                )
            for told in tail.poll(_POLL_S):
                what = story.take(told)
                if what is not None:
                    view.happened(what)
            story.now_ms = run.now_ms
            now = counters.read()
            if now is not None:
                story.counts = now if before is None else now.since(before)
            view.refresh()


def _view(console: Console, story: Story, fault: str) -> View:
    return LiveView(console, story, fault, SPEED) if console.is_terminal else LineView(console, story)


def _teller(console: Console) -> Callable[[str], None]:
    return lambda line: console.print(Text(f"· {line}", style="dim"))


def _show_ubi(console: Console, ubi: UbiFigures) -> None:
    def share(value: float | None) -> str:
        return "unknown" if value is None else f"{value:.3f}"

    console.print(
        Text(
            f"  {ubi.searches} searches, {ubi.impressions:,} impressions, {ubi.clicks} clicked: CTR {share(ubi.ctr)}; "
            f"{ubi.zero_results} without results\n"
            f"  match@10 {share(ubi.match_at_10)} over {ubi.match_searches} searches with titles; "
            f"proxy accuracy {share(ubi.ctr_proxy_accuracy)} over {ubi.pairs} pairs"
        )
    )
    if not ubi.match_searches:
        console.print(Text("  the log has no item titles, so nothing could be scored", style="dim"))
