"""Every error that matchwatch raises on purpose, and what the system does about each.

A message names the thing, the value and the cure. Anything that is not in this file was not foreseen, and stops the
worker before its offsets move.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class MatchwatchError(Exception):
    """The root: the command line prints its message in one line and exits with `exit_code`."""

    exit_code: ClassVar[int] = 1
    """1: another try may help; 2: it does not, a person must change something first."""


class BadRecord(MatchwatchError):
    """A record breaks its contract: it goes to `dead-letters` with reason and path, and costs nothing else."""

    def __init__(self, reason: str, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.reason = reason
        self.path = path
        self.message = message


@dataclass(frozen=True, slots=True)
class SettingError:
    """One wrong setting: where it stands, and what to do about it."""

    path: str
    message: str


class BadSettings(MatchwatchError):
    """Settings are wrong: all errors are shown at once, and the command exits with 2."""

    exit_code = 2

    def __init__(self, errors: Sequence[SettingError], file: str = "") -> None:
        told = "; ".join(f"{error.path}: {error.message}" for error in errors)
        super().__init__(f"{file}: {told}" if file else told)
        self.errors = tuple(errors)
        self.file = file
        """The settings file that was read, empty where there was none."""


class SettingsUnreadable(BadSettings):
    """The settings file is missing, or is no TOML: the command says which and exits with 2."""


class UnusableFile(MatchwatchError):
    """A file that a command was given cannot be used: the command says which line or key, and exits with 2."""

    exit_code = 2


class ModelRefused(MatchwatchError):
    """A model's files are missing, changed or unreadable: the model before it stays live."""


class PoolUnavailable(MatchwatchError):
    """No pool worker answered within the deadline: searches pass on unscored and counted."""


class ServerUnavailable(MatchwatchError):
    """Kafka or Redis does not answer: one line and exit 1, or another try with `--wait`."""


class TopicMismatch(MatchwatchError):
    """A topic is not as the catalogue says, so that records would be lost: no worker starts, one that runs stops."""

    exit_code = 2


class FoldSettingsChanged(MatchwatchError):
    """The settings that shape the fold differ from those of the last commit: no start without `--from-next-cohort`."""


class CommitUnreadable(MatchwatchError):
    """The metadata of a commit cannot be read: the worker does not start without `--from-next-cohort`."""


class DeliveryFailed(MatchwatchError):
    """The broker did not acknowledge an output: the worker stops before its offsets move."""


class SeriesMismatch(MatchwatchError):
    """Two rollups of different series or cohorts were added: a defect of ours."""
