"""Settings: the file, the environment over it, and all that can be wrong, told at once."""

import tomllib
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from schemas.config import Settings, parse_settings, settings_hash
from schemas.errors import BadSettings
from schemas.settings import without_password


def errors_of(toml: dict[str, Any], env: dict[str, str] | None = None) -> dict[str, str]:
    with pytest.raises(BadSettings) as refused:
        parse_settings(toml, env or {})
    return {error.path: error.message for error in refused.value.errors}


def test_an_empty_file_gives_the_defaults() -> None:
    assert parse_settings({}, {}) == Settings()


def test_a_file_is_read_section_by_section() -> None:
    settings = parse_settings(
        tomllib.loads(
            """
            [kafka]
            brokers = "a:9092, [::1]:9093"
            [fold]
            horizons_s = [60]
            segments = { device = "query_attributes.device" }
            [[rules]]
            name = "ctr_falls"
            signal = "ctr*"
            detector = "adwin"
            horizon_s = 60
            settings = { delta = 0.002, grace = 30 }
            """
        ),
        {},
    )
    assert settings.kafka.brokers == "a:9092, [::1]:9093"
    assert settings.fold.segments == {"device": "query_attributes.device"}
    assert settings.rules is not None
    assert settings.rules[0].settings == {"delta": 0.002, "grace": 30.0}


@pytest.mark.parametrize("separator", ["_", "__"])
def test_the_environment_wins_over_the_file(separator: str) -> None:
    env = {
        f"MATCHWATCH_KAFKA{separator}BROKERS": "b:1",
        f"MATCHWATCH_FOLD{separator}HORIZONS_S": "60, 600",
        f"MATCHWATCH_SCORE{separator}LIVE{separator}VERSION": "7",
        f"MATCHWATCH_SCORE{separator}MODELS": "shop-match,other",
        f"MATCHWATCH_FOLD{separator}SEGMENTS": '{locale = "query_attributes.locale"}',
        f"MATCHWATCH_HTTP{separator}PORT": "8080",
        "MATCHWATCH_HOME": "/anywhere",
        "MATCHWATCH_CONFIG": "x.toml",
        "PATH": "/bin",
    }
    settings = parse_settings({"kafka": {"brokers": "a:1", "partitions": 2}}, env)
    assert (settings.kafka.brokers, settings.kafka.partitions) == ("b:1", 2)
    assert settings.fold.horizons_s == (60, 600)
    assert (settings.score.live.name, settings.score.live.version) == ("shop-match", "7")
    assert settings.score.models == ("shop-match", "other")
    assert settings.fold.segments == {"locale": "query_attributes.locale"}
    assert settings.http.port == 8080


def test_all_errors_are_told_at_once_with_path_value_and_cure() -> None:
    errors = errors_of(
        {
            "kafka": {"brokes": "x", "partitions": "four"},
            "fold": {"bucket_s": True, "segments": {"device": "device"}},
            "score": {"pool": "gpu"},
            "http": 7,
            "rules": [{"nam": "x", "settings": {"delta": float("nan")}}],
        },
        {"MATCHWATCH_KAFKA_BROKER": "x", "MATCHWATCH_HTTP_PROT": "1", "MATCHWATCH_FOLD_LATENESS_S": "soon"},
    )
    assert errors["kafka.brokes"] == "there is no such setting; did you mean brokers?"
    assert errors["MATCHWATCH_KAFKA_BROKER"].endswith("did you mean MATCHWATCH_KAFKA_BROKERS?")
    assert errors["MATCHWATCH_HTTP_PROT"].endswith("did you mean MATCHWATCH_HTTP_PORT?")
    assert errors["kafka.partitions"] == "'four' is wrong; it must be a whole number from 1"
    assert "'soon'" in errors["fold.lateness_s"]
    assert set(errors) >= {
        "fold.bucket_s",
        "fold.segments.device",
        "score.pool",
        "http",
        "rules[0].nam",
        "rules[0].name",
        "rules[0].settings.delta",
    }


@pytest.mark.parametrize(
    ("toml", "path"),
    [
        ({"kafka": {"brokers": ""}}, "kafka.brokers"),
        ({"kafka": {"brokers": "a:1\n"}}, "kafka.brokers"),
        ({"kafka": {"partitions": 0}}, "kafka.partitions"),
        ({"kafka": {"topic_prefix": "a b"}}, "kafka.topic_prefix"),
        ({"redis": {"url": "http://x"}}, "redis.url"),
        ({"fold": {"horizons_s": []}}, "fold.horizons_s"),
        ({"fold": {"horizons_s": [600, 60]}}, "fold.horizons_s"),
        ({"fold": {"horizons_s": [60, 60]}}, "fold.horizons_s"),
        ({"fold": {"segments": {"Device": "results.category"}}}, "fold.segments.Device"),
        ({"fold": {"max_ahead_s": 1.5}}, "fold.max_ahead_s"),
        ({"score": {"live": {"name": "../x"}}}, "score.live.name"),
        ({"score": {"live": {"name": "other"}}}, "score.models"),
        ({"http": {"port": 65_536}}, "http.port"),
        ({"rules": {}}, "rules"),
        ({"rules": [1]}, "rules[0]"),
        ({"rules": [{"name": "a", "signal": "b", "detector": "c", "horizon_s": 7}]}, "rules[0].horizon_s"),
        ({"rules": [{"name": "a", "signal": "b", "detector": "c"}] * 2}, "rules[1].name"),
    ],
)
def test_each_wrong_value_is_named_by_its_path(toml: dict[str, Any], path: str) -> None:
    assert list(errors_of(toml)) == [path]


def test_a_password_is_shown_nowhere() -> None:
    settings = parse_settings({}, {"MATCHWATCH_REDIS_URL": "redis://ops:hunter2@cache:6379/0"})
    assert settings.redis.url == "redis://ops:hunter2@cache:6379/0"
    screen = Console(file=StringIO(), width=500)
    screen.print(settings)
    assert isinstance(screen.file, StringIO)
    for text in (repr(settings), str(settings), screen.file.getvalue()):
        assert "hunter2" not in text
        assert "cache:6379" in text
    for toml in ({"redis": {"url": "hunter2"}}, {"redis": "redis://:hunter2@cache"}):
        assert "hunter2" not in str(errors_of(toml))
    assert without_password("redis://c/0?password=hunter2") == "redis://c/0?***"


def test_the_hash_changes_with_the_settings_that_shape_the_fold_and_no_others() -> None:
    def hash_of(**fold: Any) -> str:
        return settings_hash(parse_settings({"fold": fold}, {}).fold)

    same = {hash_of(), hash_of(idle_timeout_s=5), hash_of(align_s=99), hash_of(bucket_s=10)}
    assert len(same) == 1
    assert len(same.pop()) == 16
    changed = [
        hash_of(),
        hash_of(bucket_s=20),
        hash_of(horizons_s=[60]),
        hash_of(lateness_s=31),
        hash_of(max_ahead_s=301),
        hash_of(segments={}),
        hash_of(max_segment_values=51),
    ]
    assert len(set(changed)) == len(changed)


def test_the_order_in_which_segments_are_written_does_not_change_the_hash() -> None:
    first = {"a": "results.category", "b": "query_attributes.x"}
    second = dict(reversed(first.items()))
    assert settings_hash(parse_settings({"fold": {"segments": first}}, {}).fold) == settings_hash(
        parse_settings({"fold": {"segments": second}}, {}).fold
    )
