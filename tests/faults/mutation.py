"""One protection, the small change of source that switches it off, and the test that must fail then."""

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
    also: tuple[tuple[str, str], ...] = ()
    """Further changes of the same file, (old, new) each: where two protections keep one promise, both go together."""
    note: str = ""
    """Why more than one change is needed to show it; printed below the table."""

    @property
    def name(self) -> str:
        """A short name for the command line."""
        return self.protection.lower().translate(str.maketrans(" ", "-", ",;:'()"))

    def applied_to(self, text: str) -> str:
        """Give the file's text without the protection.

        Raises:
            ValueError: an old text does not stand there exactly once.
        """
        for old, new in ((self.old, self.new), *self.also):
            count = text.count(old)
            if count != 1:
                raise ValueError(f"{self.protection}: {self.file} holds the text {old!r} {count} times, not once")
            text = text.replace(old, new)
        return text


KILL = "tests/faults/test_kill.py::test_kill_9_of_a_stage_changes_nothing"
TERM = "tests/faults/test_sigterm.py::test_sigterm_of_a_stage_leaves_nothing_to_be_written_twice"
ZOMBIE = "tests/faults/test_zombie.py::test_output_of_a_zombie_that_arrives_after_its_successors_changes_nothing"
LOST = "tests/faults/test_lost_output.py::test_output_that_never_arrives_is_written_by_the_successor"
