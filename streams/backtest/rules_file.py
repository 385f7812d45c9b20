"""The rules of a file of their own: a TOML with `[[rules]]`, checked as those of the settings file are."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from detectors.rule_settings import rules_of
from schemas.config import parse_settings
from schemas.errors import BadSettings, SettingError
from schemas.settings import Settings


def with_rules(settings: Settings, path: Path) -> Settings:
    """Give the settings with the rules of a file in place of their own.

    Raises:
        BadSettings: the file cannot be read, or rules are wrong; each error names the file and the key's path.
    """
    try:
        toml: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadSettings([SettingError(str(path), "there is no such file")]) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings([SettingError(str(path), str(error))]) from error
    errors = [
        SettingError(f"{path}: {name}", "a rules file holds [[rules]] only; the rest is for --config")
        for name in toml
        if name != "rules"
    ]
    if "rules" not in toml:
        errors.append(SettingError(f"{path}: rules", "is missing: write at least one [[rules]]"))
    if errors:
        raise BadSettings(errors)
    try:
        rules = parse_settings({"fold": msgspec.to_builtins(settings.fold), "rules": toml["rules"]}, {}).rules
        rules_of(rules)
    except BadSettings as error:
        raise BadSettings([SettingError(f"{path}: {one.path}", one.message) for one in error.errors]) from error
    return msgspec.structs.replace(settings, rules=rules)
