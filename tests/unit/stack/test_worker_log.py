"""What is said of a worker that ended at its start."""

from pathlib import Path

from streams.stack.worker_log import reason_of_end

STAMP = "[2026-11-24 23:06:18,366] [4386] "
CRASH = f"{STAMP}[CRITICAL] [^Worker]: We experienced a crash! Reraising original exception... \n"


def test_the_reason_is_our_own_word_and_not_that_of_the_library_after_it(tmp_path: Path) -> None:
    log = tmp_path / "evaluate.log"
    log.write_text(f"{STAMP}[CRITICAL] partition 0: restore [fold] \nTraceback (most recent call last):\n{CRASH}")
    assert reason_of_end(log) == "partition 0: restore [fold]"


def test_the_reason_of_an_earlier_worker_is_not_given_for_a_later_one(tmp_path: Path) -> None:
    log = tmp_path / "evaluate.log"
    log.write_text(f"{STAMP}[CRITICAL] the old reason\n{CRASH}ValueError: unforeseen\n{CRASH}")
    assert "the old reason" not in reason_of_end(log)


def test_a_worker_that_refused_to_begin_has_said_why_in_its_last_line(tmp_path: Path) -> None:
    log = tmp_path / "evaluate.log"
    log.write_text(f"{STAMP}[CRITICAL] the old reason\n{CRASH}matchwatch: settings: kafka.brokers: wrong\n")
    assert reason_of_end(log) == "matchwatch: settings: kafka.brokers: wrong"
    assert reason_of_end(tmp_path / "none.log") == "it printed nothing"
