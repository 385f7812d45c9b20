from itertools import takewhile
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.checkpoint import Checkpoint
from detectors.evaluate import EvaluateFold
from schemas.scores import ScoreBlock, ScoreControl
from tests.property.evaluate.shop_log import SETTINGS, as_block, as_columns, brute_force, make_log

END_MS = 4_000_000_000_000


class Run:
    """A fold fed from two logs, as the stage feeds it, with commits and crashes."""

    def __init__(self, log):
        source = 0
        self.scores = []
        for searches in log.blocks:
            self.scores.append(as_block(searches, source))
            source += len(searches)
        self.scores.append(ScoreControl(0, source, {}, False, 0, END_MS))
        self.clicks = [as_columns(batch) for batch in log.clicks]
        self.rollups = {}
        self.differing = 0
        self.fold = EvaluateFold(SETTINGS, 0)
        self.at = [0, 0]
        self.commit = (self.fold.checkpoint(0, 0, "s").encode(), (0, 0))

    def lengths(self):
        return len(self.scores), len(self.clicks) + 1

    def step(self, topic, until, together=1):
        """Apply what comes next of a topic; blocks that lie behind each other may go together."""
        if topic == 0:
            place = self.at[0]
            run = self.scores[place : min(place + together, until)]
            blocks = list(takewhile(lambda record: isinstance(record, ScoreBlock), run))
            if blocks:
                self.fold.apply_blocks(blocks, place)
                self.at[0] += len(blocks)
                return
            self.fold.apply_scores(self.scores[place], place)
        elif self.at[1] == len(self.clicks):
            self.fold.finish_clicks(END_MS)
        else:
            self.fold.apply_clicks(self.clicks[self.at[1]], self.at[1])
        self.at[topic] += 1

    def emit(self):
        for rollup in self.fold.close():
            key = (rollup.series, rollup.cohort_start_ms, rollup.horizon_s)
            self.differing += self.rollups.setdefault(key, rollup) != rollup

    def commit_now(self):
        self.commit = (self.fold.checkpoint(*self.at, "s").encode(), tuple(self.at))

    def crash(self, random):
        metadata, committed = self.commit
        checkpoint = Checkpoint.decode(metadata)
        assert len(metadata) < 4096
        self.fold = EvaluateFold(SETTINGS, 0, checkpoint)
        self.at = [checkpoint.scores.offset, checkpoint.clicks.offset]
        while self.at[0] < committed[0] or self.at[1] < committed[1]:
            topic = random.randrange(2)
            if self.at[topic] < committed[topic]:
                self.step(topic, committed[topic], random.choice([1, 3, 20]))
                if random.random() < 0.5:
                    self.emit()
        self.fold.end_replay()

    def finish(self, random, crashes=0.0):
        lengths = self.lengths()
        while tuple(self.at) != lengths:
            topic = random.randrange(2)
            together = random.choice([1, 1, 3, 20])
            for _ in range(random.choice([1, 1, 4, 30])):
                if self.at[topic] < lengths[topic]:
                    self.step(topic, lengths[topic], together)
            if random.random() < 0.7:
                self.emit()
                if random.random() < 0.6:
                    self.commit_now()
            if random.random() < crashes:
                self.crash(random)
        self.emit()
        return self


def readable(rollups):
    rows = {}
    for (series, cohort, horizon), r in rollups.items():
        if horizon:
            row = {
                "searches": r.searches,
                "impressions": r.impressions,
                "zero_results": r.zero_results,
                "clicks": r.labels.clicks,
                "purchases": r.labels.purchases,
                "xx": r.labels.xx,
                "xm": r.labels.xm,
                "concordant": r.pairs.concordant,
                "discordant": r.pairs.discordant,
                "tied": r.pairs.tied,
                "shown_concordant": r.shown_pairs.concordant,
                **{f"unknown_share_{slot}": count for slot, count in enumerate(r.unknown_share_bins)},
                "clicked_searches": r.mrr.count,
                # As fine as doubles are when they are added up in another order.
                "ndcg": round(r.ndcg_at_10.total, 9),
                "ndcg_squares": round(r.ndcg_at_10.squares, 9),
                "reciprocal_ranks": round(r.mrr.total, 9),
                "reciprocal_rank_squares": round(r.mrr.squares, 9),
            }
            rows[series.version, cohort, horizon] = {name: n for name, n in row.items() if n}
    return rows


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_the_fold_counts_what_a_brute_force_count_counts(seed):
    log = make_log(seed)
    run = Run(log).finish(Random(seed))
    rows, totals = brute_force(log)
    counted = {key: {name: round(n, 9) for name, n in row.items() if n} for key, row in rows.items()}
    assert readable(run.rollups) == counted, "rollups differ from the brute-force count"
    assert run.fold.totals == totals, "totals differ from the brute-force count"


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**9), order=st.integers(0, 10**9))
def test_any_interleaving_of_the_two_topics_gives_the_same_rollups(seed, order):
    log = make_log(seed)
    one, other = Run(log).finish(Random(1)), Run(log).finish(Random(order))
    assert one.rollups == other.rollups
    assert one.fold.totals == other.fold.totals


def cut_with_overlaps(searches, random):
    """Cut a log into blocks as a score and a successor that begins anew would: some searches are written again."""
    blocks, at = [], 0
    while at < len(searches):
        first = max(0, at - random.choice([0, 0, 0, 1, 3, 9]))
        end = min(len(searches), at + random.choice([0, 1, 2, 5]))
        if end > first:
            blocks.append(as_block(searches[first:end], first))
        at = max(at, end)
    return blocks


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**9), together=st.integers(2, 40), anew=st.booleans())
def test_blocks_applied_together_leave_what_they_leave_one_by_one(seed, together, anew):
    log, random = make_log(seed), Random(seed)
    blocks = cut_with_overlaps([search for block in log.blocks for search in block], random)
    left = []
    for at_once in (1, together):
        fold = EvaluateFold(SETTINGS, 0, from_next_cohort=anew)
        for number, batch in enumerate(log.clicks):
            fold.apply_clicks(as_columns(batch), number)
        rollups = []
        for place in range(0, len(blocks), together):
            for first in range(place, min(place + together, len(blocks)), at_once):
                fold.apply_blocks(blocks[first : first + at_once], first)
            rollups += fold.close()
        fold.finish_clicks(END_MS)
        fold.apply_scores(ScoreControl(0, 0, {}, False, 0, END_MS), len(blocks))
        rollups += fold.close()
        checkpoint = fold.checkpoint(len(blocks), len(log.clicks), "s")
        left.append((rollups, fold.totals, checkpoint.closed_through_ms, checkpoint.source_offset))
    assert left[0] == left[1]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9), order=st.integers(0, 10**9))
def test_any_crash_points_give_the_same_rollups_and_totals(seed, order):
    log = make_log(seed)
    whole, broken = Run(log).finish(Random(1)), Run(log).finish(Random(order), crashes=0.3)
    again = broken.rollups.keys() - whole.rollups.keys()
    assert not again, "the broken run emits rollups that the whole one does not"
    assert broken.rollups == whole.rollups, "rollups differ after crashes"
    assert broken.differing == 0, "repeated rollups differ from their first"
    assert broken.fold.totals == whole.fold.totals, "totals differ after crashes"
