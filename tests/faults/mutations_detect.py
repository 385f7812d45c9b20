"""Protections of detect, switched off; see `tests/faults/mutation.py`."""

from typing import Final

from tests.faults.mutation import KILL, LOST, TERM, ZOMBIE, Mutation

DETECT = "tests/faults/test_detect_moments.py::test_detect_killed_while_it_publishes_an_alert"

DETECT_MUTATIONS: Final = (
    Mutation(
        "A silence begins anew behind what came in it",
        "detectors/silence.py",
        "            if self.silent_since_wall_ms is None or frontier.largest_time_ms > self.silent_from_ms:\n",
        "            if self.silent_since_wall_ms is None:\n",
        "tests/unit/detect/test_silence.py::"
        "test_a_control_that_is_still_called_idle_when_searches_have_come_back_decides_nothing_ahead_of_them",
        "searches are missed that nobody can have made yet",
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
        "tests/faults/test_detector_state.py::test_detect_goes_on_from_its_state_where_the_rollups_before_it_are_gone",
    ),
    Mutation(
        "Detect: SIGTERM leaves the newest state",
        "streams/stages/detect.py",
        "            await self._write_state()\n            await self._commit()\n",
        "            pass\n",
        f"{TERM}[detect]",
        "was written twice",
    ),
    Mutation(
        "Detect: repeated rollups are recognised",
        "detectors/pending_rollups.py",
        "            return Arrival.REPEAT if known == digest else Arrival.DIFFERING\n",
        "            rollup = msgspec.structs.replace(rollup, partition=100 + len(self._hashes[cohort]))\n"
        "            who = (rollup.series, rollup.partition)\n",
        f"{ZOMBIE}[evaluate]",
    ),
)
