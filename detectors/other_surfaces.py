"""Whether the other surfaces of an application changed as well when one of them did."""

from typing import Final, Literal

import numpy as np

from detectors.slice_changes import take_apart
from detectors.slice_noise import upper_tail
from detectors.slice_table import SliceTable
from schemas.alerts import AlertSurface

ALPHA: Final = 0.01
"""Chance to call any surface changed that is not."""
UNCHANGED: Final = 0.5
"""A surface is unchanged if it surely has less than this part of the change that the alert is about."""
_SURELY: Final = 2.33
"""Standard errors: one in a hundred is beyond."""


def compare_surfaces(table: SliceTable, own: str, direction: Literal["up", "down"]) -> list[AlertSurface]:
    """Say of each other surface whether it changed too, in order of name.

    Args:
        table: of the surfaces; empty is the answer where `own` is not in it.
        own: the surface that the alert is about.
        direction: where its signal went.
    """
    changes = take_apart(table)
    if changes is None or own not in table.values:
        return []
    sign = 1.0 if direction == "up" else -1.0
    evidence = sign * changes.own_changes()
    size = sign * changes.sizes(np.ones(len(table.values), dtype=bool))[0]
    error = changes.size_errors()
    limit = UNCHANGED * float(size[table.values.index(own)])
    found = []
    for place, name in enumerate(table.values):
        if name == own:
            continue
        verdict: Literal["changed", "unchanged", "unclear"] = "unclear"
        if (len(table.values) - 1) * upper_tail(float(evidence[place])) <= ALPHA:
            verdict = "changed"
        elif error is not None and changes.testable[place] and size[place] + _SURELY * error[place] < limit:
            verdict = "unchanged"
        before, after = (float(f"{x[place]:.4g}") for x in (changes.level_before, changes.level_after))
        found.append(AlertSurface(name, verdict, before, after))
    return found
