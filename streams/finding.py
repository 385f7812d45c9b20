"""What `doctor` says about one thing."""

from typing import Literal

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    name: str
    verdict: Literal["ok", "warn", "fail"]
    found: str
    cure: str = ""
