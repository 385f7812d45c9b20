"""One run of a program under measure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

READY_S: Final = 120.0
"""How long a program may take to come up and read its first pass."""
DONE_S: Final = 600.0
"""How long it may take over the measured part."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run cost."""

    searches: int
    cpu_s: dict[str, float] = field(default_factory=dict)
    """By process."""

    @property
    def searches_per_cpu_s(self) -> float:
        """Over all processes."""
        return self.searches / sum(self.cpu_s.values())

    def searches_per_cpu_s_of(self, processes: Sequence[str]) -> float:
        """Over some of the processes."""
        return self.searches / sum(self.cpu_s[process] for process in processes)

    def us_per_search(self, process: str) -> float:
        """CPU time of one process for each search, microseconds."""
        return self.cpu_s[process] / self.searches * 1e6
