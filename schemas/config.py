"""From one TOML file and the environment to checked settings: all errors at once, each with its key's path and a cure.

The variable of a key is `MATCHWATCH_<SECTION>_<KEY>`, or with two underscores between its parts, whichever reads
better: `MATCHWATCH_KAFKA_BROKERS`, `MATCHWATCH_FOLD__BUCKET_S`, `MATCHWATCH_SCORE_LIVE_VERSION`. It wins over the file.
Text is taken as it is; numbers, lists and tables are written as in TOML, and a list may also be `60,1800` or `60`.
Rules are set in the file alone. `MATCHWATCH_HOME` and `MATCHWATCH_CONFIG` are no settings: they say where those are.
"""

import difflib
import hashlib
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Final, Literal, TypeGuard, Union, get_args, get_origin

import msgspec

from schemas.errors import BadSettings, SettingError
from schemas.redis_url import fault_of_redis_url
from schemas.settings import (
    SECRET_PATHS,
    DetectSettings,
    FoldSettings,
    HttpSettings,
    KafkaSettings,
    MatchModel,
    RedisSettings,
    Rule,
    ScoreSettings,
    Settings,
)

__all__ = [
    "DetectSettings",
    "FoldSettings",
    "HttpSettings",
    "KafkaSettings",
    "MatchModel",
    "RedisSettings",
    "Rule",
    "ScoreSettings",
    "Settings",
    "parse_settings",
    "settings_hash",
]

PREFIX: Final = "MATCHWATCH_"
NOT_SETTINGS: Final = frozenset({"MATCHWATCH_HOME", "MATCHWATCH_CONFIG"})

# Settings that only say how long to wait or how far to read ahead: the same log gives the same rollups under any.
_SHAPELESS: Final = frozenset({"idle_timeout_s", "align_s"})


def parse_settings(toml: Mapping[str, Any], env: Mapping[str, str]) -> Settings:
    """Check a settings file as a whole, overlaid by the environment.

    Args:
        toml: the parsed TOML file; empty for the defaults.
        env: environment variables; those that do not begin with `MATCHWATCH_` are not looked at.

    Raises:
        BadSettings: something is wrong; it holds every error, so that one run shows them all.
    """
    errors: list[SettingError] = []
    merged = _merged(toml, _overlay(env, errors), "", errors)
    settings: Settings = _table(Settings, merged, "", errors)
    _check_together(settings, errors)
    if errors:
        raise BadSettings(errors)
    return settings


def settings_hash(fold: FoldSettings) -> str:
    """Give 16 hex digits that change exactly when a setting changes that shapes the rollups."""
    shape = {name: value for name, value in msgspec.structs.asdict(fold).items() if name not in _SHAPELESS}
    text = msgspec.json.encode(shape, order="deterministic")
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def _overlay(env: Mapping[str, str], errors: list[SettingError]) -> dict[str, Any]:
    """Give what the environment sets, in the shape of the file."""
    keys = {PREFIX + "_".join(path).upper(): (path, kind) for path, kind in _leaves(Settings, ())}
    overlay: dict[str, Any] = {}
    setters: dict[str, str] = {}
    for variable, text in sorted(env.items()):
        if not variable.startswith(PREFIX) or variable in NOT_SETTINGS:
            continue
        plain = variable.replace("__", "_")
        known = keys.get(plain)
        if known is None:
            errors.append(SettingError(variable, _unknown(variable, [*keys, *sorted(NOT_SETTINGS)])))
            continue
        other = setters.setdefault(plain, variable)
        if other != variable:
            errors.append(SettingError(variable, f"{other} sets the same key; remove one of the two"))
        (*sections, name), kind = known
        table = overlay
        for section in sections:
            table = table.setdefault(section, {})
        table[name] = _value(text, kind)
    return overlay


def _leaves(struct: type[msgspec.Struct], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for field in msgspec.structs.fields(struct):
        if _is_struct(field.type):
            yield from _leaves(field.type, (*path, field.name))
        elif field.name != "rules":
            yield (*path, field.name), field.type


def _value(text: str, kind: Any) -> Any:
    """Read a variable's text as TOML of its key's type; what cannot be read stays text, and is refused later."""
    plain = _plain(kind)
    if plain is str or get_origin(plain) is Literal:
        return text
    is_list = get_origin(plain) is tuple
    for source in [text, f"[{text}]"] if is_list else [text]:
        try:
            value = tomllib.loads(f"value = {source}")["value"]
        except tomllib.TOMLDecodeError:
            continue
        return [value] if is_list and not isinstance(value, list) else value
    return [part.strip() for part in text.split(",")] if is_list else text


def _merged(lower: Any, upper: Mapping[str, Any], path: str, errors: list[SettingError]) -> dict[str, Any]:
    """Lay what the environment sets over a table of the file; what should be a table and is none is an error."""
    if not isinstance(lower, Mapping):
        errors.append(_no_table(lower, path))
        return dict(upper)
    prefix = f"{path}." if path else ""
    laid = {
        key: _merged(lower.get(key, {}), value, f"{prefix}{key}", errors) if isinstance(value, Mapping) else value
        for key, value in upper.items()
    }
    return {**lower, **laid}


def _table(struct: type[msgspec.Struct], value: Any, path: str, errors: list[SettingError]) -> Any:
    """Check one table key by key; gives the struct, with None for each value that is wrong, or None for no table."""
    if not isinstance(value, Mapping):
        errors.append(_no_table(value, path))
        return None
    fields = {field.name: field for field in msgspec.structs.fields(struct)}
    prefix = f"{path}." if path else ""
    errors.extend(SettingError(f"{prefix}{key}", _unknown(key, fields)) for key in value if key not in fields)
    found: dict[str, Any] = {}
    for name, field in fields.items():
        if name in value:
            found[name] = _field(field.type, value[name], f"{prefix}{name}", errors)
        elif field.required:
            errors.append(SettingError(f"{prefix}{name}", "missing; it is required"))
            found[name] = None
    return struct(**found)


def _field(kind: Any, value: Any, path: str, errors: list[SettingError]) -> Any:
    if _is_struct(kind):
        return _table(kind, value, path, errors)
    if path == "rules":
        return _rules(value, errors)
    if get_origin(_plain(kind)) is dict and not _fits_each(kind, value, path, errors):
        return None
    try:
        checked = msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        errors.append(SettingError(path, f"{_shown(value, path)} is wrong; it must be {_wanted(kind, error)}"))
        return None
    if isinstance(checked, float) and not math.isfinite(checked):
        errors.append(SettingError(path, f"{checked} is wrong; it must be a finite number"))
        return None
    return checked


def _rules(value: Any, errors: list[SettingError]) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        errors.append(SettingError("rules", f"{_shown(value, 'rules')} is not a list of tables; write [[rules]]"))
        return ()
    return tuple(_table(Rule, rule, f"rules[{index}]", errors) for index, rule in enumerate(value))


def _fits_each(kind: Any, value: Any, path: str, errors: list[SettingError]) -> bool:
    """Check the names and values of a table that has any names, each for itself."""
    if not isinstance(value, Mapping):
        errors.append(_no_table(value, path))
        return False
    before = len(errors)
    for name, inner in value.items():
        for part_kind, part in zip(get_args(_plain(kind)), (name, inner), strict=True):
            _field(part_kind, part, f"{path}.{name}", errors)
    return len(errors) == before


def _check_together(read: Any, errors: list[SettingError]) -> None:
    """Check what the kind of a key cannot tell, wherever all it takes was read.

    Args:
        read: the settings, with None for each value and section that is wrong by itself.
        errors: is added to.
    """
    url = read.redis and read.redis.url
    fault = url and fault_of_redis_url(url)
    if fault:
        errors.append(SettingError("redis.url", f"{_shown(url, 'redis.url')} is wrong; {fault}"))
    horizons = read.fold and read.fold.horizons_s
    if horizons and list(horizons) != sorted(set(horizons)):
        errors.append(
            SettingError("fold.horizons_s", f"{list(horizons)} does not rise; write each once, shortest first")
        )
    live = read.score and read.score.live and read.score.live.name
    if live and read.score.models is not None and live not in read.score.models:
        message = f"{list(read.score.models)} lacks the live model; add {live!r}"
        errors.append(SettingError("score.models", message))
    if read.score and read.score.pool == "remote" and read.score.workers == ():
        errors.append(SettingError("score.workers", "the pool is remote and no worker is listed; add their addresses"))
    _check_rules(read.rules or (), horizons, errors)


def _check_rules(rules: Iterable[Any], horizons: Sequence[int] | None, errors: list[SettingError]) -> None:
    names: set[str] = set()
    for index, rule in enumerate(rules):
        if rule is None:
            continue
        if rule.name and rule.name in names:
            errors.append(
                SettingError(f"rules[{index}].name", f"{rule.name!r} is taken by a rule above; choose another")
            )
        names.add(rule.name)
        if rule.horizon_s and horizons and rule.horizon_s not in horizons:
            message = f"{rule.horizon_s} is no horizon; take 0 or one of fold.horizons_s, {list(horizons)}"
            errors.append(SettingError(f"rules[{index}].horizon_s", message))


def _is_struct(kind: Any) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _plain(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _wanted(kind: Any, error: Exception) -> str:
    if isinstance(kind, UnionType) or get_origin(kind) is Union:  # of something and None, which TOML cannot write
        return _wanted(get_args(kind)[0], error)
    if get_origin(kind) is Annotated and kind.__metadata__[0].description:
        return str(kind.__metadata__[0].description)
    if get_origin(kind) is Literal:
        return " or ".join(repr(choice) for choice in get_args(kind))
    if get_origin(kind) is tuple:
        return f"a list, each item {_wanted(get_args(kind)[0], error)}"
    return {str: "text", int: "a whole number", float: "a number", bool: "true or false"}.get(kind, str(error))


def _no_table(value: Any, path: str) -> SettingError:
    return SettingError(path, f"{_shown(value, path)} is not a table; write [{path}] and its keys below")


def _unknown(key: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(key), list(known), n=1)
    return f"there is no such setting; did you mean {close[0]}?" if close else "there is no such setting; remove it"


def _shown(value: Any, path: str) -> str:
    if any(f"{secret}.".startswith(f"{path}.") for secret in SECRET_PATHS):
        return "the value (not shown)"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
