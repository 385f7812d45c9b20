"""What the command line asks of a bench."""

from collections.abc import Callable
from dataclasses import dataclass

from schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Options:
    """Common to all benches; each takes what it needs."""

    settings: Settings
    runs: int
    searches: int
    """In each run; in `recover` how many are open."""
    rate: float
    """Searches a second of event time."""
    tell: Callable[[str], None]
    """Told what goes on, in one line."""
    seed: int = 1
    """Of what is drawn, in the benches of detection."""
