"""CPU time of processes: user and system, of all their threads and of their children."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids: Iterable[int]) -> float:
    """Sum the CPU time of processes and of all that descend from them, in seconds, in steps of one kernel tick.

    Children that have ended count with the parent that waited for them.

    Raises:
        ProcessLookupError: one of the processes has ended.
    """
    wanted = set(pids)
    stats = _stats()
    for pid in wanted:
        if pid not in stats:
            raise ProcessLookupError(f"process {pid} has ended")
    family = set(wanted)
    grown = True
    while grown:
        more = {pid for pid, (parent, _) in stats.items() if parent in family} - family
        family |= more
        grown = bool(more)
    return sum(stats[pid][1] for pid in family) / _TICKS


def _stats() -> dict[int, tuple[int, int]]:
    """Parent and ticks of every process."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The name, in parentheses, may hold spaces and parentheses; the fields count from behind it.
            fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        found[int(entry.name)] = (int(fields[1]), sum(map(int, fields[11:15])))
    return found
