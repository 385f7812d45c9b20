"""Kafka's jars: fetched once by Maven into a folder of the checkout, and used from there ever after."""

import fcntl
import functools
import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from schemas.errors import ServerUnavailable
from streams.stack.process import last_line

CHECKOUT: Final = Path(__file__).resolve().parents[2]
POM: Final = CHECKOUT / "deploy" / "kafka" / "pom.xml"
CACHE: Final = CHECKOUT / ".kafka"
OLDEST_JAVA: Final = 17
_ASK_DEADLINE_S: Final = 20
_FETCH_DEADLINE_S: Final = 300


def java() -> str:
    """Find the Java that runs Kafka.

    Raises:
        ServerUnavailable: there is none, or it is too old for Kafka 4.
    """
    found = shutil.which("java")
    if found is None:
        raise ServerUnavailable("there is no java on the PATH: install default-jre-headless, or use --embedded")
    version = _java_version(found)
    if version is None:
        raise ServerUnavailable(f"{found} does not tell its version: install default-jre-headless, or use --embedded")
    if version < OLDEST_JAVA:
        raise ServerUnavailable(
            f"{found} is Java {version} and Kafka needs {OLDEST_JAVA}: install default-jre-headless, or use --embedded"
        )
    return found


def can_run_kafka() -> bool:
    """Whether Java is here, and Kafka's jars are or can be fetched."""
    try:
        java()
    except ServerUnavailable:
        return False
    return _folder(POM, CACHE).is_dir() or shutil.which("mvn") is not None


@functools.cache
def _java_version(program: str) -> int | None:
    """Ask a Java, once, for the first number of its version; None if it does not run or tell."""
    try:
        told = subprocess.run(
            [program, "-version"], check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=_ASK_DEADLINE_S
        )
    except (OSError, subprocess.SubprocessError):
        return None
    # Until Java 8 the versions were 1.8.0 and so on.
    match = re.search(rb'version "(?:1\.)?(\d+)', told.stderr + told.stdout)
    return int(match[1]) if match else None


def kafka_jars(tell: Callable[[str], None] = lambda _: None, pom: Path = POM, cache: Path = CACHE) -> Path:
    """Give the folder that holds Kafka's jars; the first call fetches them (55 MB), later ones use no network.

    Args:
        tell: told in one line when something takes a while.
        pom: which jars; another pom gets a folder of its own.
        cache: where they are kept.

    Raises:
        ServerUnavailable: they are not there and cannot be fetched.
    """
    if not pom.is_file():
        raise ServerUnavailable(f"{pom} is missing: run from a checkout, or set kafka.brokers to a Kafka that runs")
    jars = _folder(pom, cache)
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerUnavailable("Kafka's jars are not here and there is no mvn to fetch them: install maven")
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two commands may come here at once
        if not jars.is_dir():
            tell("fetching Kafka's jars, once")
            _fetch(maven, pom, cache, jars)
    return jars


def _folder(pom: Path, cache: Path) -> Path:
    return cache / (hashlib.sha256(pom.read_bytes()).hexdigest()[:12] if pom.is_file() else "none")


def _fetch(maven: str, pom: Path, cache: Path, jars: Path) -> None:
    unfinished = cache / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    log = cache / "maven.log"
    command = [maven, "-q", "-B", "--strict-checksums", "-f", str(pom), "dependency:copy-dependencies"]
    with log.open("wb") as output:
        try:
            done = subprocess.run(
                [*command, f"-DoutputDirectory={unfinished}"],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=_FETCH_DEADLINE_S,
            )
        except subprocess.TimeoutExpired:
            raise ServerUnavailable(
                f"mvn took more than {_FETCH_DEADLINE_S} s to fetch Kafka's jars (log: {log})"
            ) from None
    if done.returncode != 0:
        raise ServerUnavailable(f"mvn could not fetch Kafka's jars: {last_line(log)} (log: {log})")
    unfinished.rename(jars)  # the folder appears whole or not at all
