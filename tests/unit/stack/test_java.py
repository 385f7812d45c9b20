"""Which Java can run Kafka; each is a script that answers as that Java does."""

from pathlib import Path

import pytest

from schemas.errors import ServerUnavailable
from streams import doctor
from streams.stack.jars import can_run_kafka, java


@pytest.fixture
def only_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a java and an mvn lie, and nothing else on the PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    script(tmp_path / "mvn", "exit 0")
    return tmp_path / "java"


def script(path: Path, lines: str) -> None:
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)


def answer(version: str) -> str:
    return f"echo 'Picked up JAVA_TOOL_OPTIONS: -Dx=1' >&2\necho 'openjdk version \"{version}\" 2025-04-15' >&2"


@pytest.mark.parametrize("version", ["17.0.15", "21", "25-ea"])
def test_a_java_that_is_new_enough_runs_kafka(only_java: Path, version: str) -> None:
    script(only_java, answer(version))
    assert java() == str(only_java)
    assert can_run_kafka()


@pytest.mark.parametrize(("version", "told"), [("11.0.2", "Java 11"), ("1.8.0_392", "Java 8")])
def test_an_older_java_counts_as_none_and_is_named(only_java: Path, version: str, told: str) -> None:
    script(only_java, answer(version))
    with pytest.raises(ServerUnavailable, match=f"{only_java} is {told} and Kafka needs 17"):
        java()
    assert not can_run_kafka()
    (finding,) = [one for one in doctor.examine() if one.name == "java"]
    assert (finding.verdict, told in finding.found) == ("warn", True)


@pytest.mark.parametrize("lines", ["exit 1", "echo hello"])
def test_a_java_that_does_not_tell_its_version_counts_as_none(only_java: Path, lines: str) -> None:
    script(only_java, lines)
    with pytest.raises(ServerUnavailable, match="does not tell its version"):
        java()
    assert not can_run_kafka()


def test_java_is_asked_for_its_version_once(only_java: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    script(only_java, f"echo once >> {asked}\n{answer('17')}")
    assert java() == java()
    assert asked.read_text() == "once\n"
