"""What matchwatch needs, looked at one by one; each finding with its cure."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec
from confluent_kafka.admin import AdminClient

from detectors.rule_settings import rules_of
from inference.repository import ModelName, ModelRepository
from schemas.errors import BadSettings, MatchwatchError, ModelRefused, ServerUnavailable
from schemas.settings import KafkaSettings, RedisSettings, ScoreSettings, Settings
from streams.group_lag import at_a_stand, group_lags
from streams.kafka_admin import connect, is_embedded, topic_states
from streams.models_folder import models_folder
from streams.preflight import redis_problem
from streams.readers.counter_store import CounterStore
from streams.stack.embedded import LIMITS
from streams.stack.home import home_folder, load_settings, read_stack
from streams.stack.jars import can_run_kafka, java
from streams.stack.redis import redis_program
from streams.stack.workers import is_ready

_LOOK_AGAIN_S: Final = 3.0


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    name: str
    verdict: Literal["ok", "warn", "fail"]
    found: str
    cure: str = ""


def examine(config: Path | None = None) -> list[Finding]:
    """Look at programs, settings, servers, topics and model files.

    Args:
        config: the settings file, as `load_settings` takes it.
    """
    findings = list(_programs())
    try:
        settings = load_settings(config)
        rules_of(settings.rules)
    except BadSettings as error:
        cure = "correct these keys in the settings file or the MATCHWATCH_ variables"
        return [*findings, *(Finding("settings", "fail", f"{e.path}: {e.message}", cure) for e in error.errors)]
    except MatchwatchError as error:
        return [*findings, Finding("stack", "fail", str(error))]
    findings.append(Finding("settings", "ok", "all keys are right"))
    findings += [*_kafka(settings), _redis(settings.redis), _model(settings.score), *_workers(settings)]
    return [*findings, *_producers(settings)]


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
        embedded = is_embedded(client)
        states = topic_states(client, settings.kafka, keep_s=settings.fold.keep_s)
    except MatchwatchError as error:
        yield Finding("kafka", "fail", str(error))
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


def _producers(settings: Settings) -> Iterator[Finding]:
    """Say whether events lie where their keys belong, as evaluate has counted them since the log began."""
    try:
        with CounterStore(settings) as store:
            counters = store.read().counters
    except ServerUnavailable:
        return  # said already
    wrong = {name: counters.get(f"misrouted_{name}", 0) for name in ("searches", "clicks")}
    if any(wrong.values()):
        told = " and ".join(f"{number:,} {name}" for name, number in wrong.items() if number)
        yield Finding(
            "producers",
            "warn",
            f"{told} lie in another partition than their query_id belongs to, so clicks may miss their searches",
            "set partitioner=murmur2_random in every producer that is built on librdkafka",
        )
    elif counters:
        yield Finding("producers", "ok", "every event lies in the partition of its query_id")


def _model(settings: ScoreSettings) -> Finding:
    live = ModelName(settings.live.name, settings.live.version)
    try:
        ModelRepository(models_folder(settings.models_dir)).read(live)
    except ModelRefused as error:
        return Finding(f"model {live}", "fail", str(error))
    return Finding(f"model {live}", "ok", "its files are the ones that were trained")


def _workers(settings: Settings) -> Iterator[Finding]:
    stack = read_stack(home_folder())
    for worker in () if stack is None else stack.workers:
        if worker.process.alive and worker.looks_elsewhere(settings):
            told = f"looks for Kafka at {worker.kafka} and Redis at {worker.redis}, where the settings name others"
            yield Finding(worker.name, "fail", told, "matchwatch up --worker")
        elif is_ready(worker.address):
            yield Finding(worker.name, "ok", f"ready at {worker.address}")
        elif worker.process.alive:
            yield Finding(worker.name, "warn", "runs and is not ready", f"see {worker.process.log}")
        else:
            yield Finding(worker.name, "fail", "has ended", f"see {worker.process.log}, then `matchwatch up --worker`")
