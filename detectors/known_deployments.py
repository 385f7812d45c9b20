"""The deployments that detect knows of: which versions serve at a time, and which are tried as canaries."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from detectors.deployments import DeploymentMark, canaries
from schemas.scores import Series

MAX_DEPLOYMENTS: Final = 200
"""The newest are kept."""


class KnownDeployments:
    """Deployments in order of time. Who reads the log again knows them all from the start."""

    def __init__(self) -> None:
        self.marks: list[DeploymentMark] = []
        """Always the same list: whoever was given it sees what is learned later."""

    def learn(self, mark: DeploymentMark) -> None:
        """Take a deployment; a repeat changes nothing."""
        if mark not in self.marks:
            self.marks[:] = sorted([*self.marks, mark])[-MAX_DEPLOYMENTS:]

    def trials(self, at_ms: int) -> dict[tuple[str, str], str]:
        """Give the (model, version) pairs that are canaries at a time, each with its live version; "" if unknown."""
        return canaries(self.marks, at_ms) if any(mark.role == "canary" for mark in self.marks) else {}

    def serves(self, series: Series, at_ms: int) -> bool:
        """Whether a version is expected to get searches; a live deployment retires the version it replaces.

        Deployments after `at_ms` do not count.
        """
        if series == series.all_versions():
            return True
        serves = True
        for mark in self.marks:
            if mark.model != series.model or mark.time_ms > at_ms:
                continue
            if mark.version == series.version:
                serves = mark.role in {"live", "canary"}
            elif mark.role == "live":
                serves = False
        return serves

    def state(self) -> list[dict[str, Any]]:
        """Give everything as plain numbers and names."""
        plain: list[dict[str, Any]] = msgspec.to_builtins(self.marks)
        return plain

    def restore(self, state: Sequence[Any]) -> None:
        """Take up where another one gave its `state`."""
        self.marks[:] = msgspec.convert(state, list[DeploymentMark])
