"""Protections of evaluate and of its fold, switched off; see `tests/faults/mutation.py`."""

from typing import Final

from tests.faults.mutation import KILL, LOST, TERM, ZOMBIE, Mutation

MOVED_PAST = (
    "tests/faults/test_moved_past.py::"
    "test_a_worker_that_comes_back_does_not_go_on_from_state_that_another_has_moved_past"
)
REDIS = "tests/faults/test_redis.py::test_a_redis_that_is_killed_and_one_that_is_emptied_are_right_again_within_seconds"
FOLD = "tests/property/evaluate/test_evaluate_fold.py::"
"""In memory: what a stage would repair or a reader see through shows in the fold alone."""
CRASHES = f"{FOLD}test_any_crash_points_give_the_same_rollups_and_totals"
BRUTE_FORCE = f"{FOLD}test_the_fold_counts_what_a_brute_force_count_counts"

EVALUATE_MUTATIONS: Final = (
    Mutation(
        "What has a known source offset is skipped",
        "detectors/evaluate.py",
        "fresh = columns.source_offsets > reached[:-1]",
        "fresh = columns.source_offsets > -2",
        f"{ZOMBIE}[score]",
    ),
    Mutation(
        "Evaluate: offsets only after acknowledged rollups",
        "streams/stages/evaluate.py",
        "            await self._send(closed, controls)\n            if commits:\n"
        "                await self._commit(commits, generation)\n",
        "            if commits:\n                await self._commit(commits, generation)\n"
        "            await self._send(closed, controls)\n",
        f"{LOST}[evaluate-rollups]",
    ),
    Mutation(
        "Evaluate: dead letters before offsets",
        "streams/stages/evaluate.py",
        "            await send_dead_letters(self._producer, self._settings.kafka.topic_prefix, letters)\n"
        "            await self._send(closed, controls)\n            if commits:\n"
        "                await self._commit(commits, generation)\n",
        "            await self._send(closed, controls)\n            if commits:\n"
        "                await self._commit(commits, generation)\n"
        "            await send_dead_letters(self._producer, self._settings.kafka.topic_prefix, letters)\n",
        f"{LOST}[evaluate-dead-letters]",
    ),
    Mutation(
        "Evaluate: a successor reads from the rebuild offset, not from the commit",
        "streams/stages/evaluate.py",
        "scores=Part(scores_tp, checkpoint.scores.offset if checkpoint else scores_offset, scores_offset),",
        "scores=Part(scores_tp, scores_offset, scores_offset),",
        f"{KILL}[evaluate]",
    ),
    Mutation(
        "Evaluate: clicks are read from their rebuild offset",
        "streams/stages/evaluate.py",
        "clicks=Part(clicks_tp, checkpoint.clicks.offset if checkpoint else clicks_offset, clicks_offset),",
        "clicks=Part(clicks_tp, clicks_offset, clicks_offset),",
        f"{KILL}[evaluate]",
    ),
    Mutation(
        "Evaluate: what is closed is not emitted again",
        "detectors/closing.py",
        "        self.through_ms = {**dict.fromkeys((LABEL_FREE, *settings.horizons_s), 0), **through_ms}\n",
        "        self.through_ms = dict.fromkeys((LABEL_FREE, *settings.horizons_s), 0)\n",
        CRASHES,
        "repeated rollups differ from their first",
    ),
    Mutation(
        "Evaluate: a replay counts nothing twice",
        "detectors/event_totals.py",
        "        if number and self._counted is None:",
        "        if number:",
        CRASHES,
        "totals differ after crashes",
        also=(
            (
                "            self._counts = Counter(self._counted)\n",
                "            self._counts.update(self._counted)\n",
            ),
        ),
        note="a replay does not count, and the totals of the commit take the place of what it counted: either alone is "
        "enough, so both are switched off",
    ),
    Mutation(
        "Evaluate: totals travel in the commit",
        "detectors/event_totals.py",
        "            self._counts = Counter(self._counted)\n",
        "            self._counts = Counter()\n",
        f"{KILL}[evaluate]",
    ),
    Mutation(
        "Evaluate: SIGTERM sends and commits what is closed",
        "streams/stages/evaluate.py",
        '        """Send and commit what is closed."""\n        await self._flush(last=True)\n\n'
        "    async def on_stopped",
        '        """Send and commit what is closed."""\n\n    async def on_stopped',
        f"{TERM}[evaluate]",
        "was written twice",
    ),
    Mutation(
        "Evaluate: state that another owner has moved past is not taken back",
        "streams/stages/evaluate.py",
        "            parked is not None\n            and not parked.replaying\n"
        "            and (scores.offset or 0) <= parked.scores.position\n"
        "            and (clicks.offset or 0) <= parked.clicks.position\n"
        "            # Another owner may have closed cohorts without reading anything, where clicks had stopped.\n"
        "            and (checkpoint is None or parked.fold.has_closed(checkpoint.closed_through_ms))\n",
        "            parked is not None\n",
        MOVED_PAST,
        "repeats differ from their first",
    ),
    Mutation(
        "Late is decided by the largest accepted time of the partition",
        "detectors/evaluate.py",
        "        late = columns.times_ms < watermarks\n",
        "        late = columns.times_ms < 0\n",
        BRUTE_FORCE,
        "rollups differ from the brute-force count",
    ),
    Mutation(
        "A click waits for its search",
        "detectors/click_join.py",
        "        hopeless = open_ended.times_ms < watermark_ms - self._lateness_ms\n",
        "        hopeless = open_ended.times_ms > -1\n",
        f"{KILL}[evaluate]",
    ),
    Mutation(
        "A horizon closes by the smaller watermark",
        "detectors/evaluate.py",
        "both_ms = searches_ms if clicks_idle else min(searches_ms, self.clicks_watermark_ms)",
        "both_ms = searches_ms",
        f"{KILL}[evaluate]",
    ),
    Mutation(
        "The first copy of a repeat is read again by a successor",
        "detectors/first_of_id.py",
        "            self._draw_back(end_ms - self._bucket_ms, seen.mark, mark)\n",
        "",
        CRASHES,
        "rollups differ after crashes",
    ),
    Mutation(
        "A repeat is told from a first by its id",
        "detectors/first_of_id.py",
        "        accepted = timely.copy()\n",
        "        return timely.copy()\n        accepted = timely.copy()\n",
        BRUTE_FORCE,
        "rollups differ from the brute-force count",
    ),
    Mutation(
        "Controls lie behind the rollups that they cover",
        "streams/stages/evaluate.py",
        "        records = [OutRecord(series_key(rollup.series), encode_rollup(rollup)) for rollup in closed]\n"
        "        records += [OutRecord(None, encode_rollup(control)) for control in controls]\n",
        "        records = [OutRecord(None, encode_rollup(control)) for control in controls]\n"
        "        records += [OutRecord(series_key(rollup.series), encode_rollup(rollup)) for rollup in closed]\n",
        f"{KILL}[detect]",
    ),
    Mutation(
        "Redis is rewritten every second with absolute values",
        "streams/stages/evaluate.py",
        "        while True:\n            await asyncio.sleep(SHOW_EVERY_S)\n",
        "        for _ in range(8):\n            await asyncio.sleep(SHOW_EVERY_S)\n",
        REDIS,
        "the counters do not come back",
    ),
    Mutation(
        "A source is idle only where it stands at its end",
        "streams/stages/idle_clock.py",
        "stands = at_end and position == self._position and step_s <= MAX_TICK_S",
        "stands = position == self._position and step_s <= MAX_TICK_S",
        "tests/unit/streams/test_idle_clock.py::test_records_that_wait_end_idleness",
        "idle although records wait",
    ),
)
