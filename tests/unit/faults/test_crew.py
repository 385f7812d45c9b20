"""Workers of a scene end with the program that started them, also when it is killed and they still wait for servers."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from streams.stack.process import Process, birth, wait_until_ended

STARTS_ONE_AND_HANGS = """
import os, sys, time
from pathlib import Path
from tests.faults.crew import Crew
crew = Crew({**os.environ, "MATCHWATCH_KAFKA_BROKERS": "127.0.0.1:1"}, Path(sys.argv[1]))
print(crew.start("detect").process.pid, flush=True)
time.sleep(600)
"""


def test_a_worker_that_waits_for_servers_ends_with_a_crew_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTS_ONE_AND_HANGS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as crew:
        try:
            assert crew.stdout is not None
            pid = int(crew.stdout.readline())
            born = birth(pid)
            assert born is not None
            worker = Process(pid=pid, born=born, log="")
        finally:
            crew.kill()
    try:
        assert wait_until_ended(worker, 30.0)
    finally:
        if worker.alive:
            os.kill(pid, signal.SIGKILL)
