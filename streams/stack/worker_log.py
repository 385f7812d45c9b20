"""Why a worker has ended, as its log tells."""

from pathlib import Path
from typing import Final

from streams.stack.process import last_line

_CRITICAL: Final = "CRITICAL"
_FAUSTS_OWN: Final = "We experienced a crash"
"""Faust says so after any failure: the reason stands before it."""
_LONGEST: Final = 600
_TAIL_BYTES: Final = 65_536


def reason_of_end(log: Path | str) -> str:
    """Give what a worker said last about its end: one line for the person who started it."""
    last = last_line(log)
    if last.startswith("matchwatch: "):
        return last  # refused before it began
    try:
        with Path(log).open("rb") as file:
            file.seek(max(0, Path(log).stat().st_size - _TAIL_BYTES))
            lines = file.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return last
    crashes = 0
    for line in reversed(lines):
        if _FAUSTS_OWN in line:
            crashes += 1
            if crashes > 1:
                break  # what stands before is of an earlier worker
        elif f"[{_CRITICAL}]" in line:
            return line.partition(f"[{_CRITICAL}]")[2].strip()[:_LONGEST]
    return last
