"""Settings: the file, the environment over it, and all that can be wrong, told at once."""

import json
import tomllib
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from schemas.config import Settings, parse_settings, settings_hash
from schemas.errors import BadSettings
from schemas.redis_url import without_password
from streams.cli import doctor, worker
from streams.stack.home import load_settings


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


def test_a_remote_pool_needs_the_addresses_of_its_workers() -> None:
    assert "add their addresses" in errors_of({"score": {"pool": "remote"}}, {})["score.workers"]
    wrong = errors_of({"score": {"pool": "remote", "workers": ["gpu-1:8000"]}}, {})
    assert wrong["score.workers"] == "['gpu-1:8000'] is wrong; it must be a list, each item http://host:port"
    env = {"MATCHWATCH_SCORE_POOL": "remote", "MATCHWATCH_SCORE_WORKERS": "http://gpu-1:8000,http://gpu-2:8000"}
    assert parse_settings({}, env).score.workers == ("http://gpu-1:8000", "http://gpu-2:8000")


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


def test_what_keys_tell_together_is_told_beside_what_single_keys_tell() -> None:
    rule = {"signal": "ctr", "detector": "adwin"}
    errors = errors_of(
        {
            "fold": {"horizons_s": [60, 60], "bucket_s": 0},
            "score": {"models": ["a"], "pool": "gpu"},
            "redis": {"url": "redis://h:99999/0", "urll": 1},
            "http": {"port": -1},
            "rules": [7, {**rule, "name": "A"}, {**rule, "name": "b", "horizon_s": 7}, {**rule, "name": "b"}],
        }
    )
    assert set(errors) == {
        "fold.horizons_s",
        "fold.bucket_s",
        "score.models",
        "score.pool",
        "redis.url",
        "redis.urll",
        "http.port",
        "rules[0]",
        "rules[1].name",
        "rules[2].horizon_s",
        "rules[3].name",
    }


@pytest.mark.parametrize(
    ("toml", "path"),
    [
        ({"fold": {"horizons_s": "soon"}}, "fold.horizons_s"),
        ({"fold": 7}, "fold"),
    ],
)
def test_a_value_that_was_not_read_is_not_blamed_for_others(toml: dict[str, Any], path: str) -> None:
    rules = [{"name": "a", "signal": "ctr", "detector": "adwin", "horizon_s": 7}]
    assert list(errors_of(toml | {"rules": rules})) == [path]
    assert list(errors_of({"score": {"models": 7, "live": {"name": "other"}}})) == ["score.models"]
    assert list(errors_of({"score": {"models": ["other"], "live": {"name": 7}}})) == ["score.live.name"]


def test_a_section_that_is_no_table_is_told_although_a_variable_sets_its_key() -> None:
    errors = errors_of({"redis": "redis://:hunter2@cache"}, {"MATCHWATCH_REDIS_URL": "redis://cache:99999"})
    assert set(errors) == {"redis", "redis.url"}
    assert errors["redis"] == "the value (not shown) is not a table; write [redis] and its keys below"


@pytest.mark.parametrize(
    ("variable", "text", "found"),
    [
        ("FOLD_HORIZONS_S", "60", (60,)),
        ("FOLD_HORIZONS_S", "[60]", (60,)),
        ("SCORE_MODELS", "shop-match", ("shop-match",)),
        ("SCORE_MODELS", '"shop-match"', ("shop-match",)),
    ],
)
def test_one_value_is_a_list_of_one_where_a_list_is_wanted(variable: str, text: str, found: tuple[Any, ...]) -> None:
    settings = parse_settings({}, {f"MATCHWATCH_{variable}": text})
    assert found in (settings.fold.horizons_s, settings.score.models)


def test_two_variables_of_one_key_are_an_error_that_names_both() -> None:
    errors = errors_of({}, {"MATCHWATCH_KAFKA_BROKERS": "a:1", "MATCHWATCH_KAFKA__BROKERS": "b:1"})
    ((path, message),) = errors.items()
    assert {path, message.split()[0]} == {"MATCHWATCH_KAFKA_BROKERS", "MATCHWATCH_KAFKA__BROKERS"}


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


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://c:6379/0", "redis://c:6379/0"),
        ("redis://ops:hunter2@c:6379/0", "redis://ops:***@c:6379/0"),
        ("redis://:hunter2@c/0", "redis://:***@c/0"),
        ("redis://hunter2@c/0", "redis://:***@c/0"),
        ("redis://c/0?password=hunter2", "redis://c/0?***"),
        ("redis://c/0#hunter2", "redis://c/0#***"),
        ("redis://:12345/hunter2@c:6379/0", "redis://:***@c:6379/0"),
        ("redis://ops:hun@ter2@c/0", "redis://ops:***@c/0"),
        ("redis://hun/ter2:x@c/0", "redis://:***@c/0"),
        ("redis://ops:12#hunter2@c/0", "***"),
        ("redis://c/0?password=hun@ter2", "***"),
        ("unix://ops:hunter2@/run/redis.sock?db=1", "unix://ops:***@/run/redis.sock?***"),
        ("hunter2", "***"),
    ],
)
def test_a_url_is_shown_without_its_password_however_it_is_written(url: str, shown: str) -> None:
    assert without_password(url) == shown


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"])))
def test_no_character_of_a_password_makes_a_message_show_it(rest: str) -> None:
    url = f"redis://ops:hunter2{rest}@cache:6379/0"
    try:
        told = parse_settings({}, {"MATCHWATCH_REDIS_URL": url}).redis.shown_url
    except BadSettings as refused:
        told = str(refused)
    assert "hunter2" not in told
    assert without_password(url) in {"redis://ops:***@cache:6379/0", "***"}


@pytest.mark.parametrize(
    "url",
    [
        "redis://:12345/hunter2@h:6379/0",
        "redis://:12345?hunter2@h:6379/0",
        "redis://:12345#hunter2@h:6379/0",
        "redis://:hunter2/def@h:6379/0",
        "redis://:hunter[2@h:6379/0",
        "redis://:hunter2@:6379/0",
        "redis://h:hunter2/0",
        "redis://h:99999/0",
        "redis://h:0/0",
        "redis://[::1/0",
        "redis://[hunter2]/0",
        "redis://h..x/0",
        "redis://h/hunter2",
        "redis://h/0/1",
        "redis://h/0#hunter2",
        "redis://h/0?hunter2",
        "redis://h/0?password=",
        "redis://h/0?socket_timeout=hunter2",
        "redis://h/0?socket_timeout=nan",
        "redis://h/0?socket_timeout=0",
        "redis://h/0?db=-1",
        "redis://h/0?protocol=4",
        "redis://h/0?hunter2=1",
        "redis://h/0?ssl_cert_reqs=none",
        "rediss://h/0?hunter2=1",
        "rediss://h/0?ssl_cert_reqs=hunter2",
        "unix://hunter2/redis.sock",
        "unix://",
    ],
)
def test_a_url_that_the_redis_client_would_stumble_over_is_refused_unseen(url: str) -> None:
    errors = errors_of({}, {"MATCHWATCH_REDIS_URL": url})
    assert list(errors) == ["redis.url"]
    assert errors["redis.url"].startswith("the value (not shown) is wrong; ")
    assert "hunter2" not in errors["redis.url"]


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        "redis://h/",
        "redis://cache-1.shop_eu.internal.:6379/15",
        "redis://ops:p%40%2F%3F%23:w0rd!@h:1/0",
        "redis://[::1]:6379/0",
        "redis://h/0?db=3&username=ops&password=p%26w&protocol=3&health_check_interval=30",
        "rediss://h/0?socket_timeout=1.5&socket_connect_timeout=2",
        "rediss://h/0?ssl_cert_reqs=none&ssl_check_hostname=false",
        "rediss://h/0?ssl_ca_certs=/ca.pem&ssl_certfile=/c.pem&ssl_keyfile=/k.pem",
        "unix:///run/redis.sock?db=1",
        "unix://ops:pw@/run/redis.sock",
    ],
)
def test_what_is_accepted_as_a_redis_url_the_clients_can_use(url: str) -> None:
    assert parse_settings({"redis": {"url": url}}, {}).redis.url == url
    redis.Redis.from_url(url).connection_pool.make_connection()
    redis.asyncio.Redis.from_url(url).connection_pool.make_connection()


def test_the_doctor_tells_a_wrong_url_without_the_password_and_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MATCHWATCH_HOME", str(tmp_path))
    monkeypatch.setenv("MATCHWATCH_REDIS_URL", "redis://:12345/secret@h:6379/0")
    done = CliRunner().invoke(doctor.command, ["--json"])
    assert done.exit_code == 2, done.output
    assert "redis.url: the value (not shown) is wrong" in done.output
    assert "secret" not in done.output


def test_rules_that_no_detector_can_follow_are_told_before_any_server_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MATCHWATCH_HOME", str(tmp_path))
    monkeypatch.setenv("MATCHWATCH_KAFKA_BROKERS", "127.0.0.1:1")
    config = tmp_path / "matchwatch.toml"
    config.write_text('[[rules]]\nname = "a"\nsignal = "ctr"\ndetector = "oracle"\n')
    for role in ("all", "score", "detect"):
        with pytest.raises(BadSettings, match=r"rules\[0\]\.detector: no detector is called 'oracle'"):
            CliRunner().invoke(worker.command, ["--role", role, "--config", str(config)], catch_exceptions=False)
    found = CliRunner().invoke(doctor.command, ["--config", str(config)])
    assert found.exit_code == 2
    assert "rules[0].detector: no detector is called 'oracle'" in found.output


@pytest.mark.parametrize(
    ("text", "told", "cure"),
    [
        ("[fold]\nbucket = 1\n", "fold.bucket: ", "correct these keys in {}"),
        ("[fold\n", "{}: ", "name a TOML file that can be read"),
        (None, "{}: there is no such file", "name a TOML file that can be read"),
    ],
)
def test_the_doctor_and_the_commands_name_the_settings_file_that_is_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, told: str, cure: str
) -> None:
    monkeypatch.setenv("MATCHWATCH_HOME", str(tmp_path))
    config = tmp_path / "of-mine.toml"
    if text is not None:
        config.write_text(text)
    found = CliRunner().invoke(doctor.command, ["--json", "--config", str(config)])
    assert found.exit_code == 2
    (finding,) = [one for one in map(json.loads, found.output.splitlines()) if one["name"] == "settings"]
    assert told.format(config) in finding["found"]
    assert cure.format(config) in finding["cure"]
    with pytest.raises(BadSettings, match=r"of-mine\.toml: "):
        load_settings(config)


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
