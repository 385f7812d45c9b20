"""Every protection, the small change of source that switches it off, and the test that must fail then.

A test that passes without what it is there for shows nothing. `python -m tests.faults.run_mutations` applies each
change to a copy of the packages and runs its test; a unit test sees to it that each change still fits the source.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Mutation:
    """One protection switched off."""

    protection: str
    file: str
    old: str
    """Must stand in the file exactly once."""
    new: str
    test: str
    """Path and name of the test that must fail, as pytest takes it."""
    because: str = "things differ"
    """What the failure must say: an import error or a wrong name would also fail."""

    @property
    def name(self) -> str:
        """A short name for the command line."""
        return self.protection.lower().translate(str.maketrans(" ", "-", ",;:'()"))

    def applied_to(self, text: str) -> str:
        """Give the file's text without the protection.

        Raises:
            ValueError: `old` does not stand there exactly once.
        """
        count = text.count(self.old)
        if count != 1:
            raise ValueError(f"{self.protection}: {self.file} holds the text to replace {count} times, not once")
        return text.replace(self.old, self.new)


KILL = "tests/faults/test_kill.py::test_kill_9_of_a_stage_changes_nothing"
TERM = "tests/faults/test_kill.py::test_sigterm_of_a_stage_leaves_nothing_to_be_written_twice"
STOPPED = "tests/faults/test_kill.py::test_a_zombie_that_wakes_after_its_successor_took_over_changes_nothing"
ZOMBIE = "tests/faults/test_zombie.py::test_output_of_a_zombie_that_arrives_after_its_successors_changes_nothing"
LOST = "tests/faults/test_lost_output.py::test_output_that_never_arrives_is_written_by_the_successor"
DETECT = "tests/faults/test_detect_moments.py::test_detect_killed_while_it_publishes_an_alert"
REBALANCE = (
    "tests/faults/test_rebalance.py::"
    "test_two_workers_that_leave_and_join_again_and_again_share_the_work_and_change_nothing"
)
REDIS = "tests/faults/test_redis.py::test_a_redis_that_is_killed_and_one_that_is_emptied_are_right_again_within_seconds"
FOLD = "tests/property/evaluate/test_evaluate_fold.py"
"""Crashes at any point, in memory: what a stage would repair or a reader see through shows in the fold alone."""
DELIVERY = "tests/contract/transport/test_transport_delivery.py::"

MUTATIONS: Final = (
    Mutation(
        "What has a known source offset is skipped",
        "detectors/evaluate.py",
        "fresh = columns.source_offsets > self._source_offset",
        "fresh = columns.source_offsets > -2",
        f"{ZOMBIE}[score]",
    ),
    Mutation(
        "Score: offsets only after acknowledged blocks",
        "streams/stages/score.py",
        "        await send_dead_letters(self._producer, self._prefix, work.letters)\n        if out:",
        "        line.done_offset = max(line.done_offset, work.next_offset)\n"
        "        await send_dead_letters(self._producer, self._prefix, work.letters)\n        if out:",
        f"{LOST}[score-match-scores]",
    ),
    Mutation(
        "Score: dead letters before offsets",
        "streams/stages/score.py",
        "        await send_dead_letters(self._producer, self._prefix, work.letters)\n        if out:\n"
        "            await self._producer.send_ordered(self._prefix + MATCH_SCORES.name, line.tp.partition, out)\n"
        "        # Together, without an await between: a commit must not count what it does not cover.\n"
        "        line.done_offset, line.verdicts = max(line.done_offset, work.next_offset), verdicts\n",
        "        if out:\n"
        "            await self._producer.send_ordered(self._prefix + MATCH_SCORES.name, line.tp.partition, out)\n"
        "        line.done_offset, line.verdicts = max(line.done_offset, work.next_offset), verdicts\n"
        "        await send_dead_letters(self._producer, self._prefix, work.letters)\n",
        f"{LOST}[score-dead-letters]",
    ),
    Mutation(
        "Score: counters travel in the commit",
        "streams/stages/score_line.py",
        "return Commit(self.done_offset, msgspec.json.encode(_Totals(dict(self.verdicts))).decode())",
        'return Commit(self.done_offset, "{}")',
        f"{KILL}[score]",
    ),
    Mutation(
        "Score: SIGTERM finishes and commits what is under way",
        "streams/stages/score.py",
        '        """Finish what is under way and commit it."""\n        await self._drain()\n',
        '        """Finish what is under way and commit it."""\n',
        f"{TERM}[score]",
        "was written twice",
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
        "detectors/evaluate.py",
        "            self._closed.update(checkpoint.closed_through_ms)\n",
        "            pass\n",
        FOLD,
        "assert ",
    ),
    Mutation(
        "Evaluate: a replay counts nothing twice",
        "detectors/evaluate.py",
        "        if number and self._checkpoint is None:",
        "        if number:",
        f"{KILL}[evaluate]",
        "",
    ),
    Mutation(
        "Evaluate: totals travel in the commit",
        "detectors/evaluate.py",
        "            self._totals = Counter(self._checkpoint.totals)\n",
        "            self._totals = Counter()\n",
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
        f"{STOPPED}[evaluate]",
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
        FOLD,
        "assert ",
    ),
    Mutation(
        "A repeat is told from a first by its id",
        "detectors/first_of_id.py",
        "        accepted = timely.copy()\n",
        "        return timely.copy()\n        accepted = timely.copy()\n",
        FOLD,
        "assert ",
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
        "",
    ),
    Mutation(
        "Detect: alerts before offsets",
        "streams/stages/detect.py",
        "        await self._publish(again, replayed=True)\n        await self._publish(outputs)\n"
        "        self._done_offset = max(self._done_offset, batch.next_offset)\n",
        "        self._done_offset = max(self._done_offset, batch.next_offset)\n"
        "        await self._publish(again, replayed=True)\n        await self._publish(outputs)\n",
        f"{LOST}[detect-alerts]",
    ),
    Mutation(
        "Detect: ids of alerts are made of what was decided",
        "detectors/lifecycle.py",
        "    return _hash((fingerprint, str(cohort_start_ms), transition, str(repeat)))\n",
        '    return __import__("secrets").token_hex(8)\n',
        f"{DETECT}[before the alert]",
    ),
    Mutation(
        "Detect: a successor knows which alerts were sent",
        "streams/stages/detect.py",
        "            await self._read_sent_alerts()\n",
        "",
        f"{DETECT}[between alert and signals]",
        "sent twice",
    ),
    Mutation(
        "Detect: a successor reads on from its state, not from the commit",
        "streams/stages/detect.py",
        "            return {tp: max(self._fold.offset + 1, state.log_start)}\n",
        "            return {tp: max(self._done_offset, state.log_start)}\n",
        f"{KILL}[detect]",
    ),
    Mutation(
        "Detect: state is written and loaded",
        "streams/stages/detect.py",
        "        for state in await self._state.read():\n",
        "        for state in []:\n",
        f"{KILL}[detect]",
    ),
    Mutation(
        "Detect: repeated rollups are recognised",
        "detectors/pending_rollups.py",
        "            return Arrival.REPEAT if known == digest else Arrival.DIFFERING\n",
        "            rollup = msgspec.structs.replace(rollup, partition=100 + len(self._hashes[cohort]))\n"
        "            who = (rollup.series, rollup.partition)\n",
        f"{ZOMBIE}[evaluate]",
    ),
    Mutation(
        "Commits name the generation they were computed in",
        "streams/transport/commit_request.py",
        "        assignment.generation,\n        assignment.member_id,\n",
        "        coordinator.generation,\n        coordinator.member_id,\n",
        f"{DELIVERY}test_a_zombie_commits_nothing_and_joins_as_a_new_member",
        "AssertionError",
    ),
    Mutation(
        "Nothing is committed after a failure",
        "streams/transport/driver.py",
        "            except Exception as error:\n                self._failed = True\n"
        "                self._app.on_failure()\n                _say(error)\n                raise\n",
        "            except Exception:\n                raise\n",
        f"{DELIVERY}test_a_handler_that_fails_stops_the_worker_before_its_offsets_move",
        "AssertionError",
    ),
    Mutation(
        "Nothing is sent behind a batch that was refused",
        "streams/transport/ordered_producer.py",
        "        if self._failure is not None:\n            raise self._failure\n",
        "",
        "tests/contract/transport/test_ordered_producer.py::test_nothing_follows_a_batch_that_the_broker_refused",
        "DID NOT RAISE",
    ),
    Mutation(
        "A worker's session ends soon after its death",
        "streams/worker.py",
        "session_timeout_s=settings.kafka.session_timeout_s,",
        "session_timeout_s=900,",
        f"{KILL}[evaluate]",
        "",
    ),
    Mutation(
        "A source is idle only where it stands at its end",
        "streams/stages/idle_clock.py",
        "stands = at_end and position == self._position and step_s <= MAX_TICK_S",
        "stands = position == self._position and step_s <= MAX_TICK_S",
        "tests/unit/streams/test_idle_clock.py",
        "AssertionError",
    ),
)
