"""The frame of a fault: workers under load, the moment of the fault, and the wait for what comes of it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import redis
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.settings import Settings
from streams.kafka_admin import connect
from tests.faults.crew import Crew, wait_until
from tests.faults.feed import SPEED, Feed
from tests.faults.log_oracle import Place
from tests.faults.outcome import Outcome
from tests.faults.topic_logs import LogRecord, committed_of, ends_of, read_log
from tests.faults.verdict import verdict_of
from tests.integration.pipeline.harness import MODELS, Closing, Topic

ROLES = ("score", "evaluate", "detect")
READS = {"score": ("search-events",), "evaluate": ("match-scores", "click-events"), "detect": ("rollups",)}
COMMAND_S = 90.0

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Moment:
    """What was under way when the fault came; a fault in an idle moment shows nothing."""

    in_flight: int
    """Records that the stage has not committed yet."""
    repeated: int
    """Repeated searches met so far."""
    open: int
    """Searches whose last horizon has not passed."""

    @property
    def is_busy(self) -> bool:
        """Whether all three are above zero."""
        return min(self.in_flight, self.repeated, self.open) > 0


def environment_of(settings: Settings) -> dict[str, str]:
    """Give the variables that make a command use these settings, rules aside."""
    variables = {**os.environ, "MATCHWATCH_SCORE_MODELS_DIR": str(MODELS)}
    plain = Settings()
    for section in ("kafka", "redis", "fold", "score", "detect"):
        mine, usual = getattr(settings, section), getattr(plain, section)
        for name in mine.__struct_fields__:
            value = getattr(mine, name)
            if value != getattr(usual, name) and not isinstance(value, msgspec.Struct):
                text = value if isinstance(value, str) else json.dumps(msgspec.to_builtins(value))
                variables[f"MATCHWATCH_{section}_{name}".upper()] = text
    return variables


class Scene:
    """One fault from beginning to end; a context manager.

    Args:
        title: what the fault is, as the printed line says it.
        settings: with topics and groups of its own.
        recording: what the shop sends.
        folder: for logs.
        tell: gets the line with the counts.
        keep: start workers again that end by themselves.
        speed: of the replay.
    """

    def __init__(
        self,
        title: str,
        settings: Settings,
        recording: Path,
        folder: Path,
        tell: Tell,
        *,
        keep: bool = False,
        speed: float = SPEED,
    ) -> None:
        self.title = title
        self.settings = settings
        self.crew = Crew(environment_of(settings), folder / "workers", keep=keep)
        self.moments: list[Moment] = []
        self.admin: AdminClient = connect(settings.kafka, wait_s=30)
        self._recording, self.folder, self.tell, self._speed = recording, folder, tell, speed
        self._redis = redis.Redis.from_url(settings.redis.url, decode_responses=True)
        self._topic = Topic(settings, "rollups", 1)
        self.closing = Closing(self._topic)
        self.strangers: set[Place] = set()
        """Records in our own topics that no stage has written: nobody may take them for its own."""
        self.unused: set[int] = set()
        """Partitions that get no record at all, so that nothing of them can close."""
        self.shown: tuple[str, ...] = ()
        """The oracle's counters that the printed line gives."""
        self._feed: Feed | None = None
        self.lost: dict[str, list[LogRecord]] = {}
        """What a topic no longer holds; see `lose`."""

    def __enter__(self) -> "Scene":
        self.crew.__enter__()
        return self

    def __exit__(self, *told: object) -> None:
        self.crew.__exit__(*told)
        self._topic.__exit__()
        self._redis.close()

    # Acting

    def begin(self, workers: Sequence[str] = ROLES, feed: Callable[[], Feed] | None = None) -> None:
        """Start workers, wait until they read, and begin the replay, or another load that `feed` starts."""
        for role in workers:
            self.crew.start(role)
        self.crew.started()
        self._feed = feed() if feed else Feed(self._recording, self.settings, speed=self._speed)

    def go_on(self, feed: Feed) -> None:
        """Take another load that has begun for the one under way, which has ended."""
        self.feed.result()
        self._feed = feed

    @property
    def feed(self) -> Feed:
        """The replay under way."""
        assert self._feed is not None, "the scene has not begun"
        return self._feed

    def busy_moment(self, role: str, share: float) -> Moment:
        """Wait until so much of the load is sent and the stage has work in flight; a fault is to follow at once."""
        self.feed.reach(share)
        seen: list[Moment] = []

        def is_busy() -> bool:
            seen[:] = [self.moment(role)]
            return seen[0].is_busy

        wait_until(is_busy, lambda: f"no busy moment of {role}, the last was {seen}", 20.0)
        self.moments += seen
        return seen[0]

    def moment(self, role: str) -> Moment:
        """Count what is under way now."""
        open_searches = repeated = 0
        for key in self._redis.scan_iter(f"{self.settings.kafka.group_prefix}:counters:*"):
            open_now, repeated_now = self._redis.hmget(key, "open_searches", "repeated_searches")
            open_searches, repeated = open_searches + int(open_now or 0), repeated + int(repeated_now or 0)
        return Moment(self.lag(role), repeated, open_searches)

    def lag(self, role: str) -> int:
        """How many records a stage has not committed."""
        kafka = self.settings.kafka
        committed = committed_of(self.admin, f"{kafka.group_prefix}-{role}")
        lag = 0
        for topic in (kafka.topic_prefix + name for name in READS[role]):
            for partition, end in ends_of(self.admin, kafka.brokers, topic).items():
                lag += max(0, end - committed.get((topic, partition), 0))
        return lag

    def taken_over(self, role: str) -> None:
        """Wait until somebody commits again: the group has gone on without the one that stands still."""
        group = f"{self.settings.kafka.group_prefix}-{role}"
        before = committed_of(self.admin, group)
        wait_until(
            lambda: committed_of(self.admin, group) != before,
            lambda: f"nobody takes over from {role}\n{self.crew.said()}",
        )

    def lose(self, topic: str, before: int) -> int:
        """Delete what a topic of one partition holds before an offset, as retention does; gives how many records.

        The scene keeps them to judge by, but for what `rollups` prints.
        """
        self.lost[topic] = [each for each in self.read(topic) if each.offset < before]
        place = TopicPartition(self.settings.kafka.topic_prefix + topic, 0, before)
        for answer in self.admin.delete_records([place]).values():
            answer.result(20)
        return len(self.lost[topic])

    def command(self, *arguments: str, allowed: Sequence[int] = (0,)) -> str:
        """Run a command of the program; gives what it prints, and fails where it exits otherwise than allowed."""
        done = subprocess.run(
            [sys.executable, "-m", "streams.cli.main", *arguments],
            env=self.crew.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        assert done.returncode in allowed, f"{arguments} exited with {done.returncode}: {done.stderr[-2000:]}"
        return done.stdout

    def findings(self) -> str:
        """Give what `doctor --json` prints, whatever else it finds."""
        return self.command("doctor", "--json", allowed=(0, 1))

    # Judging

    def judge(self, *, again: Sequence[str] = (), deadline_s: float = 120.0) -> Outcome:
        """Wait for the end of the load, compare everything, print the line, and fail on any difference.

        Args:
            again: topics in which the fault must have left records that were written twice; else it has not struck.
            deadline_s: from the end of the replay until everything is closed.
        """
        self.ended(deadline_s)
        outcome = verdict_of(self)
        for topic in again:
            if not outcome.written_again[topic]:
                outcome.faults.append(f"nothing was written twice to {topic}: the fault has not struck")
        self._report(outcome)
        assert not outcome.faults, (
            f"{len(outcome.faults)} things differ, the first: "
            + "; ".join(outcome.faults[:6])
            + f"\n{self.crew.said()}"
        )
        return outcome

    def ended(self, deadline_s: float = 120.0) -> None:
        """Wait for the end of the load, and until everything is closed."""
        summary = self.feed.result()
        assert summary.watermark_ms is not None
        partitions = set(range(self.settings.kafka.partitions)) - self.unused
        wait_until(
            lambda: self.is_closed(summary.watermark_ms or 0, partitions),
            lambda: (
                f"not everything is closed: {self.closing.watermarks} of {summary.watermark_ms}\n{self.crew.said()}"
            ),
            deadline_s,
        )

    def is_closed(self, watermark_ms: int, partitions: set[int]) -> bool:
        """Whether these partitions have come to a watermark."""
        self.closing.look()
        return all(self.closing.watermarks.get(number, -1) >= watermark_ms for number in partitions)

    def read(self, topic: str) -> list[LogRecord]:
        """Read a topic of this scene, without the strangers in it."""
        log = read_log(self.settings.kafka.brokers, self.settings.kafka.topic_prefix + topic)
        return self.lost.get(topic, []) + [
            each for each in log if (topic, each.partition, each.offset) not in self.strangers
        ]

    def told(self, rule: str, signal: str) -> None:
        """See that `alerts` holds an alert of a rule on a signal."""
        alerts = [json.loads(each.value)["data"] for each in self.read("alerts") if each.value]
        names = {(alert["rule"], alert["signal"]) for alert in alerts if alert["status"] == "firing"}
        assert (rule, signal) in names, f"no {rule} among the alerts, which are {sorted(names)}"

    def moments_told(self) -> str:
        """Give the counts of all moments, for the printed line."""
        return "; ".join(f"in flight {m.in_flight:,}, repeated {m.repeated:,}, open {m.open:,}" for m in self.moments)

    def _report(self, outcome: Outcome) -> None:
        again = ", ".join(f"{topic} {count:,}" for topic, count in sorted(outcome.written_again.items()) if count)
        compared = (
            f"{outcome.integers:,} integers, {outcome.letters} dead letters, {outcome.signals:,} signals, "
            f"{outcome.alerts} alerts compared, {len(outcome.faults)} differ"
        )
        shown = "".join(f", {name} {outcome.counters[name]:,}" for name in self.shown)
        self.tell(f"{self.title} | {self.moments_told()}{shown} | written twice: {again or 'nothing'} | {compared}")
