"""What `up` started, where other commands find it: `$MATCHWATCH_HOME/stack.json`; and the settings it leads to."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from schemas.config import parse_settings
from schemas.errors import BadSettings, MatchwatchError, SettingError, SettingsUnreadable
from schemas.settings import Settings
from streams.stack.process import Process

_DEFAULT_HOME: Final = ".matchwatch"
_DEFAULT_CONFIG: Final = "matchwatch.toml"


class Server(msgspec.Struct, frozen=True):
    """A server of the stack."""

    name: str
    address: str
    process: Process


class Worker(Server, frozen=True):
    """A worker of the stack; its address is the URL of its HTTP server."""

    kafka: str = ""
    """The brokers that it was told of."""
    redis: str = ""
    """The Redis that it was told of, without its password."""

    def looks_elsewhere(self, settings: Settings) -> bool:
        """Whether it was told of other servers than these settings name."""
        return (self.kafka, self.redis) != (settings.kafka.brokers, settings.redis.shown_url)


class Stack(msgspec.Struct, frozen=True):
    """The local servers and workers, as `stack.json` keeps them."""

    kind: Literal["kafka", "embedded"]
    kafka: Server
    redis: Server
    workers: tuple[Worker, ...] = ()

    @property
    def servers(self) -> tuple[Server, ...]:
        """All, in the order in which they were started."""
        return (self.kafka, self.redis, *self.workers)


def home_folder() -> Path:
    """Give the folder of the local stack: `$MATCHWATCH_HOME`, else `.matchwatch` in the working directory."""
    return Path(os.environ.get("MATCHWATCH_HOME") or _DEFAULT_HOME)


def read_stack(home: Path) -> Stack | None:
    """Give the stack that was started from this home, whether or not it still runs; None if there is none.

    Raises:
        MatchwatchError: the file that describes it cannot be read.
    """
    path = home / "stack.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Stack)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MatchwatchError(
            f"{path} cannot be read ({error}): delete it, and stop what it started by hand"
        ) from error


def write_stack(home: Path, stack: Stack | None) -> None:
    """Keep what was started, whole or not at all; None forgets it."""
    path = home / "stack.json"
    if stack is None:
        path.unlink(missing_ok=True)
        return
    home.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(stack), indent=2))
    unfinished.rename(path)


def load_settings(config: Path | None = None, env: Mapping[str, str] | None = None) -> Settings:
    """Give the settings: the TOML file, over it the addresses of the stack, over both the environment.

    A stack that `up` started counts until `down`, also when its servers have died: a command then fails at the address
    that it was meant for, rather than finding another's Kafka at the default one.

    Args:
        config: the file; None means `$MATCHWATCH_CONFIG`, or `matchwatch.toml` if the working directory has one.
        env: the environment; ours if None.

    Raises:
        BadSettings: the file cannot be read or settings are wrong.
    """
    variables = os.environ if env is None else env
    given = config or (Path(variables["MATCHWATCH_CONFIG"]) if variables.get("MATCHWATCH_CONFIG") else None)
    file = given or Path(_DEFAULT_CONFIG)
    toml = _read(file, must_exist=given is not None)
    named = str(file) if toml else ""
    stack = read_stack(home_folder())
    if stack is not None:
        for server, section, key in ((stack.kafka, "kafka", "brokers"), (stack.redis, "redis", "url")):
            if isinstance(toml.get(section, {}), dict):
                toml[section] = {**toml.get(section, {}), key: server.address}
    try:
        return parse_settings(toml, variables)
    except BadSettings as error:
        raise BadSettings(error.errors, named) from None


def _read(path: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if not must_exist:
            return {}
        problem = "there is no such file"
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problem = str(error)
    raise SettingsUnreadable([SettingError(str(path), problem)])
