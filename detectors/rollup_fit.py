"""Whether a record of `rollups` can be what evaluate writes: fields that belong together.

That its numbers can be counts and sums is what the decoder has seen. Whatever fits can be added up and looked at by
every detector; a record that does not is left out by its reader, so that it stops nobody.
"""

from operator import le
from typing import Final

from schemas.rollup import POSITION_SLOTS, SCORE_BINS, UNKNOWN_SHARES, Moments, Rollup, RollupControl, Sketch
from schemas.timestamps import END_MS

MAX_HORIZONS: Final = 8
MAX_EXEMPLARS: Final = 8
ROUNDED: Final = 1 + 1e-9
"""How much a sum of numbers may be off."""


def misfit(record: Rollup | RollupControl, partitions: int) -> str:
    """Say what cannot be in a record; an empty string where all of it can.

    Args:
        record: as decoded.
        partitions: the most that evaluate works with.
    """
    return _control_misfit(record, partitions) if isinstance(record, RollupControl) else _rollup_misfit(record)


def _control_misfit(control: RollupControl, partitions: int) -> str:
    if not 0 <= control.partition < control.partitions <= partitions:
        return f"partition {control.partition} of {control.partitions}, where there are {partitions}"
    if len(control.closed_through_ms) > MAX_HORIZONS or min(control.closed_through_ms, default=0) < 0:
        return f"horizons {list(control.closed_through_ms)[:MAX_HORIZONS]}"
    times = (
        *control.closed_through_ms.values(),
        control.largest_time_ms,
        control.wall_ms,
        control.watermark_ms + END_MS,
        control.lag_ms or 0,
    )
    if not all(0 <= time_ms <= 2 * END_MS for time_ms in times):
        return "a time that is none"
    return ""


def _rollup_misfit(rollup: Rollup) -> str:
    slots = {len(rollup.score_bins), len(rollup.clicked_score_bins)} - {0, SCORE_BINS}
    slots |= {len(rollup.unknown_share_bins)} - {0, UNKNOWN_SHARES}
    slots |= {len(rollup.shown_at), len(rollup.clicked_at)} - {0, POSITION_SLOTS}
    told = ""
    if not (0 <= rollup.cohort_start_ms < END_MS and rollup.bucket_s > 0 <= rollup.horizon_s and rollup.partition >= 0):
        told = f"cohort {rollup.cohort_start_ms}, bucket {rollup.bucket_s}, horizon {rollup.horizon_s}"
    elif slots or len(rollup.exemplars) > MAX_EXEMPLARS:
        told = f"lists of {sorted(slots)} slots, {len(rollup.exemplars)} exemplars"
    elif not _adds_up(rollup):
        told = "counts that contradict each other"
    return told


def _adds_up(rollup: Rollup) -> bool:
    """Whether parts are no larger than their wholes; rates of them would leave [0, 1]."""
    labels = rollup.labels
    return (
        max(rollup.zero_results, rollup.unscored_searches, labels.clicked_searches) <= rollup.searches
        and max(rollup.missing_titles, labels.clicks, labels.purchases, labels.clicked_searches) <= rollup.impressions
        and rollup.unknown_tokens <= rollup.tokens
        and sum(rollup.unknown_share_bins) <= rollup.searches
        and rollup.match_at_10.count <= rollup.searches
        and max(rollup.ndcg_at_10.count, rollup.mrr.count) <= labels.clicked_searches
        and all(map(_of_shares, (rollup.match_at_10, rollup.ndcg_at_10, rollup.mrr)))
        and _holds_all(rollup.latency_ms, rollup.searches)
        and _holds_all(rollup.scoring_ms, rollup.searches)
        and all(map(le, rollup.clicked_score_bins, rollup.score_bins))
        and all(map(le, rollup.clicked_at, rollup.shown_at))
    )


def _of_shares(moments: Moments) -> bool:
    """Whether they are of numbers between 0 and 1, as sums of rounded ones are."""
    return moments.squares <= moments.total * ROUNDED <= moments.count * ROUNDED**2


def _holds_all(sketch: Sketch, searches: int) -> bool:
    return sketch.count <= searches and sketch.zeros + sum(sketch.bins.values()) == sketch.count
