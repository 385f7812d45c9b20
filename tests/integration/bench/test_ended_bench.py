"""A bench that is told to end leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

DEADLINE_S = 90.0


def processes_with(variable: str) -> set[int]:
    """Those whose environment has this variable."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and variable.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.add(int(entry.name))
        except OSError:
            continue  # it has just ended, or is another user's
    return found


@pytest.mark.kafka
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_bench_that_is_told_to_end_leaves_no_process_and_no_folder(tmp_path: Path, number: signal.Signals) -> None:
    folder, said = tmp_path / "temporary", tmp_path / "said.txt"
    folder.mkdir()
    environment = {**os.environ, "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "streams.cli.main", "bench", "evaluate", "--searches", "20000", "--runs", "1"]
    with said.open("wb") as out:
        bench = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        until_s = time.monotonic() + DEADLINE_S
        while not list(folder.glob("matchwatch-bench-*/*/evaluate.log")):
            assert bench.poll() is None, said.read_text()
            assert time.monotonic() < until_s, "no process under measure has started"
            time.sleep(0.05)
        assert len(processes_with(f"TMPDIR={folder}")) > 3  # itself, Kafka, Redis and what is measured
        bench.send_signal(number)
        assert bench.wait(DEADLINE_S) == 128 + number, said.read_text()
    finally:
        bench.kill()
        bench.wait()
    assert not list(folder.iterdir())
    until_s = time.monotonic() + DEADLINE_S
    while found := processes_with(f"TMPDIR={folder}"):  # what watches over the servers ends a moment after them
        assert time.monotonic() < until_s, f"still there: {found}"
        time.sleep(0.05)
