"""Protections of score, switched off; see `tests/faults/mutation.py`."""

from typing import Final

from tests.faults.mutation import KILL, LOST, TERM, Mutation

SCORE_MUTATIONS: Final = (
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
)
