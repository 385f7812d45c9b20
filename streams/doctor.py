"""What matchwatch needs, looked at one by one; each finding with its cure."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal
from urllib.request import urlopen

from confluent_kafka.admin import AdminClient

from detectors.rule_settings import rules_of
from inference.repository import ModelName, ModelRepository
from schemas.errors import BadSettings, MatchwatchError, ModelRefused, ServerUnavailable, SettingsUnreadable
from schemas.settings import KafkaSettings, RedisSettings, ScoreSettings, Settings
from streams.counted_findings import of_counters
from streams.finding import Finding
from streams.group_lag import at_a_stand, group_lags
from streams.kafka_admin import connect, is_embedded, topic_states
from streams.models_folder import models_folder
from streams.preflight import redis_problem
from streams.readers.counter_store import CounterStore
from streams.roles import ROLES
from streams.stack.embedded import LIMITS
from streams.stack.home import home_folder, load_settings, read_stack
from streams.stack.jars import can_run_kafka, java
from streams.stack.redis import redis_program
from streams.stack.workers import is_ready

_LOOK_AGAIN_S: Final = 3.0
_POOL_S: Final = 3.0


def examine(config: Path | None = None) -> list[Finding]:
    """Look at programs, settings, servers, topics and model files.

    Args:
        config: the settings file, as `load_settings` takes it.
    """
    findings = list(_programs())
    try:
        settings = load_settings(config)
        rules_of(settings.rules)
    except SettingsUnreadable as error:
        cure = "name a TOML file that can be read, with --config or MATCHWATCH_CONFIG, or take the defaults without it"
        return [*findings, Finding("settings", "fail", str(error), cure)]
    except BadSettings as error:
        cure = f"correct these keys in {error.file or 'the settings file'} or the MATCHWATCH_ variables"
        return [*findings, *(Finding("settings", "fail", f"{e.path}: {e.message}", cure) for e in error.errors)]
    except MatchwatchError as error:
        return [*findings, Finding("stack", "fail", str(error))]
    findings.append(Finding("settings", "ok", "all keys are right"))
    kafka = list(_kafka(settings))
    answers = not any(one.name == "kafka" and one.verdict == "fail" for one in kafka)
    findings += [*kafka, _redis(settings.redis), _model(settings.score), *_workers(settings)]
    return [*findings, *_producers(settings, kafka_answers=answers)]


def _programs() -> Iterator[Finding]:
    try:
        yield Finding("java", "ok", java())
    except ServerUnavailable as error:
        yield Finding("java", "warn", str(error), "without it the broker is embedded")
    if can_run_kafka():
        yield Finding("kafka's jars", "ok", "here, or Maven can fetch them")
    else:
        yield Finding("kafka's jars", "warn", "cannot be run or fetched", "install default-jre-headless and maven")
    try:
        yield Finding("redis-server", "ok", redis_program())
    except ServerUnavailable as error:
        yield Finding("redis-server", "warn", "not found", str(error))


def _kafka(settings: Settings) -> Iterator[Finding]:
    try:
        client = connect(settings.kafka)
    except ServerUnavailable:
        cure = "start one with `matchwatch up`, or set kafka.brokers"
        yield Finding("kafka", "fail", f"does not answer at {settings.kafka.brokers}", cure)
        return
    try:
        embedded = is_embedded(client)
        states = topic_states(client, settings.kafka, keep_s=settings.fold.keep_s)
    except MatchwatchError as error:
        yield Finding("kafka", "fail", str(error), "see the broker's log")
        return
    if embedded:
        yield Finding("kafka", "warn", f"the embedded broker at {settings.kafka.brokers}: {LIMITS}", "install Java")
    else:
        yield Finding("kafka", "ok", f"answers at {settings.kafka.brokers}")
    for state in states:
        if not state.exists:
            yield Finding(f"topic {state.name}", "fail", "missing", "matchwatch topics --create")
        for one in state.differences:
            cure = "see docs/bad-moments.md" if one.setting == "partitions" else "matchwatch topics --repair"
            yield Finding(f"topic {state.name}", "fail" if one.refused else "warn", one.told, cure)
    if all(state.exists and not state.differences for state in states):
        yield Finding("topics", "ok", f"all {len(states)} are as the catalogue says")
    stack = read_stack(home_folder())
    if stack is not None and any(worker.process.alive for worker in stack.workers):
        yield from _groups(client, settings.kafka)


def _groups(client: AdminClient, kafka: KafkaSettings) -> Iterator[Finding]:
    """Look twice at what running workers have read."""
    before = group_lags(client, kafka, topic_states(client, kafka))
    if not any(one.lag for one in before):
        return
    time.sleep(_LOOK_AGAIN_S)
    for one in at_a_stand(before, group_lags(client, kafka, topic_states(client, kafka))):
        told = f"{one.lag} records of {one.topic} are left to read, and none was read in {_LOOK_AGAIN_S:.0f} s"
        yield Finding(f"group {one.group}", "warn", told, "look again; if it stays so, see the log of its worker")


def _redis(settings: RedisSettings) -> Finding:
    problem = redis_problem(settings)
    if problem:
        cure = "start one with `matchwatch up`, or set redis.url"
        return Finding("redis", "fail", f"does not answer at {settings.shown_url}: {problem}", cure)
    return Finding("redis", "ok", f"answers at {settings.shown_url}")


def _producers(settings: Settings, *, kafka_answers: bool) -> Iterator[Finding]:
    """Say what evaluate has counted, where it is known that it has counted this log."""
    if not kafka_answers:
        yield Finding("producers", "warn", "not looked at, since Kafka does not answer", "see to Kafka first")
        return
    try:
        with CounterStore(settings) as store:
            live = store.read()
    except ServerUnavailable:
        return  # said already
    yield from of_counters(live)


def _model(settings: ScoreSettings) -> Finding:
    live = ModelName(settings.live.name, settings.live.version)
    if settings.pool == "remote":
        return _pool(settings, live)
    try:
        ModelRepository(models_folder(settings.models_dir)).read(live)
    except ModelRefused as error:
        return Finding(f"model {live}", "fail", str(error))
    return Finding(f"model {live}", "ok", "its files are the ones that were trained")


def _pool(settings: ScoreSettings, live: ModelName) -> Finding:
    """Ask each worker of a remote pool for the live model, which it loads when score starts."""
    away = []
    for url in settings.workers:
        try:
            with urlopen(f"{url}/v2/health/ready", timeout=_POOL_S) as answer:  # noqa: S310 - http or https, by settings
                answer.read()
        except (OSError, ValueError) as error:
            away.append(f"{url} ({error})")
    if not away:
        return Finding(f"model {live}", "ok", f"all {len(settings.workers)} pool workers are ready")
    verdict: Literal["fail", "warn"] = "fail" if len(away) == len(settings.workers) else "warn"
    told = f"{len(away)} of {len(settings.workers)} pool workers are not ready: {', '.join(away)}"
    return Finding(f"model {live}", verdict, told, "start them with `matchwatch serve`, or correct score.workers")


def _workers(settings: Settings) -> Iterator[Finding]:
    stack = read_stack(home_folder())
    if stack is None:
        return
    missing = [role for role in ROLES if f"worker-{role}" not in {worker.name for worker in stack.workers}]
    if missing:
        told = f"this stack has none for {', '.join(missing)}; nothing is counted unless one runs elsewhere"
        yield Finding("workers", "warn", told, "matchwatch up --worker")
    for worker in stack.workers:
        if worker.process.alive and worker.looks_elsewhere(settings):
            told = f"looks for Kafka at {worker.kafka} and Redis at {worker.redis}, where the settings name others"
            yield Finding(worker.name, "fail", told, "matchwatch up --worker")
        elif is_ready(worker.address):
            yield Finding(worker.name, "ok", f"ready at {worker.address}")
        elif worker.process.alive:
            yield Finding(worker.name, "warn", "runs and is not ready", f"see {worker.process.log}")
        else:
            yield Finding(worker.name, "fail", "has ended", f"see {worker.process.log}, then `matchwatch up --worker`")
